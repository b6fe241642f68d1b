// Package dp holds what a guarantee of differential privacy is made of: how much noise
// a budget asks for, who keeps count of it, and the noise itself.
//
// A mechanism M is (ε, δ)-differentially private where for any two neighbouring data
// sets D and D', and any set S of results, P(M(D) ∈ S) ≤ e^ε P(M(D') ∈ S) + δ. What
// makes two sets neighbours is the caller's to say: here it is one record more or less.
//
// The mechanism here adds noise of the discrete Gaussian distribution to whole numbers
// (Canonne, Kamath, Steinke: The Discrete Gaussian for Differential Privacy, 2020). It
// is computed in whole numbers throughout, so the guarantee does not end where floating
// point begins, as that of rounded Gaussian noise does (Mironov 2012). A query whose
// vector of counts changes by at most Δ in Euclidean length between neighbours costs
// ρ = Δ²/(2σ²) of zero-concentrated differential privacy (their Theorem 14), costs add up
// over queries, even where later ones depend on earlier results, and a sum of ρ is
// (ε, δ) by Delta.
//
// Nothing here hides how long a computation took.
package dp

import (
	"fmt"
	"math"
)

// Budget is what may be given away in all.
type Budget struct {
	// Epsilon bounds by what factor e^ε a record changes how likely any result is. +Inf
	// is no guarantee at all: nothing is noised.
	Epsilon float64 `json:"epsilon"`
	// Delta is the probability with which that may fail: well below one over the number
	// of records.
	Delta float64 `json:"delta"`
}

// Check returns what is wrong with b.
func (b Budget) Check() error {
	if !(b.Epsilon > 0) {
		return fmt.Errorf("dp: epsilon %v: want a number above 0, such as 2", b.Epsilon)
	}
	if !(b.Delta > 0 && b.Delta < 1) {
		return fmt.Errorf("dp: delta %v: want a number above 0 and below 1, such as 1e-6", b.Delta)
	}
	return nil
}

// Rho is the greatest ρ of zero-concentrated differential privacy that implies b, rounded
// down.
func (b Budget) Rho() float64 {
	if math.IsInf(b.Epsilon, 1) {
		return math.Inf(1)
	}
	// ρ = ε is always too much: it is not even enough for δ = 1/2.
	low, high := 0.0, b.Epsilon
	for Delta(high, b.Epsilon) < b.Delta {
		high *= 2
	}
	for range bisections {
		if mid := (low + high) / 2; Delta(mid, b.Epsilon) <= b.Delta {
			low = mid
		} else {
			high = mid
		}
	}
	return low * (1 - 1e-9) // what Delta may be off by rounding
}

// bisections are so many that a float64 cannot be told apart any further.
const bisections = 200

// Delta returns the least δ for which ρ of zero-concentrated differential privacy is
// known to imply (ε, δ): the infimum over α > 1 of
//
//	exp((α−1)(αρ−ε)) (1−1/α)^α / (α−1),
//
// Corollary 13 of Canonne, Kamath and Steinke.
func Delta(rho, epsilon float64) float64 {
	switch {
	case rho <= 0:
		return 0
	case math.IsInf(epsilon, 1):
		return 0
	case math.IsInf(rho, 1):
		return 1
	}
	// The logarithm's derivative, (2α−1)ρ − ε + ln(1−1/α), rises with α.
	low, high := 1.0, 2.0
	slope := func(a float64) float64 { return (2*a-1)*rho - epsilon + math.Log1p(-1/a) }
	for slope(high) < 0 {
		high *= 2
	}
	for range bisections {
		if mid := (low + high) / 2; slope(mid) < 0 {
			low = mid
		} else {
			high = mid
		}
	}
	a := high
	return min(1, math.Exp((a-1)*(a*rho-epsilon+math.Log1p(-1/a))-math.Log(a)))
}

// Epsilon returns the least ε for which ρ of zero-concentrated differential privacy is
// known to imply (ε, δ).
func Epsilon(rho, delta float64) float64 {
	return least(func(epsilon float64) float64 { return Delta(rho, epsilon) }, delta)
}

// GaussianDelta returns the δ that Gaussian noise has at ε, exactly, where neighbours
// differ by mu standard deviations of it (Balle, Wang: Improving the Gaussian Mechanism
// for Differential Privacy, 2018). Of several queries mu² is the sum.
//
// It is that of continuous noise. Discrete noise of more than a few units comes near to
// it, but what this module promises goes by Delta, which is proved of it.
func GaussianDelta(mu, epsilon float64) float64 {
	if mu <= 0 {
		return 0
	}
	below := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	return max(0, below(mu/2-epsilon/mu)-math.Exp(epsilon+math.Log(below(-mu/2-epsilon/mu))))
}

// GaussianEpsilon returns the ε that Gaussian noise has at δ, exactly, where neighbours
// differ by mu standard deviations of it.
func GaussianEpsilon(mu, delta float64) float64 {
	return least(func(epsilon float64) float64 { return GaussianDelta(mu, epsilon) }, delta)
}

// least returns the least ε from 0 at which a falling function is at most delta.
func least(of func(epsilon float64) float64, delta float64) float64 {
	if of(0) <= delta {
		return 0
	}
	low, high := 0.0, 1.0
	for of(high) > delta {
		low = high
		if high *= 2; math.IsInf(high, 1) {
			return high
		}
	}
	for range bisections {
		if mid := (low + high) / 2; of(mid) > delta {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}
