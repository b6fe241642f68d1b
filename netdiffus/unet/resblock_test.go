package unet

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// A plain block maps 32 to 64 channels; those that resize keep 32.
func TestResBlocksEqualGuidedDiffusion(t *testing.T) {
	f := golden.Open(t, "layers.npz")
	for _, c := range []struct {
		name  string
		block resBlock
	}{
		{"res_ss_plain", resBlock{out: 64}},
		{"res_ss_up", resBlock{out: 32, size: up}},
		{"res_ss_down", resBlock{out: 32, size: down}},
		{"res_add_plain", resBlock{out: 64, add: true}},
		{"res_add_up", resBlock{out: 32, add: true, size: up}},
		{"res_add_down", resBlock{out: 32, add: true, size: down}},
	} {
		c.block.in, c.block.embedding = 32, 64
		store := model.NewStore()
		for _, p := range c.block.Params("block") {
			recorded := f.Float32s(t, c.name+"."+p.PyTorchName()[len("block."):])
			if err := p.Create(store.RootScope(), p.FromPyTorch(recorded)); err != nil {
				t.Fatal(err)
			}
		}
		exec := model.MustNewExec(backendtest.Open(t), store, func(scope *model.Scope, x, emb *graph.Node) *graph.Node {
			return c.block.graph(scope.At("block"), x, emb, nil)
		})
		s := f.Array(t, c.name+".x").Shape
		x := tensors.FromFlatDataAndDimensions(image(t, f, c.name+".x"), s[0], s[2], s[3], s[1])
		emb := tensors.FromFlatDataAndDimensions(f.Float32s(t, c.name+".emb"), f.Array(t, c.name+".emb").Shape...)
		out, err := exec.Call(x, emb)
		if err != nil {
			t.Fatal(err)
		}
		if d := largest(values(out[0]), float64s(image(t, f, c.name+".out"))); d > 3e-5 {
			t.Errorf("%s differs by %.2g, want at most 3e-5", c.name, d)
		}
	}
}
