package nn

import (
	"cmp"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

const (
	Groups      = 32   // groups of a GroupNorm unless told, as in guided_diffusion/nn.py
	normEpsilon = 1e-5 // PyTorch's default
)

// GroupNorm normalises each of the groups of channels of each image to mean 0
// and (biased) variance 1, then scales and shifts each channel (Wu & He 2018).
// Channels must be a multiple of Groups.
type GroupNorm struct {
	Channels int
	Groups   int // 0 means 32
}

// Params lists weight and bias.
func (n GroupNorm) Params(path string) []Param {
	return []Param{
		{Name: join(path, "weight"), Shape: []int{n.Channels}, Init: ones},
		{Name: join(path, "bias"), Shape: []int{n.Channels}, Init: zeros},
	}
}

// Graph takes and returns x [B,…,C].
func (n GroupNorm) Graph(scope *model.Scope, x *Node) *Node {
	g := x.Graph()
	scale, shift := weight(scope, g, "weight", n.Channels), weight(scope, g, "bias", n.Channels)
	groups := cmp.Or(n.Groups, Groups)
	grouped := Reshape(x, x.Shape().Dim(0), -1, groups, n.Channels/groups) // [B,H·W,G,C/G]
	centred := Sub(grouped, ReduceAndKeep(grouped, ReduceMean, 1, 3))
	variance := ReduceAndKeep(Square(centred), ReduceMean, 1, 3)
	// GoMLX has no gradient of Rsqrt.
	unit := Mul(centred, Reciprocal(Sqrt(AddScalar(variance, normEpsilon))))
	unit = Reshape(unit, x.Shape().Dimensions...)
	return Add(Mul(unit, ExpandLeftToRank(scale, x.Rank())), ExpandLeftToRank(shift, x.Rank()))
}

// SiLU is x·sigmoid(x).
func SiLU(x *Node) *Node { return Mul(x, Sigmoid(x)) }
