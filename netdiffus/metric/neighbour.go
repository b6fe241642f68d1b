package metric

import (
	"math"
	"slices"
)

// Precision returns the share of the sample's rows that lie in the reference's
// manifold: within a reference point's own distance to its k-th nearest
// neighbour (Kynkäänniemi et al. 2019). It says how believable the sample is;
// with the arguments exchanged it is the recall: how much of the reference the
// sample covers. k is usually 3. It takes O((n+m)·n) distances.
func Precision(reference, sample [][]float64, k int) float64 {
	if len(sample) == 0 || len(reference) == 0 {
		return math.NaN()
	}
	radii := neighbourRadii(reference, k)
	inside := 0
	for _, s := range sample {
		for i, r := range reference {
			if squaredDistance(s, r) <= radii[i] {
				inside++
				break
			}
		}
	}
	return float64(inside) / float64(len(sample))
}

// neighbourRadii returns each row's squared distance to its k-th nearest other
// row, or to the farthest where there are fewer.
func neighbourRadii(x [][]float64, k int) []float64 {
	radii := make([]float64, len(x))
	d := make([]float64, len(x))
	for i, a := range x {
		for j, b := range x {
			d[j] = squaredDistance(a, b)
		}
		slices.Sort(d)
		radii[i] = d[min(k, len(d)-1)] // d[0] is the row itself
	}
	return radii
}
