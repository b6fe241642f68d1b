package metric

import (
	"fmt"
	"math"
	"slices"
)

// MMD returns the unbiased squared maximum mean discrepancy of x [n,d] and y [m,d]
// under the kernel exp(−γ|a−b|²), E k(x,x′) + E k(y,y′) − 2 E k(x,y), each point's
// pair with itself left out (Gretton et al. 2012). It has mean 0 for equal
// distributions and may be negative. NaN for fewer than two rows of either.
func MMD(x, y [][]float64, gamma float64) float64 {
	n, m := float64(len(x)), float64(len(y))
	if n < 2 || m < 2 {
		return math.NaN()
	}
	xx, yy, xy := kernelSum(x, x, gamma), kernelSum(y, y, gamma), kernelSum(x, y, gamma)
	// k(a,a) is 1.
	return (xx-n)/(n*(n-1)) + (yy-m)/(m*(m-1)) - 2*xy/(n*m)
}

// MedianGamma returns 1/(2s²), s being the median distance between two rows of
// x and y together: the usual width of the kernel of [MMD]. It is +Inf when
// more than half of the pairs coincide.
func MedianGamma(x, y [][]float64) float64 {
	s := medianDistance(slices.Concat(x, y))
	return 1 / (2 * s * s)
}

func medianDistance(rows [][]float64) float64 {
	d := make([]float64, 0, len(rows)*(len(rows)-1)/2)
	for i, a := range rows {
		for _, b := range rows[:i] {
			d = append(d, math.Sqrt(squaredDistance(a, b)))
		}
	}
	if len(d) == 0 {
		return math.NaN()
	}
	slices.Sort(d)
	half := len(d) / 2
	if len(d)%2 == 1 {
		return d[half]
	}
	return (d[half-1] + d[half]) / 2
}

func kernelSum(x, y [][]float64, gamma float64) float64 {
	s := 0.0
	for _, a := range x {
		for _, b := range y {
			s += math.Exp(-gamma * squaredDistance(a, b))
		}
	}
	return s
}

func squaredDistance(a, b []float64) float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("metric: points of %d and %d features", len(a), len(b)))
	}
	s := 0.0
	for i := range a {
		s += (a[i] - b[i]) * (a[i] - b[i])
	}
	return s
}
