package numeric

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Model is a diffusion model of series, as images [B,n,n,C] or as rows [B,1,n,C]. It is a
// denoiser with a loss of its own, as diffusion.Model is. Its classes y [B] are the variants
// that the copula divides classes into.
type Model struct {
	Prior    Prior
	Network  Network
	Schedule schedule.Schedule
	Rows     bool // there is no image, but the series itself
}

// Network is the multilayer network below the head.
type Network struct {
	Width, Blocks int // as nn.MLP has them
	Classes       int
	Dropout       float64
}

// Validate returns what keeps the network from being built.
func (n Network) Validate() error {
	return nn.MLP{In: 1, Width: n.Width, Blocks: n.Blocks, Classes: n.Classes, Dropout: n.Dropout}.Validate()
}

// trunk is the network for what the model sees of a sample: the noisy diagonal, what the
// copula says of it, and of images half of the pixels off the diagonal, the mean of each
// and its mirror.
func (m Model) trunk() nn.MLP {
	in := 2 * m.Prior.size()
	if m.Prior.anySilent {
		in += m.Prior.size()
	}
	if !m.Rows {
		in += m.Prior.Channels * m.Prior.Places * (m.Prior.Places - 1) / 2
	}
	return nn.MLP{In: in, Width: m.Network.Width, Blocks: m.Network.Blocks, Classes: m.Network.Classes, Dropout: m.Network.Dropout}
}

// head is the last layer, which starts at zero, so that a new model says what the copula
// does.
func (m Model) head() nn.Linear {
	return nn.Linear{In: m.trunk().WithDefaults().Width, Out: m.Prior.size() * (knots + 1), Zero: true}
}

// residual is the last layer for the image: two vectors a channel.
func (m Model) residual() nn.Linear {
	return nn.Linear{In: m.trunk().WithDefaults().Width, Out: 2 * m.Prior.size()}
}

// Params lists the parameters.
func (m Model) Params() []nn.Param {
	params := append(m.trunk().Params(), m.head().Params("head")...)
	if !m.Rows {
		params = append(params, m.residual().Params("residual")...)
	}
	return params
}

// estimate returns the distributions of x at steps t, and the clean image that they are
// rendered to. key [2] uint32 decides what dropout drops; nil drops nothing.
func (m Model) estimate(scope *model.Scope, x, t, y, key *Node) (h head, x0 *Node) {
	diagonal := m.diagonal(x)
	signal := m.perImage(t, func(ab float64) float64 { return math.Sqrt(ab) })
	noise := m.perImage(t, func(ab float64) float64 { return math.Sqrt(1 - ab) })
	b := m.Prior.posterior(diagonal, signal, noise, y)
	without := m.Prior.newHead(b, nil)
	seen := []*Node{diagonal, without.moments().diagonal}
	if b.silence != nil {
		seen = append(seen, Sigmoid(b.silence))
	}
	if !m.Rows {
		seen = append(seen, m.upper(x))
	}
	time := diffusion.NetworkTime(m.Schedule, false, x, t)
	classes := Gather(Const(x.Graph(), m.Prior.classes), InsertAxes(y, -1))
	features := m.trunk().Graph(scope, Concatenate(seen, 1), time, classes, key)
	h = m.Prior.newHead(b, nn.Widen(m.head().Graph(nn.At(scope, "head"), features)))
	found := h.moments()
	if m.Rows {
		return h, m.series(found.diagonal)
	}
	residual := nn.Widen(m.residual().Graph(nn.At(scope, "residual"), features))
	return h, m.render(found, residual, noise)
}

// diagonal is the diagonal of images, or rows, x: [B,N].
func (m Model) diagonal(x *Node) *Node {
	n, channels := m.Prior.Places, m.Prior.Channels
	batch := x.Shape().Dim(0)
	if m.Rows {
		x.AssertDims(batch, 1, n, channels)
		return Reshape(TransposeAllAxes(x, 0, 1, 3, 2), batch, n*channels)
	}
	x.AssertDims(batch, n, n, channels)
	eye := Reshape(ConvertDType(Diagonal(x.Graph(), n), dtypes.Float32), 1, n, n, 1)
	return Reshape(TransposeAllAxes(ReduceSum(Mul(x, eye), 2), 0, 2, 1), batch, n*channels)
}

// series is the inverse of diagonal for rows.
func (m Model) series(diagonal *Node) *Node {
	n, channels := m.Prior.Places, m.Prior.Channels
	return TransposeAllAxes(Reshape(diagonal, -1, 1, channels, n), 0, 1, 3, 2)
}

// upper is the pixels above the diagonal, the mean of each and its mirror: [B,C·n(n-1)/2].
func (m Model) upper(x *Node) *Node {
	n, channels := m.Prior.Places, m.Prior.Channels
	batch := x.Shape().Dim(0)
	x = MulScalar(Add(x, TransposeAllAxes(x, 0, 2, 1, 3)), 0.5)
	var parts []*Node
	for i := range n - 1 {
		parts = append(parts, Squeeze(Slice(x, AxisRange(), AxisElem(i), AxisRange(i+1, n), AxisRange()), 1))
	}
	return Reshape(Concatenate(parts, 1), batch, channels*n*(n-1)/2)
}

// render is the expected image [B,n,n,C] if places are independent given their
// distributions, c_i c_j - s_i s_j off the diagonal and the expectation on it, and off it
// a residual of rank 2, a_i a_j - b_i b_j, which restores what independent places lack
// at high noise.
func (m Model) render(of moments, residual, noise *Node) *Node {
	n, channels := m.Prior.Places, m.Prior.Channels
	planes := func(x *Node) *Node { return Reshape(x, -1, channels, n) }
	outer := func(x *Node) *Node { x = planes(x); return Mul(InsertAxes(x, 3), InsertAxes(x, 2)) }
	size := m.Prior.size()
	a, b := SliceAxis(residual, 1, AxisRange(0, size)), SliceAxis(residual, 1, AxisRange(size))
	eye := Reshape(ConvertDType(Diagonal(residual.Graph(), n), dtypes.Float32), 1, 1, n, n)
	// The cross-entropy trains the distributions, the image's error the residual alone.
	off := StopGradient(Sub(outer(of.cos), outer(of.sin)))
	off = Add(off, Mul(Reshape(noise, -1, 1, 1, 1), Sub(outer(a), outer(b))))
	image := Add(Mul(off, OneMinus(eye)), Mul(InsertAxes(StopGradient(planes(of.diagonal)), 3), eye))
	return TransposeAllAxes(image, 0, 2, 3, 1)
}

// Denoiser returns m as a denoiser.
func (m Model) Denoiser() diffusion.Denoiser {
	return func(scope *model.Scope, x, t, y *Node) diffusion.Prediction {
		_, x0 := m.estimate(scope, x, t, y, nil)
		return diffusion.FromX0(m.Schedule, x0, x, t)
	}
}

// leastError bounds the weight of the image's error where there is almost no noise.
const leastError = 0.1

// Loss is the loss on clean images x0: the cross-entropy of the values, in nats a
// value, and of images the error weighed by the inverse of the noise's variance. MSE is
// that of the clean images, unweighed. Each term is [B]. key decides what dropout drops;
// nil is for measuring, without it.
func (m Model) Loss(scope *model.Scope, x0, t, y, noise, key *Node) diffusion.Losses {
	x := diffusion.QSample(m.Schedule, x0, t, noise)
	h, estimate := m.estimate(scope, x, t, y, key)
	cross := h.crossEntropy(m.diagonal(x0))
	errors := Square(Sub(estimate, x0))
	l := diffusion.Losses{Total: cross, MSE: ReduceMean(errors, 1, 2, 3), CrossEntropy: cross}
	if !m.Rows {
		weight := m.perImage(t, func(ab float64) float64 { return 1 / max(1-ab, leastError*leastError) })
		l.Total = Add(cross, Mul(l.MSE, Squeeze(weight, 1)))
	}
	return l
}

// Decide decides what x at step t shows: it returns u = (1+diagonal)/2 for every place,
// [B,n,C], drawn from its distribution by chance [B,n,C], uniform in [0,1), or where
// that is nil its expectation.
func (m Model) Decide(scope *model.Scope, x, t, y, chance *Node) *Node {
	h, _ := m.estimate(scope, x, t, y, nil)
	var diagonal *Node
	if chance == nil {
		diagonal = h.moments().diagonal
	} else {
		diagonal = h.draw(Reshape(TransposeAllAxes(chance, 0, 2, 1), -1, m.Prior.size()))
	}
	u := ClipScalar(MulScalar(OnePlus(diagonal), 0.5), 0, 1)
	return TransposeAllAxes(Reshape(u, -1, m.Prior.Channels, m.Prior.Places), 0, 2, 1)
}

// perImage is f of ᾱ at each image's step, [B,1].
func (m Model) perImage(t *Node, f func(ab float64) float64) *Node {
	table := make([]float32, m.Schedule.Len())
	for i, ab := range m.Schedule.AlphaBar {
		table[i] = float32(f(ab))
	}
	return Reshape(Gather(Const(t.Graph(), table), InsertAxes(t, -1)), -1, 1)
}
