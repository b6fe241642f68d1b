package codec

import (
	"math"
	"slices"
)

// FourDigits returns v to four significant digits, as values are counted that Bins bins; numbers that are
// no time of anything, 0 and those next to the smallest and the greatest, as they are. In decimal
// digits, and not on a scale of logarithms, what a clock repeats comes out as it was.
func FourDigits(v float64) float64 {
	const least, most = 1e-290, 1e300 // beyond them powers of ten overflow
	size := math.Abs(v)
	if !(size > least && size < most) {
		return v
	}
	digits := 3 - int(math.Floor(math.Log10(size)))
	if digits < 0 {
		scale := math.Pow10(-digits)
		return math.Round(v/scale) * scale
	}
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}

// lloydRounds is how often the bins' values are moved to the middle of what is nearest to them.
const lloydRounds = 20

// quantize returns at most so many of rising values, from which the others are not far: those that weigh as
// much as a bin does on average, and others so that the mean square of the differences of the logarithms of
// the rest is about as small as it can be (Lloyd 1982). So what a clock repeats has a bin of its own,
// and so have the few values that are spread over decades, which make most of a sum.
// Each stands for values that weigh least, or all together where they do not.
func quantize(values []float64, weights map[float64]float64, bins int, least float64) []float64 {
	if len(values) == 0 {
		return values
	}
	n, total := make([]float64, len(values)), 0.0
	for i, v := range values {
		n[i] = weights[v]
		total += n[i]
	}
	kept := slices.Clone(values)
	if len(values) > bins {
		kept = mostOf(values, n, total, bins)
	}
	for len(kept) > 1 { // those that stand for too few leave them to their neighbours
		weight := make([]float64, len(kept))
		for i, v := range values {
			weight[Nearest(kept, v)] += n[i]
		}
		light := slices.Index(weight, slices.Min(weight))
		if weight[light] >= least {
			break
		}
		kept = slices.Delete(kept, light, light+1)
	}
	return kept
}

// mostOf is quantize for more values than bins, which weigh n, and total together, whatever each stands for.
func mostOf(values, n []float64, total float64, bins int) []float64 {
	var kept, rest, logs, left []float64
	for i, v := range values {
		if n[i] >= total/float64(bins) {
			kept = append(kept, v)
		} else {
			rest, logs, left = append(rest, v), append(logs, logarithm(v)), append(left, n[i])
		}
	}
	if room := bins - len(kept); room > 0 {
		centres := spread(logs, left, room)
		for range lloydRounds {
			centres = means(centres, logs, left)
		}
		for _, x := range centres {
			kept = append(kept, rest[Nearest(logs, x)])
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}

// spread returns at most so many of rising numbers, of which each weighs n, as densely as the cube
// root of their density: that is where many bins are best (Panter & Dite 1951).
func spread(x, n []float64, bins int) []float64 {
	below, sum := make([]float64, len(x)), 0.0
	for i := range x {
		width := (x[min(i+1, len(x)-1)] - x[max(i-1, 0)]) / 2
		sum += math.Cbrt(n[i] * width * width)
		below[i] = sum
	}
	some := make([]float64, bins)
	for k := range some {
		i, _ := slices.BinarySearch(below, sum*(float64(k)+0.5)/float64(bins))
		some[k] = x[min(i, len(x)-1)]
	}
	return slices.Compact(some)
}

// means returns, for each of the centres to which any of the numbers is nearest, the mean of these.
func means(centres, x, n []float64) []float64 {
	sums, weights := make([]float64, len(centres)), make([]float64, len(centres))
	for i, v := range x {
		k := Nearest(centres, v)
		sums[k] += v * n[i]
		weights[k] += n[i]
	}
	var next []float64
	for k, w := range weights {
		if w > 0 {
			next = append(next, sums[k]/w)
		}
	}
	return slices.Compact(next)
}
