// Package metric measures how far apart two samples are: packet sizes, flow
// lengths, feature vectors, labels.
//
// Three kinds of function, told apart by what they take:
//
//   - on samples, in any order and of any sizes: [Wasserstein], [Energy], [KS],
//     and anything made by [Binned];
//   - on histograms over the same bins: [Hellinger], [JensenShannon],
//     [TotalVariation]. They need not be normalised;
//   - on sets of vectors, one row a point: [Frechet], [MMD], [Precision].
//
// An empty sample, one holding a NaN, and a histogram without mass have no
// distance: the result is NaN, never a panic.
package metric

import (
	"math"
	"slices"
)

// Distance says how far apart x and y are: 0 for the same, larger for worse.
// It leaves its arguments alone. Each function's comment says whether x and y
// are samples or histograms.
type Distance func(x, y []float64) float64

// Binned makes a distance between histograms into one between samples: both
// are counted in the same bins, of equal width, from the smallest value of
// either to the largest, as [Edges] gives them.
func Binned(bins int, d Distance) Distance {
	return func(x, y []float64) float64 {
		if !sound(x) || !sound(y) {
			return math.NaN()
		}
		edges := Edges(bins, x, y)
		return d(Count(x, edges), Count(y, edges))
	}
}

// sound reports whether x is a sample one can measure: not empty, no NaN.
func sound(x []float64) bool {
	return len(x) > 0 && !slices.ContainsFunc(x, math.IsNaN)
}
