package unet

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// dense is a fully connected residual layer over all pixels and channels of a small
// image.
type dense struct{ pixels, channels, width, groups int }

func (d dense) norm() nn.GroupNorm { return nn.GroupNorm{Channels: d.channels, Groups: d.groups} }
func (d dense) in() nn.Linear      { return nn.Linear{In: d.pixels * d.channels, Out: d.width} }
func (d dense) out() nn.Linear {
	return nn.Linear{In: d.width, Out: d.pixels * d.channels, Zero: true}
}

// Params returns the parameters of norm, in and out.
func (d dense) Params(path string) []nn.Param {
	ps := append(d.norm().Params(path+"/norm"), d.in().Params(path+"/in")...)
	return append(ps, d.out().Params(path+"/out")...)
}

func (d dense) graph(scope *model.Scope, h, _ *Node, _ *nn.Dropout) *Node {
	batch, height, width := h.Shape().Dim(0), h.Shape().Dim(1), h.Shape().Dim(2)
	h.AssertDims(batch, height, width, d.channels)
	flat := Reshape(d.norm().Graph(nn.At(scope, "norm"), h), batch, d.pixels*d.channels)
	flat = nn.SiLU(d.in().Graph(nn.At(scope, "in"), flat))
	flat = d.out().Graph(nn.At(scope, "out"), flat)
	return Add(h, Reshape(flat, batch, height, width, d.channels))
}
