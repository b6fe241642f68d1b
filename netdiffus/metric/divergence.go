package metric

import (
	"fmt"
	"math"
)

// Hellinger returns the Hellinger distance of two histograms,
// √(½ Σ (√pᵢ − √qᵢ)²), in [0,1] (Hellinger 1909).
func Hellinger(p, q []float64) float64 {
	return normalised(p, q, func(p, q []float64, mp, mq float64) float64 {
		s := 0.0
		for i := range p {
			d := math.Sqrt(p[i]/mp) - math.Sqrt(q[i]/mq)
			s += d * d
		}
		return math.Sqrt(s / 2)
	})
}

// TotalVariation returns the total variation distance of two histograms,
// ½ Σ |pᵢ − qᵢ|, in [0,1]: the mass that would have to move.
func TotalVariation(p, q []float64) float64 {
	return normalised(p, q, func(p, q []float64, mp, mq float64) float64 {
		s := 0.0
		for i := range p {
			s += math.Abs(p[i]/mp - q[i]/mq)
		}
		return s / 2
	})
}

// JensenShannon returns the Jensen-Shannon divergence of two histograms in
// bits, in [0,1]: ½ KL(p‖m) + ½ KL(q‖m), with m = ½(p+q) (Lin 1991).
// Its square root is a metric (Endres and Schindelin 2003).
func JensenShannon(p, q []float64) float64 {
	return normalised(p, q, func(p, q []float64, mp, mq float64) float64 {
		s := 0.0
		for i := range p {
			a, b := p[i]/mp, q[i]/mq
			m := (a + b) / 2
			s += relativeEntropy(a, m) + relativeEntropy(b, m)
		}
		// Rounding can leave -1e-17 where p equals q.
		return max(s/2, 0)
	})
}

// relativeEntropy is one term of KL(p‖m) in bits; 0 log 0 is 0.
func relativeEntropy(p, m float64) float64 {
	if p == 0 {
		return 0
	}
	return p * math.Log2(p/m)
}

// normalised calls f with the histograms' masses, or returns NaN where one has
// no finite mass above 0. It panics when the bins differ in number.
func normalised(p, q []float64, f func(p, q []float64, mp, mq float64) float64) float64 {
	if len(p) != len(q) {
		panic(fmt.Sprintf("metric: histograms of %d and %d bins", len(p), len(q)))
	}
	mp, mq := sum(p), sum(q)
	if !(mp > 0) || !(mq > 0) || math.IsInf(mp, 0) || math.IsInf(mq, 0) {
		return math.NaN()
	}
	return f(p, q, mp, mq)
}
