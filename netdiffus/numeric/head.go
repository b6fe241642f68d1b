package numeric

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// The grid of a place: normal scores at so many knots, evenly spaced within reach
// standard deviations of the copula's posterior around its mean. The more the noisy
// series says, the finer it is.
const (
	knots = 25
	reach = 4.0
)

const spacing = 2 * reach / (knots - 1)

// knot is the position of knot k, in standard deviations.
func knot(k int) float64 { return -reach + spacing*float64(k) }

// gaussian are the logarithms of the probabilities that the knots have before the
// network corrects them: the standard normal distribution, each value of which is
// divided among its two neighbours.
func gaussian() []float64 {
	mass := make([]float64, knots)
	const fine = 200
	for i := -10 * fine; i <= 10*fine; i++ {
		g := float64(i) / fine
		at := min(max((g+reach)/spacing, 0), knots-1)
		k := min(int(at), knots-2)
		density := math.Exp(-g * g / 2)
		mass[k] += density * (float64(k+1) - at)
		mass[k+1] += density * (at - float64(k))
	}
	sum := 0.0
	for _, m := range mass {
		sum += m
	}
	for k, m := range mass {
		mass[k] = math.Log(m / sum)
	}
	return mass
}

// positions are the knots [1,1,K].
func positions(g *Graph) *Node {
	p := make([]float32, knots)
	for k := range p {
		p[k] = float32(knot(k))
	}
	return Reshape(Const(g, p), 1, 1, knots)
}

// head is a distribution for every value of a batch of series.
type head struct {
	base
	logits  *Node // [B,N,K] of the knots, given that the value is not silent
	silence *Node // [B,N] log odds of silence; nil where no channel is silent
	prior   Prior
}

// newHead corrects b by features [B, N·(K+1)]; nil corrects nothing.
func (p Prior) newHead(b base, features *Node) head {
	g := b.mean.Graph()
	batch := b.mean.Shape().Dim(0)
	logits := BroadcastToDims(Reshape(Const(g, narrow(gaussian())), 1, 1, knots), batch, p.size(), knots)
	h := head{base: b, logits: logits, silence: b.silence, prior: p}
	if features == nil {
		return h
	}
	features = Reshape(features, batch, p.size(), knots+1)
	h.logits = Add(logits, SliceAxis(features, 2, AxisRange(0, knots)))
	if h.silence != nil {
		more := Squeeze(SliceAxis(features, 2, AxisRange(knots)), 2)
		// Channels that are never silent stay so.
		h.silence = Where(BroadcastToDims(p.canBeSilent(g), batch, p.size()), Add(h.silence, more), h.silence)
	}
	return h
}

// canBeSilent is [1,N] bool.
func (p Prior) canBeSilent(g *Graph) *Node {
	var can []bool
	for _, silent := range p.silent {
		for range p.Places {
			can = append(can, silent)
		}
	}
	return InsertAxes(Const(g, can), 0)
}

// crossEntropy is the mean over a series' values of -log P(its value), in nats, where x
// [B,N] is the clean diagonal: [B]. A score between two knots is divided among them.
func (h head) crossEntropy(x *Node) *Node {
	g := x.Graph()
	score := Div(Sub(x, row(g, h.prior.offset)), row(g, h.prior.slope))
	away := Div(Sub(score, h.mean), Sqrt(h.variance))
	at := ClipScalar(MulScalar(AddScalar(away, reach), 1/spacing), 0, knots-1)
	index := Iota(g, shapes.Make(dtypes.Float32, 1, 1, knots), 2)
	share := MaxScalar(OneMinus(Abs(Sub(InsertAxes(at, -1), index))), 0) // [B,N,K]
	value := Neg(ReduceSum(Mul(share, LogSoftmax(h.logits, -1)), -1))    // [B,N]
	if h.silence == nil {
		return ReduceMean(value, 1)
	}
	silent := LessThan(score, MulScalar(OnesLike(score), -codec.MaxScore-0.5))
	loss := Where(silent, softplus(Neg(h.silence)), Add(softplus(h.silence), value))
	return ReduceMean(loss, 1)
}

// softplus is log(1+exp x).
func softplus(x *Node) *Node { return Add(MaxScalar(x, 0), Log1P(Exp(Neg(Abs(x))))) }

// moments are the expected cosine and sine of each place's angle φ, where cos φ = √u, and
// the expected diagonal 2u-1, each [B,N].
type moments struct{ cos, sin, diagonal *Node }

func (h head) moments() moments {
	g := h.mean.Graph()
	q := Softmax(h.logits, -1)
	diagonal := h.diagonals(g)
	u := ClipScalar(MulScalar(OnePlus(diagonal), 0.5), 0, 1)
	expect := func(x *Node) *Node { return ReduceSum(Mul(q, x), -1) }
	m := moments{cos: expect(Sqrt(u)), sin: expect(Sqrt(OneMinus(u))), diagonal: expect(diagonal)}
	if h.silence != nil { // u = 0
		silent := Sigmoid(h.silence)
		active := OneMinus(silent)
		m.cos, m.sin = Mul(active, m.cos), Add(Mul(active, m.sin), silent)
		m.diagonal = Sub(Mul(active, m.diagonal), silent)
	}
	return m
}

// diagonals are those of the knots, [B,N,K].
func (h head) diagonals(g *Graph) *Node {
	score := Add(InsertAxes(h.mean, -1), Mul(InsertAxes(Sqrt(h.variance), -1), positions(g)))
	score = ClipScalar(score, -codec.MaxScore, codec.MaxScore)
	return Add(InsertAxes(row(g, h.prior.offset), -1), Mul(InsertAxes(row(g, h.prior.slope), -1), score))
}

// draw draws a diagonal value for each place, by chance [B,N], uniform in [0,1).
func (h head) draw(chance *Node) *Node {
	g := chance.Graph()
	silent := ZerosLike(chance)
	if h.silence != nil {
		silent = Sigmoid(h.silence)
	}
	rest := Div(Sub(chance, silent), MaxScalar(OneMinus(silent), 1e-6)) // of those that are not silent
	passed := ConvertDType(LessOrEqual(CumSum(Softmax(h.logits, -1), -1), InsertAxes(rest, -1)), dtypes.Float32)
	at := MinScalar(ReduceSum(passed, -1), knots-1)
	index := Iota(g, shapes.Make(dtypes.Float32, 1, 1, knots), 2)
	hit := ConvertDType(Equal(BroadcastToDims(InsertAxes(at, -1), h.logits.Shape().Dimensions...), BroadcastToDims(index, h.logits.Shape().Dimensions...)), dtypes.Float32)
	value := ReduceSum(Mul(hit, h.diagonals(g)), -1)
	return Where(LessThan(chance, silent), MulScalar(OnesLike(value), -1), value)
}
