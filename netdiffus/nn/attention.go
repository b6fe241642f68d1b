package nn

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Attention is a residual layer: group norm, then self-attention over the pixels of
// an image, added to the input (guided_diffusion/unet.py, AttentionBlock). Channels
// must be a multiple of Heads.
type Attention struct {
	Channels, Heads int
	NewOrder        bool // q, k and v are split before the heads and not within each head
	Groups          int  // groups of the norm; 0 means 32
}

func (a Attention) norm() GroupNorm { return GroupNorm{Channels: a.Channels, Groups: a.Groups} }

// Params returns the parameters of norm, qkv and proj_out.
func (a Attention) Params(path string) []Param {
	c := a.Channels
	return append(a.norm().Params(join(path, "norm")),
		Param{Name: join(path, "qkv/weight"), Shape: []int{c, 3 * c}, Kind: Kernel1D, Init: fanIn(c)},
		Param{Name: join(path, "qkv/bias"), Shape: []int{3 * c}, Init: fanIn(c)},
		Param{Name: join(path, "proj_out/weight"), Shape: []int{c, c}, Kind: Kernel1D, Init: zeros},
		Param{Name: join(path, "proj_out/bias"), Shape: []int{c}, Init: zeros})
}

// Graph returns the layer's output [B,H,W,C] for x [B,H,W,C], in its type; softmax is
// float32's.
func (a Attention) Graph(scope *model.Scope, x *Node) *Node {
	x.AssertRank(4)
	c := a.Channels
	h := Reshape(a.norm().Graph(At(scope, "norm"), x), x.Shape().Dim(0), -1, c) // [B,L,C], L row-major
	h = a.attend(affine(At(scope, "qkv"), h, c, 3*c))
	h = affine(At(scope, "proj_out"), h, c, c)
	return Add(x, Reshape(h, x.Shape().Dimensions...))
}

// attend returns the values of all pixels weighted by attention, [B,L,C], for the
// queries, keys and values qkv [B,L,3C].
func (a Attention) attend(qkv *Node) *Node {
	b, l, width := qkv.Shape().Dim(0), qkv.Shape().Dim(1), a.Channels/a.Heads
	part := func(i int) *Node { // [B,L,heads,width]
		if a.NewOrder {
			s := Slice(Reshape(qkv, b, l, 3, a.Heads, width), AxisRange(), AxisRange(), AxisElem(i))
			return Squeeze(s, 2)
		}
		s := Slice(Reshape(qkv, b, l, a.Heads, 3, width), AxisRange(), AxisRange(), AxisRange(), AxisElem(i))
		return Squeeze(s, 3)
	}
	// Scaling both factors by the fourth root is numerically more stable than scaling
	// their product by the square root.
	scale := 1 / math.Sqrt(math.Sqrt(float64(width)))
	q, k, v := MulScalar(part(0), scale), MulScalar(part(1), scale), part(2)
	weights := like(Softmax(Widen(Einsum("blhc,bmhc->bhlm", q, k)), -1), v)
	return Reshape(Einsum("bhlm,bmhc->blhc", weights, v), b, l, a.Channels)
}
