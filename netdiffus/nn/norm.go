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
	// Sums over the pixels first, channel by channel: XLA's CPU device is twice as fast with
	// these as with sums over pixels and the few neighbouring channels of a group at once.
	pixels := Reshape(Widen(x), x.Shape().Dim(0), -1, n.Channels) // [B,H·W,C]
	centred := Sub(pixels, n.groupMeans(pixels))
	variance := n.groupMeans(Square(centred))
	// GoMLX has no gradient of Rsqrt.
	normalized := Mul(centred, Reciprocal(Sqrt(AddScalar(variance, normEpsilon))))
	normalized = Reshape(normalized, x.Shape().Dimensions...)
	return like(Add(Mul(normalized, ExpandLeftToRank(scale, x.Rank())), ExpandLeftToRank(shift, x.Rank())), x)
}

// groupMeans returns, for x [B,P,C], the mean of each channel's group of each image: [B,1,C].
func (n GroupNorm) groupMeans(x *Node) *Node {
	groups := cmp.Or(n.Groups, DefaultGroups)
	each := Reshape(ReduceMean(x, 1), -1, groups, n.Channels/groups)
	means := BroadcastToDims(ReduceAndKeep(each, ReduceMean, 2), each.Shape().Dimensions...)
	return Reshape(means, -1, 1, n.Channels)
}

// SiLU returns x·sigmoid(x), of x's shape.
func SiLU(x *Node) *Node { return Mul(x, Sigmoid(x)) }
