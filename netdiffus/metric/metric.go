// Package metric measures how far apart two samples are: packet sizes, flow
// lengths, feature vectors, labels.
//
// There are three kinds of function, by what they take:
//
//   - samples, in any order and of any sizes: [Wasserstein], [KS], and anything
//     made by [Binned];
//   - histograms over the same bins: [Hellinger], [JensenShannon],
//     [TotalVariation]. They need not be normalised;
//   - sets of vectors, one row a point: [Frechet], [MMD], [Closest].
//
// An empty sample, one holding a NaN, and a histogram without mass have no
// distance: the result is NaN, never a panic.
package metric

import (
	"math"
	"slices"
)

// Distance measures how far y is from x: 0 for the same, larger for worse. It
// leaves its arguments alone. The comment of each function states whether x and y
// are samples or histograms.
type Distance func(x, y []float64) float64

// measurable reports whether x has a distance: it is not empty and holds no NaN.
func measurable(x []float64) bool {
	return len(x) > 0 && !slices.ContainsFunc(x, math.IsNaN)
}
