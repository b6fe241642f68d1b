package metric

import (
	"math"
	"slices"
)

// SlicedWasserstein returns the sliced Wasserstein distance of order 1 or 2 of
// two sets of vectors, x [n,d] and y [m,d]: the distance of their projections
// on each direction, averaged as (mean Wₚᵖ)^(1/p) (Bonneel et al. 2015).
// Directions are unit vectors [k,d], drawn by the caller. It panics when the
// order is neither 1 nor 2.
func SlicedWasserstein(x, y, directions [][]float64, order int) float64 {
	var power func(float64) float64
	switch order {
	case 1:
		power = math.Abs
	case 2:
		power = func(d float64) float64 { return d * d }
	default:
		panic("metric: SlicedWasserstein: want order 1 or 2")
	}
	if len(x) == 0 || len(y) == 0 || len(directions) == 0 {
		return math.NaN()
	}
	total := 0.0
	for _, u := range directions {
		total += transport(project(x, u), project(y, u), power)
	}
	return math.Pow(total/float64(len(directions)), 1/float64(order))
}

// transport returns ∫ f(F⁻¹(s) − G⁻¹(s)) ds over s in (0,1): the cost of the
// best plan, which on a line pairs equal quantiles.
func transport(x, y []float64, f func(float64) float64) float64 {
	slices.Sort(x)
	slices.Sort(y)
	n, m := len(x), len(y)
	// Quantiles in units of 1/(n·m), so that they compare exactly.
	total, at := 0.0, 0
	for i, j := 0, 0; i < n && j < m; {
		next := min((i+1)*m, (j+1)*n)
		total += f(x[i]-y[j]) * float64(next-at)
		at = next
		if at == (i+1)*m {
			i++
		}
		if at == (j+1)*n {
			j++
		}
	}
	return total / (float64(n) * float64(m))
}

func project(x [][]float64, u []float64) []float64 {
	p := make([]float64, len(x))
	for i, row := range x {
		for k, v := range row {
			p[i] += v * u[k]
		}
	}
	return p
}
