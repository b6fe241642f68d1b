package nn

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

func init() { backendtest.AsUsed() }

// layers.npz and timestep_embedding.npz hold PyTorch's results for guided-
// diffusion's layers; the tolerances are 8 times its own float32 error.

func TestAttentionOrders(t *testing.T) {
	f := golden.Open(t, "layers.npz")
	qkv := recorded(t, f, "qkv")
	for name, newOrder := range map[string]bool{"qkv_legacy": false, "qkv_new": true} {
		a := Attention{Channels: 16, Heads: 2, NewOrder: newOrder}
		got := run(t, model.NewStore(), func(_ *model.Scope, x *graph.Node) *graph.Node { return a.attend(x) }, qkv)
		compare(t, name, got, recorded(t, f, name), 2e-6)
	}
}

func TestGroupNormAndSiLU(t *testing.T) {
	f := golden.Open(t, "layers.npz")
	x := recorded(t, f, "gn_x")
	n := GroupNorm{Channels: 64}
	store := load(t, f, n.Params(""), "gn_")
	compare(t, "gn", run(t, store, n.Graph, x), recorded(t, f, "gn"), 5e-5)
	silu := run(t, store, func(_ *model.Scope, x *graph.Node) *graph.Node { return SiLU(x) }, x)
	compare(t, "silu", silu, recorded(t, f, "silu"), 2e-5)
}

func TestConvPadsBothSides(t *testing.T) {
	f := golden.Open(t, "layers.npz")
	for _, size := range []string{"conv10", "conv5"} {
		for _, stride := range []int{1, 2} {
			c := Conv{In: 3, Out: 4, Size: 3, Stride: stride}
			store := load(t, f, c.Params(""), size+"_")
			name := size + "_s" + string(rune('0'+stride))
			compare(t, name, run(t, store, c.Graph, recorded(t, f, size+"_x")), recorded(t, f, name), 2e-5)
		}
	}
}

func TestResample(t *testing.T) {
	f := golden.Open(t, "layers.npz")
	for _, c := range []struct {
		in, out string
		layer   func(x *graph.Node) *graph.Node
	}{
		{"resample_x", "avgpool2", MeanPool2},
		{"resample_x", "nearest2", Nearest2},
		{"odd_x", "odd_avgpool2", MeanPool2}, // the last row and column are dropped
	} {
		got := run(t, model.NewStore(), func(_ *model.Scope, x *graph.Node) *graph.Node { return c.layer(x) }, recorded(t, f, c.in))
		compare(t, c.out, got, recorded(t, f, c.out), 1e-6)
	}
}

func TestTimestep(t *testing.T) {
	f := golden.Open(t, "timestep_embedding.npz")
	for _, kind := range []string{"int", "frac"} {
		steps := tensors.FromFlatDataAndDimensions(f.Float32s(t, "t_"+kind), f.Array(t, "t_"+kind).Shape...)
		for name, dim := range map[string]int{"32": 32, "128": 128, "33": 33} {
			got := run(t, model.NewStore(), func(_ *model.Scope, x *graph.Node) *graph.Node { return Timestep(x, dim) }, steps)
			key := "emb_" + kind + "_" + name
			want := tensors.FromFlatDataAndDimensions(f.Float32s(t, key), f.Array(t, key).Shape...)
			compare(t, key, got, want, 1e-4)
		}
	}
}

func TestGraphNamesTheMissingParameter(t *testing.T) {
	exec := model.MustNewExec(backendtest.Open(t), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return Linear{In: 1, Out: 1}.Graph(At(scope, "middle_block/0"), x)
	})
	_, err := exec.Call(tensors.FromFlatDataAndDimensions([]float32{1}, 1, 1))
	if err == nil || !strings.Contains(err.Error(), "no parameter /middle_block/0/weight") {
		t.Errorf("error %v, want one with the parameter's name", err)
	}
}

// load returns a store with params under their PyTorch names after prefix.
func load(t *testing.T, f *golden.File, params []Param, prefix string) *model.Store {
	t.Helper()
	store := model.NewStore()
	for _, p := range params {
		if err := p.Create(store.RootScope(), p.FromPyTorch(f.Float32s(t, prefix+p.PyTorchName()))); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// run returns the output of layer for x with the parameters of store.
func run(t *testing.T, store *model.Store, layer func(*model.Scope, *graph.Node) *graph.Node, x *tensors.Tensor) *tensors.Tensor {
	t.Helper()
	exec, err := model.NewExec(backendtest.Open(t), store, layer)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(x)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func compare(t *testing.T, name string, got, want *tensors.Tensor, tol float64) {
	t.Helper()
	if !got.Shape().Equal(want.Shape()) {
		t.Errorf("%s is %s, want %s", name, got.Shape(), want.Shape())
		return
	}
	if d := difference(got, want); !(d <= tol) {
		t.Errorf("%s differs by %.2g, want at most %.2g", name, d, tol)
	}
}

// difference returns the largest absolute difference between elements.
func difference(a, b *tensors.Tensor) float64 {
	y := tensors.MustCopyFlatData[float32](b)
	most := 0.0
	for i, x := range tensors.MustCopyFlatData[float32](a) {
		most = max(most, math.Abs(float64(x)-float64(y[i])))
	}
	return most
}

// recorded returns an array [N,C,…] of f with the channels last.
func recorded(t *testing.T, f *golden.File, name string) *tensors.Tensor {
	t.Helper()
	return channelsLast(f.Array(t, name).Shape, f.Float32s(t, name))
}

func channelsLast(shape []int, x []float32) *tensors.Tensor {
	n, c := shape[0], shape[1]
	space := len(x) / (n * c)
	to := make([]float32, len(x))
	for i := range n {
		for j := range c {
			for k := range space {
				to[(i*space+k)*c+j] = x[(i*c+j)*space+k]
			}
		}
	}
	dims := append(append([]int{n}, shape[2:]...), c)
	return tensors.FromFlatDataAndDimensions(to, dims...)
}
