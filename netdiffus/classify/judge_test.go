package classify

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// blobs are n rows of each class around (8c, 8c, …), with a spread of 1.
func blobs(classes, n int, seed uint64) Table {
	t := Table{Classes: classes}
	rng := noise.Stream(seed)
	for i := range classes * n {
		c := i % classes
		row := make([]float64, 3)
		for j := range row {
			row[j] = 8*float64(c) + rng.NormFloat64()
		}
		t.X, t.Y = append(t.X, row), append(t.Y, c)
	}
	return t
}

func TestEvaluate(t *testing.T) {
	train, a := blobs(3, 30, 1), blobs(3, 10, 2)
	wrong := Table{X: a.X, Y: make([]int, a.Len()), Classes: 3} // two thirds mislabelled
	scores, err := Evaluate(t.Context(), Trees(20), train, 1, a, wrong)
	if err != nil {
		t.Fatal(err)
	}
	if scores[0] != (Score{1, 1}) {
		t.Errorf("apart as can be: %+v, want all right", scores[0])
	}
	// Class 0: recall 1/3, precision 1, F1 1/2; classes 1 and 2 are predicted and
	// never right: F1 0.
	if s := scores[1]; math.Abs(s.Accuracy-1./3) > 1e-12 || math.Abs(s.MacroF1-1./6) > 1e-12 {
		t.Errorf("mislabelled: %+v, want 1/3 and 1/6", s)
	}
	failure := errors.New("no")
	if _, err := Evaluate(t.Context(), func(context.Context, Table, [][]float64, uint64) ([]int, error) { return nil, failure }, train, 1, a); err != failure {
		t.Errorf("a judge's error: %v", err)
	}
}

func TestJoinLeavesItsPartsAlone(t *testing.T) {
	a, b, c := blobs(2, 3, 1), blobs(2, 2, 2), blobs(2, 1, 3)
	ab, ac := a.Join(b), a.Join(c)
	if a.Len() != 6 || ab.Len() != 10 || ac.Len() != 8 || !slices.Equal(ab.X[6], b.X[0]) || !slices.Equal(ac.X[6], c.X[0]) {
		t.Errorf("joined %d+%d and %d+%d rows into %d and %d", a.Len(), b.Len(), a.Len(), c.Len(), ab.Len(), ac.Len())
	}
}

func TestFew(t *testing.T) {
	all := blobs(2, 9, 1)
	all = all.Join(Table{X: [][]float64{{0, 0, 0}}, Y: []int{2}, Classes: 3}) // one row only
	few, more := Few(all, 3, 7), Few(all, 5, 7)
	count := [3]int{}
	for i, y := range few.Y {
		count[y]++
		if !slices.ContainsFunc(more.X, func(x []float64) bool { return slices.Equal(x, few.X[i]) }) {
			t.Errorf("row %v is of the 3 a class but not of the 5", few.X[i])
		}
	}
	if count != [3]int{3, 3, 1} || more.Len() != 11 {
		t.Errorf("took %v and %d rows, want 3, 3, 1 and 11", count, more.Len())
	}
}

// TestDetect holds out a class that lies far from the others, and between two:
// a forest that was not trained on it is undecided there.
func TestDetect(t *testing.T) {
	train, test := blobs(3, 100, 1), blobs(3, 100, 2)
	got, err := Detect(t.Context(), 50, train, test, []int{1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.AUC < .95 || got.Detection < .5 {
		t.Errorf("the class between: %+v, want an AUC above 0.95", got)
	}
	if _, err := Detect(t.Context(), 50, train, test, []int{1, 2}, 1); err == nil {
		t.Error("no error for one normal class")
	}
}

func TestFolds(t *testing.T) {
	folds := Folds(7, 3, 1)
	var all []int
	for _, f := range folds {
		if len(f) < 2 || len(f) > 3 {
			t.Errorf("a fold of %d classes", len(f))
		}
		all = append(all, f...)
	}
	slices.Sort(all)
	if !slices.Equal(all, []int{0, 1, 2, 3, 4, 5, 6}) {
		t.Errorf("folds %v: want each class once", folds)
	}
	if got := Folds(2, 4, 1); len(got) != 2 {
		t.Errorf("2 classes in %d folds", len(got))
	}
}
