package metric

import (
	"fmt"
	"math"
	"sort"
)

// Edges returns the bins+1 edges of equal bins that span all samples, from the
// smallest value to the largest, as numpy.histogram chooses them: when all
// values are the same, v, the bins span [v−0.5, v+0.5]; when there are none,
// [0, 1]. NaNs and infinities are passed over. It panics when bins < 1.
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
	return EdgesBetween(bins, lo, hi)
}

// EdgesBetween returns the bins+1 edges of equal bins on [lo, hi], or on
// [lo−0.5, lo+0.5] where lo equals hi. It panics when bins < 1 or lo > hi.
func EdgesBetween(bins int, lo, hi float64) []float64 {
	if bins < 1 || !(lo <= hi) {
		panic(fmt.Sprintf("metric: EdgesBetween(%d, %v, %v): want at least 1 bin and lo <= hi", bins, lo, hi))
	}
	if lo == hi {
		lo, hi = lo-0.5, hi+0.5
	}
	// step·i + lo, rounded twice, and hi itself last: numpy.linspace's digits.
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

// Density returns x's histogram scaled to area 1 over the bins: counts over
// the number of values inside and the bin's width. With no value inside it is
// all zero.
func Density(x, edges []float64) []float64 {
	d := Count(x, edges)
	total := sum(d)
	if total == 0 {
		return d
	}
	for i := range d {
		d[i] /= total * (edges[i+1] - edges[i])
	}
	return d
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}
