package metric

import (
	"fmt"
	"math"
	"sort"
)

// Edges returns the bins+1 edges of equal bins that span all samples, from the
// smallest value to the largest, as numpy.histogram chooses them: when all
// values are the same, v, the bins span [v−0.5, v+0.5]; when there are none,
// [0, 1]. NaNs and infinities are ignored. It panics when bins < 1.
func Edges(bins int, samples ...[]float64) []float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, x := range samples {
		for _, v := range x {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if lo > hi {
		lo, hi = 0, 1
	}
	return edgesBetween(bins, lo, hi)
}

// edgesBetween returns the bins+1 edges of equal bins on [lo, hi], or on
// [lo−0.5, lo+0.5] where lo equals hi. It panics when bins < 1 or lo > hi.
func edgesBetween(bins int, lo, hi float64) []float64 {
	if bins < 1 || !(lo <= hi) {
		panic(fmt.Sprintf("metric: edgesBetween(%d, %v, %v): want at least 1 bin and lo <= hi", bins, lo, hi))
	}
	if lo == hi {
		lo, hi = lo-0.5, hi+0.5
	}
	// step·i + lo, rounded twice, and hi itself last: as numpy.linspace rounds.
	step := (hi - lo) / float64(bins)
	edges := make([]float64, bins+1)
	for i := range edges {
		edges[i] = float64(step*float64(i)) + lo
	}
	edges[bins] = hi
	return edges
}

// Count returns how many values of x fall into each bin: len(edges)−1 numbers.
// A bin holds its left edge and not its right one, except the last, which
// holds both, as numpy.histogram has it. Values outside and NaNs fall into
// none. The edges must rise.
func Count(x, edges []float64) []float64 {
	counts := make([]float64, len(edges)-1)
	last := edges[len(edges)-1]
	for _, v := range x {
		// The first edge beyond v closes v's bin.
		i := sort.Search(len(edges), func(i int) bool { return edges[i] > v }) - 1
		if v == last {
			i = len(counts) - 1
		}
		if i >= 0 && i < len(counts) && !math.IsNaN(v) {
			counts[i]++
		}
	}
	return counts
}

// CountAll is [Count], but values outside the edges count in the first or the
// last bin. Leaving them out would forgive values that the sample which the edges
// span does not have.
func CountAll(x, edges []float64) []float64 {
	inside := make([]float64, len(x))
	for i, v := range x {
		inside[i] = min(max(v, edges[0]), edges[len(edges)-1])
	}
	return Count(inside, edges)
}

// Binned makes a distance between histograms into one between a reference sample
// x and another, y. Both are counted in the same bins, of equal width from the
// smallest value of x to the largest; values of y outside count in the first or the
// last bin.
func Binned(bins int, d Distance) Distance {
	return func(x, y []float64) float64 {
		if !measurable(x) || !measurable(y) {
			return math.NaN()
		}
		edges := Edges(bins, x)
		return d(CountAll(x, edges), CountAll(y, edges))
	}
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}
