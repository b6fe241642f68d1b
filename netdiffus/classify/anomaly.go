package classify

import (
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// anomalyScores trains a detector of unknown traffic on the classes of train, the
// normal ones, and returns the anomaly score of each test row, in [0,1].
//
// The detector is a forest of so many trees (0 means 200) that separates the normal
// classes; the score of a row is 1 less the largest class share (Hendrycks and
// Gimpel 2017, with a forest's votes for a network's probabilities). It needs no
// anomalies to train on, and at least two classes.
func anomalyScores(ctx context.Context, trees int, train Table, test [][]float64, seed uint64) ([]float64, error) {
	if c := len(slices.Compact(slices.Sorted(slices.Values(train.Y)))); c < 2 {
		return nil, fmt.Errorf("classify: anomalies: %d normal classes: want 2 or more", c)
	}
	shares, err := forestShares(ctx, trees, train, test, seed)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, len(test))
	for i, s := range shares {
		scores[i] = 1 - slices.Max(s)
	}
	return scores, nil
}

// Alarm is how well anomalies were separated from normal traffic.
type Alarm struct {
	AUC       float64 // area under the ROC curve
	Detection float64 // share of anomalies found at 1 % false alarms
}

// Detect trains a detector on the rows of train whose class is not held out and
// tests it on test, where the held-out classes are the anomalies.
func Detect(ctx context.Context, trees int, train, test Table, heldOut []int, seed uint64) (Alarm, error) {
	normal := Table{Classes: train.Classes}
	for i, y := range train.Y {
		if !slices.Contains(heldOut, y) {
			normal.X, normal.Y = append(normal.X, train.X[i]), append(normal.Y, y)
		}
	}
	scores, err := anomalyScores(ctx, trees, normal, test.X, seed)
	if err != nil {
		return Alarm{}, err
	}
	anomaly := make([]bool, test.Len())
	for i, y := range test.Y {
		anomaly[i] = slices.Contains(heldOut, y)
	}
	return Alarm{
		AUC:       metric.AUC(anomaly, scores),
		Detection: metric.Detection(anomaly, scores, 0.01),
	}, nil
}

// Folds divides the classes 0 … classes−1 into n groups of about equal size, each
// to be held out once, at random by the seed.
func Folds(classes, n int, seed uint64) [][]int {
	order := permutation(classes, seed)
	folds := make([][]int, min(n, classes))
	for i, c := range order {
		folds[i%len(folds)] = append(folds[i%len(folds)], c)
	}
	return folds
}
