package nn

import (
	"cmp"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

const (
	DefaultGroups = 32   // groups of a GroupNorm whose Groups is 0, as in guided_diffusion/nn.py
	normEpsilon   = 1e-5 // PyTorch's default
)

// GroupNorm normalizes each group of channels of each image to mean 0 and (biased)
// variance 1, then scales and shifts each channel (Wu & He 2018). Channels must be a
// multiple of Groups.
type GroupNorm struct {
	Channels int
	Groups   int // 0 means 32
}

// Params returns weight and bias.
func (n GroupNorm) Params(path string) []Param {
	return []Param{
		{Name: join(path, "weight"), Shape: []int{n.Channels}, Init: ones},
		{Name: join(path, "bias"), Shape: []int{n.Channels}, Init: zeros},
	}
}

// Graph returns the normalized x [B,…,C] in its type; it computes in float32.
func (n GroupNorm) Graph(scope *model.Scope, x *Node) *Node {
	g := x.Graph()
	scale, shift := weight(scope, g, "weight", n.Channels), weight(scope, g, "bias", n.Channels)
	groups := cmp.Or(n.Groups, DefaultGroups)
	grouped := Reshape(Widen(x), x.Shape().Dim(0), -1, groups, n.Channels/groups) // [B,H·W,G,C/G]
	centred := Sub(grouped, ReduceAndKeep(grouped, ReduceMean, 1, 3))
	variance := ReduceAndKeep(Square(centred), ReduceMean, 1, 3)
	// GoMLX has no gradient of Rsqrt.
	normalized := Mul(centred, Reciprocal(Sqrt(AddScalar(variance, normEpsilon))))
	normalized = Reshape(normalized, x.Shape().Dimensions...)
	return like(Add(Mul(normalized, ExpandLeftToRank(scale, x.Rank())), ExpandLeftToRank(shift, x.Rank())), x)
}

// SiLU returns x·sigmoid(x), of x's shape.
func SiLU(x *Node) *Node { return Mul(x, Sigmoid(x)) }
