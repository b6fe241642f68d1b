package classify

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Distinguish returns how well a forest of so many trees (0 means 200) separates the
// rows of a from those of b: the area under its ROC curve on rows that it was not
// trained on, the mean of a cross-validation of so many folds (a classifier two-sample
// test: Lopez-Paz and Oquab 2017). More folds train on more of the rows.
//
// The classes of a and b, their Y, are not told to the forest, but are divided evenly
// among the folds. Where a has as many rows of a class as b, they have to be: a surplus of
// a among the rows trained on would be one of b among those tested on, and a forest that
// knows classes apart would be wrong more often than by chance. Where a and b are drawn
// independently from one distribution, 0.5 is expected, however often rows repeat. NaN
// where a or b has fewer than two rows a fold.
func Distinguish(ctx context.Context, trees, parts int, a, b Table, seed uint64) (float64, error) {
	if parts < 2 {
		return 0, fmt.Errorf("classify: a cross-validation of %d folds: want 2 or more", parts)
	}
	if min(a.Len(), b.Len()) < 2*parts {
		return math.NaN(), nil
	}
	folds := make([]Table, parts)
	for y, from := range []Table{a, b} {
		order := noise.Stream(seed, noise.Key("distinguish"), uint64(y)).Perm(from.Len())
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(from.Y[i], from.Y[j]) })
		for i, k := range order {
			f := &folds[i%parts]
			f.X, f.Y, f.Classes = append(f.X, from.X[k]), append(f.Y, y), 2
		}
	}
	sum := 0.0
	for i, test := range folds {
		train := Table{Classes: 2}
		for k, fold := range folds {
			if k != i {
				train.X, train.Y = append(train.X, fold.X...), append(train.Y, fold.Y...)
			}
		}
		shares, err := forestShares(ctx, trees, train, test.X, seed)
		if err != nil {
			return 0, err
		}
		ofB, score := make([]bool, len(shares)), make([]float64, len(shares))
		for k, s := range shares {
			ofB[k], score[k] = test.Y[k] == 1, s[1]
		}
		sum += metric.AUC(ofB, score)
	}
	return sum / float64(parts), nil
}
