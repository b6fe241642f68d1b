package metric

import (
	"cmp"
	"math"
	"slices"
)

// KSWeighted is [KS] with a weight for each value, as [WassersteinWeighted]
// takes them.
func KSWeighted(x, wx, y, wy []float64) float64 {
	if !sound(x) || !sound(y) {
		return math.NaN()
	}
	steps := append(atoms(x, wx, 1), atoms(y, wy, -1)...)
	slices.SortFunc(steps, func(a, b atom) int { return cmp.Compare(a.at, b.at) })
	widest, diff := 0.0, 0.0
	for i, s := range steps {
		diff += s.mass
		if i+1 == len(steps) || steps[i+1].at > s.at { // only between values, not within a tie
			widest = max(widest, math.Abs(diff))
		}
	}
	return widest
}
