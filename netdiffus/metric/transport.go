package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Wasserstein returns the first Wasserstein distance of two samples,
// ∫ |F(t) − G(t)| dt over their distribution functions, in the samples' own
// unit (Ramdas, García and Cuturi 2017): how far a value moves on average when
// one sample is turned into the other.
func Wasserstein(x, y []float64) float64 { return WassersteinWeighted(x, nil, y, nil) }

// WassersteinWeighted is [Wasserstein] with a weight for each value. nil means
// equal weights; otherwise weights are >= 0, not all zero, and as many as the
// values. They need not sum to 1.
func WassersteinWeighted(x, wx, y, wy []float64) float64 {
	if !measurable(x) || !measurable(y) {
		return math.NaN()
	}
	steps := append(stepsOf(x, wx, 1), stepsOf(y, wy, -1)...)
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	total, diff := 0.0, 0.0
	for i, s := range steps[:len(steps)-1] {
		diff += s.mass
		if gap := steps[i+1].at - s.at; gap > 0 {
			total += math.Abs(diff) * gap
		}
	}
	return total
}

// step is one step of F − G: mass > 0 for a value of the first sample, < 0 for
// one of the second.
type step struct{ at, mass float64 }

// stepsOf returns the steps of a sample, with masses of the given sign.
func stepsOf(x, w []float64, sign float64) []step {
	if w != nil && len(w) != len(x) {
		panic(fmt.Sprintf("metric: %d weights for %d values", len(w), len(x)))
	}
	total := float64(len(x))
	if w != nil {
		total = sum(w)
	}
	steps := make([]step, len(x))
	for i, v := range x {
		mass := 1.0
		if w != nil {
			mass = w[i]
		}
		steps[i] = step{v, sign * mass / total}
	}
	return steps
}
