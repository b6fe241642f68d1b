package classify

import (
	"context"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Distinguish returns how well a forest of so many trees (0 means 200) separates the
// rows of a from those of b: the area under its ROC curve on rows that it was not
// trained on, the mean of a two-fold cross-validation (a classifier two-sample test:
// Lopez-Paz and Oquab 2017). Where a and b are drawn independently from one
// distribution its expectation is 0.5, however often rows repeat, since the folds are
// independent of each other. NaN where a or b has fewer than 4 rows.
func Distinguish(ctx context.Context, trees int, a, b [][]float64, seed uint64) (float64, error) {
	if len(a) < 4 || len(b) < 4 {
		return math.NaN(), nil
	}
	var folds [2]Table
	for y, rows := range [][][]float64{a, b} {
		for i, k := range noise.Stream(seed, noise.Key("distinguish"), uint64(y)).Perm(len(rows)) {
			f := &folds[i%2]
			f.X, f.Y, f.Classes = append(f.X, rows[k]), append(f.Y, y), 2
		}
	}
	sum := 0.0
	for i, test := range folds {
		shares, err := forestShares(ctx, trees, folds[1-i], test.X, seed)
		if err != nil {
			return 0, err
		}
		ofB, score := make([]bool, len(shares)), make([]float64, len(shares))
		for k, s := range shares {
			ofB[k], score[k] = test.Y[k] == 1, s[1]
		}
		sum += metric.AUC(ofB, score)
	}
	return sum / 2, nil
}
