package classify

import (
	"context"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// Table is labelled rows: X [n,d] of classes Y [n] in [0,Classes).
type Table struct {
	X       [][]float64
	Y       []int
	Classes int
}

// Len is the number of rows.
func (t Table) Len() int { return len(t.Y) }

// Join returns the rows of t, then those of others, without copying them.
func (t Table) Join(others ...Table) Table {
	t.X, t.Y = slices.Clip(t.X), slices.Clip(t.Y)
	for _, o := range others {
		t.X, t.Y = append(t.X, o.X...), append(t.Y, o.Y...)
		t.Classes = max(t.Classes, o.Classes)
	}
	return t
}

// Judge trains a classifier on a table and returns the class that it gives each
// of the test rows. The seed is that of whatever the classifier draws.
type Judge func(ctx context.Context, train Table, test [][]float64, seed uint64) ([]int, error)

// Trees judges by a random forest of so many trees, 0 meaning 200.
func Trees(trees int) Judge {
	return func(ctx context.Context, train Table, test [][]float64, seed uint64) ([]int, error) {
		shares, err := forestShares(ctx, trees, train, test, seed)
		if err != nil {
			return nil, err
		}
		y := make([]int, len(test))
		for i, s := range shares {
			y[i] = slices.Index(s, slices.Max(s))
		}
		return y, nil
	}
}

// Score is how well a classifier did.
type Score struct {
	Accuracy float64 // share of rows classified correctly, in [0,1]
	MacroF1  float64 // mean F1 over the classes, in [0,1]
}

// Evaluate trains on one table and tests on each of others; training once and
// testing on many costs little more than on one.
func Evaluate(ctx context.Context, judge Judge, train Table, seed uint64, tests ...Table) ([]Score, error) {
	all := Table{}.Join(tests...)
	predicted, err := judge(ctx, train, all.X, seed)
	if err != nil {
		return nil, err
	}
	if len(predicted) != all.Len() {
		return nil, fmt.Errorf("classify: %d predictions for %d rows", len(predicted), all.Len())
	}
	scores := make([]Score, len(tests))
	for i, t := range tests {
		c := metric.Confuse(t.Y, predicted[:t.Len()], max(train.Classes, t.Classes))
		scores[i] = Score{c.Accuracy(), c.MacroF1()}
		predicted = predicted[t.Len():]
	}
	return scores, nil
}
