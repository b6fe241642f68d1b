package unet

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

// small is a small network with every kind of layer but dense.
var small = Config{ImageSize: 8, Channels: 32, ResBlocks: 1, Attention: []int{4}, Classes: 2, NullClass: true, Dropout: 0.5}

// call returns the output of network for an image of zeros, h by w, with new weights; all of them
// are set to 0.01 first, because a new network's output is zero by design.
func call(t *testing.T, c Config, network func(scope *model.Scope, x, t, y *graph.Node) *graph.Node, h, w int, y []int32) ([]float64, error) {
	t.Helper()
	store := model.NewStore()
	if err := c.Create(store.RootScope(), 1); err != nil {
		t.Fatal(err)
	}
	for v := range store.IterVariables() {
		if err := v.SetValue(tensors.FromScalarAndDimensions[float32](0.01, v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	exec := model.MustNewExec(backendtest.Open(t), store, func(scope *model.Scope, in []*graph.Node) *graph.Node {
		return network(scope, in[0], in[1], append(in, nil)[2])
	})
	args := []any{tensors.FromScalarAndDimensions[float32](0, 1, h, w, 1), []float32{3}}
	if y != nil {
		args = append(args, y)
	}
	out, err := exec.Call(args...)
	if err != nil {
		return nil, err
	}
	return values(out[0]), nil
}

// withDropout returns c.GraphWithDropout with a constant key.
func withDropout(c Config, key ...uint32) func(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
	return func(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
		return c.GraphWithDropout(graph.Const(x.Graph(), key))(scope, x, t, y)
	}
}

func TestDropout(t *testing.T) {
	flat := small
	flat.ChannelMult, flat.Attention = []float64{1}, []int{} // half the time to compile
	outputs := map[string][]float64{}
	for name, network := range map[string]func(scope *model.Scope, x, t, y *graph.Node) *graph.Node{
		"none": flat.Graph, "key 1,2": withDropout(flat, 1, 2), "key 1,3": withDropout(flat, 1, 3),
	} {
		out, err := call(t, flat, network, 8, 8, []int32{1})
		if err != nil {
			t.Fatal(err)
		}
		outputs[name] = out
	}
	if slices.Equal(outputs["none"], outputs["key 1,2"]) || slices.Equal(outputs["key 1,2"], outputs["key 1,3"]) {
		t.Error("dropout changed nothing, or the same for two keys")
	}
	sure := flat
	sure.Dropout = 0
	out, err := call(t, sure, withDropout(sure, 1, 2), 8, 8, []int32{1})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out, outputs["none"]) {
		t.Error("dropout of rate 0 changed the output")
	}
}

func TestGraphChecksItsArguments(t *testing.T) {
	for _, c := range []struct {
		h, w int
		y    []int32
		want string // part of the error; "" for none
	}{
		{8, 8, []int32{2}, ""}, // the null class
		{12, 10, []int32{0}, ""},
		{9, 8, []int32{0}, "9x8 pixels can be halved 0 times"},
		{8, 8, nil, "the network has 2 classes"},
	} {
		out, err := call(t, small, small.Graph, c.h, c.w, c.y)
		switch {
		case c.want == "" && (err != nil || len(out) != c.h*c.w):
			t.Errorf("%dx%d: %d values, error %v", c.h, c.w, len(out), err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%dx%d, y = %v: error %v, want %q in it", c.h, c.w, c.y, err, c.want)
		}
	}
}

func TestNewNetworkPredictsZero(t *testing.T) {
	store := model.NewStore()
	if err := small.Create(store.RootScope(), 1); err != nil {
		t.Fatal(err)
	}
	exec := model.MustNewExec(backendtest.Open(t), store, small.Graph)
	out, err := exec.Call(tensors.FromScalarAndDimensions[float32](0.3, 1, 8, 8, 1), []float32{3}, []int32{0})
	if err != nil {
		t.Fatal(err)
	}
	if norm(values(out[0])) != 0 {
		t.Error("a new network's last layer is zero, so its output must be")
	}
}
