package cnn

import (
	"context"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// talk is flows of three classes that differ in who sends what first.
func talk(n int, seed uint64) classify.Table {
	t := classify.Table{Classes: 3}
	rng := noise.Stream(seed)
	for i := range 3 * n {
		row := make([]float64, 8) // 4 lengths, 4 directions
		for j := range 4 {
			row[j] = 100 + 300*rng.Float64()
		}
		c := i % 3
		switch c {
		case 0: // a long packet down at the second place
			row[1], row[5] = 1400, 1
		case 1: // a long packet up at the second place
			row[1], row[5] = 1400, 0
		case 2: // all down
			copy(row[4:], []float64{1, 1, 1, 1})
		}
		t.X, t.Y = append(t.X, row), append(t.Y, c)
	}
	return t
}

func TestJudge(t *testing.T) {
	judge := Judge(backendtest.Open(t), Options{SeriesLength: 4, Steps: 120, Batch: 32})
	train, test := talk(60, 1), talk(60, 2)
	scores, err := classify.Evaluate(t.Context(), judge, train, 1, test)
	if err != nil {
		t.Fatal(err)
	}
	if scores[0].Accuracy < .95 {
		t.Errorf("accuracy %.3f on three classes that are easily told apart", scores[0].Accuracy)
	}
	// Trained anew, on other labels, nothing of the first training is left.
	for i := range train.Y {
		train.Y[i] = (train.Y[i] + 1) % 3
	}
	if scores, err = classify.Evaluate(t.Context(), judge, train, 1, test); err != nil {
		t.Fatal(err)
	}
	if scores[0].Accuracy > .05 {
		t.Errorf("accuracy %.3f after training on labels that are all wrong", scores[0].Accuracy)
	}
	first, err := judge(t.Context(), train, test.X, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := judge(t.Context(), train, test.X, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("one seed calls row %d %d and %d", i, first[i], again[i])
		}
	}
}

func TestJudgeRefuses(t *testing.T) {
	judge := Judge(backendtest.Open(t), Options{SeriesLength: 4})
	if _, err := judge(t.Context(), classify.Table{X: [][]float64{{1, 2, 3}}, Y: []int{0}, Classes: 2}, nil, 0); err == nil {
		t.Error("rows of 3 features passed for 4 packets")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := judge(ctx, talk(3, 1), nil, 0); err != context.Canceled {
		t.Errorf("after cancel: %v", err)
	}
}
