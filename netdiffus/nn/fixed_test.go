package nn_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Numbers come out as they went in, whether they are an argument of the program, a
// constant in it, or there is no store; equal ones are kept once.
func TestFixed(t *testing.T) {
	b := backendtest.Open(t)
	large, small := make([]float32, 600), []float32{1, 2, 3}
	for i := range large {
		large[i] = float32(i) / 7
	}
	sum := func(g *graph.Graph) []*graph.Node {
		two := graph.Add(nn.Fixed(g, large, 20, 30), nn.Fixed(g, large, 20, 30))
		return []*graph.Node{two, graph.Reshape(nn.Fixed(g, large, 600), 20, 30), nn.Fixed(g, small, 3)}
	}
	check := func(what string, two, one [][]float32, few []float32) {
		t.Helper()
		for i := range large {
			if two[i/30][i%30] != 2*large[i] || one[i/30][i%30] != large[i] {
				t.Fatalf("%s: value %d is %v and %v, want %v twice and once", what, i, two[i/30][i%30], one[i/30][i%30], large[i])
			}
		}
		if len(few) != 3 || few[2] != 3 {
			t.Errorf("%s: %v, want %v", what, few, small)
		}
	}

	store := model.NewStore()
	exec, err := model.NewExec(b, store, func(_ *model.Scope, x *graph.Node) []*graph.Node { return sum(x.Graph()) })
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(float32(0))
	if err != nil {
		t.Fatal(err)
	}
	check("with a store", out[0].Value().([][]float32), out[1].Value().([][]float32), out[2].Value().([]float32))
	if n := store.NumVariables(); n != 2 { // of two shapes; the small one is a constant
		t.Errorf("%d variables, want 2", n)
	}
	for v := range store.IterVariables() {
		if v.Trainable {
			t.Errorf("%s is trainable", v.Path())
		}
	}

	plain, err := graph.NewExec(b, func(x *graph.Node) []*graph.Node { return sum(x.Graph()) })
	if err != nil {
		t.Fatal(err)
	}
	if out, err = plain.Call(float32(0)); err != nil {
		t.Fatal(err)
	}
	check("without", out[0].Value().([][]float32), out[1].Value().([][]float32), out[2].Value().([]float32))
}
