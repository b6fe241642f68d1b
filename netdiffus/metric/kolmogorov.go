package metric

import (
	"cmp"
	"math"
	"slices"
)

// KS returns the two-sample Kolmogorov-Smirnov statistic, the largest gap
// between the two distribution functions, in [0,1].
func KS(x, y []float64) float64 {
	if !measurable(x) || !measurable(y) {
		return math.NaN()
	}
	x, y = slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y))
	gap := int64(0) // times len(x)·len(y): a whole number, exact
	for i, j := 0, 0; i < len(x) && j < len(y); {
		v := min(x[i], y[j])
		for i < len(x) && x[i] == v {
			i++
		}
		for j < len(y) && y[j] == v {
			j++
		}
		d := int64(i)*int64(len(y)) - int64(j)*int64(len(x))
		gap = max(gap, d, -d)
	}
	return float64(gap) / (float64(len(x)) * float64(len(y)))
}

// KSWeighted is [KS] with a weight for each value, as [WassersteinWeighted]
// takes them.
func KSWeighted(x, wx, y, wy []float64) float64 {
	if !measurable(x) || !measurable(y) {
		return math.NaN()
	}
	steps := append(stepsOf(x, wx, 1), stepsOf(y, wy, -1)...)
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	widest, diff := 0.0, 0.0
	for i, s := range steps {
		diff += s.mass
		if i+1 == len(steps) || steps[i+1].at > s.at { // only between values, not within a tie
			widest = max(widest, math.Abs(diff))
		}
	}
	return widest
}
