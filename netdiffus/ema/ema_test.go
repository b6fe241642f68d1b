package ema

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

// The weight is 1, 2, 3, …; each average is updated by its own rate in the graph that
// changes the weight.
func TestAveragesFollowTheNewWeights(t *testing.T) {
	rates := []float64{0, 0.5, 0.9999}
	store := model.NewStore()
	weights := store.Scope("/model")
	weights.VariableWithValue("w", []float32{1})
	weights.VariableWithValue("frozen", []float32{1}).SetTrainable(false)
	if err := Init(weights, rates...); err != nil {
		t.Fatal(err)
	}
	step := model.MustNewExec(backendtest.Open(t), store, func(scope *model.Scope, by *graph.Node) *graph.Node {
		w := scope.At("model").GetVariable("w")
		w.SetNodeValue(graph.Add(w.NodeValue(by), by))
		Update(scope.At("model"), by.Graph(), nil, rates...)
		return by
	})
	want := []float64{1, 1, 1} // copies of the initial weight
	for w := 2.0; w < 6; w++ {
		if _, err := step.Call([]float32{1}); err != nil {
			t.Fatal(err)
		}
		for i, rate := range rates {
			want[i] = rate*want[i] + (1-rate)*w
			average := store.GetVariable(Path(rate) + "/w")
			got := float64(tensors.MustCopyFlatData[float32](average.MustValue())[0])
			if math.Abs(got-want[i]) > 1e-6 {
				t.Errorf("rate %v at weight %v: average %v, want %v", rate, w, got, want[i])
			}
			if average.Trainable {
				t.Errorf("the average %s is trainable", average.Path())
			}
		}
	}
	if store.GetVariable(Path(0.5)+"/frozen") != nil {
		t.Error("Init made an average of a variable that is not trainable")
	}
}

func TestInitKeepsLoadedAverages(t *testing.T) {
	store := model.NewStore()
	store.VariableWithValue("/model/a/w", []float32{1})
	store.VariableWithValue("/ema/0.9999/a/w", []float32{7}).SetTrainable(false)
	if err := Init(store.Scope("/model"), 0.9999, 0.99); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]float32{"/ema/0.9999/a/w": 7, "/ema/0.99/a/w": 1} {
		if got := tensors.MustCopyFlatData[float32](store.GetVariable(path).MustValue())[0]; got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
}

func TestInitChecksRates(t *testing.T) {
	for _, rate := range []float64{-0.1, 1, math.NaN()} {
		if err := Init(model.NewStore().RootScope(), rate); err == nil || !strings.Contains(err.Error(), "outside [0,1)") {
			t.Errorf("Init with rate %v: %v, want an error", rate, err)
		}
	}
}
