package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Wasserstein returns the first Wasserstein distance of two samples,
// ∫ |F(t) − G(t)| dt over their distribution functions, in the samples' own
// unit (Ramdas, García and Cuturi 2017): the mean way a value moves
// when one sample is turned into the other.
func Wasserstein(x, y []float64) float64 {
	return between(x, nil, y, nil, func(d float64) float64 { return math.Abs(d) })
}

// WassersteinWeighted is [Wasserstein] with a weight for each value. nil means
// equal weights; otherwise weights are >= 0, not all zero, and as many as the
// values. They need not sum to 1.
func WassersteinWeighted(x, wx, y, wy []float64) float64 {
	return between(x, wx, y, wy, func(d float64) float64 { return math.Abs(d) })
}

// Energy returns the energy distance of two samples,
// √(2 ∫ (F(t) − G(t))² dt) = √(2E|X−Y| − E|X−X′| − E|Y−Y′|), in the square
// root of the samples' unit (Székely and Rizzo 2013). It is 0 only for
// equal distributions.
func Energy(x, y []float64) float64 {
	return math.Sqrt(2 * between(x, nil, y, nil, func(d float64) float64 { return d * d }))
}

// between returns ∫ f(F(t) − G(t)) dt over the two distribution functions: a
// sum over the steps of both, in one pass over the merged samples.
func between(x, wx, y, wy []float64, f func(float64) float64) float64 {
	if !sound(x) || !sound(y) {
		return math.NaN()
	}
	steps := append(atoms(x, wx, 1), atoms(y, wy, -1)...)
	slices.SortFunc(steps, func(a, b atom) int { return cmp.Compare(a.at, b.at) })
	total, diff := 0.0, 0.0
	for i, s := range steps[:len(steps)-1] {
		diff += s.mass
		if gap := steps[i+1].at - s.at; gap > 0 {
			total += f(diff) * gap
		}
	}
	return total
}

// atom is a step of F − G: mass > 0 for a value of the first sample, < 0 for
// one of the second.
type atom struct{ at, mass float64 }

func atoms(x, w []float64, sign float64) []atom {
	if w != nil && len(w) != len(x) {
		panic(fmt.Sprintf("metric: %d weights for %d values", len(w), len(x)))
	}
	total := float64(len(x))
	if w != nil {
		total = sum(w)
	}
	a := make([]atom, len(x))
	for i, v := range x {
		mass := 1.0
		if w != nil {
			mass = w[i]
		}
		a[i] = atom{v, sign * mass / total}
	}
	return a
}
