package categorical

import (
	"cmp"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Trunk is the network of a Model. Its input x [B,n,n,2C] is the noisy image of C
// channels and the one that the base renders, or [B,n,n,3C] with the estimate of a
// model that conditions on itself behind them; the times t [B] float32 and the
// classes y [B] int32. It returns a residual [B,n,n,C] for the image and so many
// features for each packet, [B,n,features].
type Trunk interface {
	Validate() error // what keeps it from being built
	Params(features int) []nn.Param
	Graph(scope *model.Scope, x, t, y *Node, features int) (residual, packets *Node)
}

// Shape is what a trunk is made for.
type Shape struct {
	Places   int // of a series: the side of the images
	Channels int // of the images; 0 means 1
	Images   int // in the input, one behind the other; 0 means 2
	Classes  int
}

func (s Shape) withDefaults() Shape {
	s.Channels = cmp.Or(s.Channels, 1)
	s.Images = cmp.Or(s.Images, 2)
	return s
}

// packetFeatures is the number of the trunk's features of a packet, and of the numbers
// that a value is embedded in.
const packetFeatures = 64

// Model is a diffusion model whose estimate of x₀ comes from a distribution over
// atoms. It is a denoiser with a loss of its own, as diffusion.Model is.
//
// The classes of a batch must be known when the graph is built, since each has
// tables of its own shape; those of similar size are computed together. Groups is how many images of each class, in the
// classes' order, a batch [B,n,n,C] holds, sorted by class. An image's channels
// have tables of their own; the base and the trunk see all of them together.
type Model struct {
	Prior    Prior
	Base     Base  // nil means Chain
	Trunk    Trunk // nil leaves the base's estimate as it is
	Schedule schedule.Schedule
	Groups   []int

	// CrossEntropy is the weight of the atoms' cross-entropy, in nats per packet, in the
	// loss; the image's error has the weight 1. 0 means 0.2.
	CrossEntropy float64

	// SelfCondition adds to the trunk's input the model's own estimate of the clean image
	// at the step before (Chen et al. 2022, "Analog Bits", section 3.2). The trunk must
	// be one for three images.
	SelfCondition bool
}

// leastError bounds the weight of the image's error where there is almost no noise.
const leastError = 0.03

// Params lists the parameters of the trunk and the values' embedding.
func (m Model) Params() []nn.Param {
	if m.Trunk == nil {
		return nil
	}
	var params []nn.Param
	for _, p := range m.Trunk.Params(m.features()) {
		p.Name = "trunk/" + p.Name
		params = append(params, p)
	}
	return append(params, m.values().Params("values")...)
}

func (m Model) base() Base {
	if m.Base == nil {
		return Chain
	}
	return m.Base
}

// features is the number of the trunk's features of a packet, over all channels.
func (m Model) features() int { return packetFeatures * m.Prior.Channels() }

// values is the embedding of the distinct values, shared by classes and places.
func (m Model) values() nn.Embedding {
	return nn.Embedding{Rows: m.Prior.Values, Channels: packetFeatures, Std: 0.02}
}

// start returns the base's estimate for x [N,n,n,C] at step t [N] int32 of the schedule:
// the clean image [N,n,n,C], and by group and channel the logits of the atoms [B,n,K].
func (m Model) start(x, t *Node, groups []group) (image *Node, logits [][]*Node) {
	n, channels := m.Prior.Places, m.Prior.Channels()
	x.AssertDims(x.Shape().Dim(0), n, n, channels)
	diagonal := diagonals(x)
	signal := m.perImage(t, func(ab float64) float64 { return math.Sqrt(ab) })
	noise := m.noise(t)

	logits = make([][]*Node, len(groups))
	var rendered []*Node
	for k, g := range groups {
		e := Evidence{Class: g.tables.classes[0], X: g.of(x), Signal: g.of(signal), Noise: g.of(noise), tables: g.tables}
		for i, t := range g.tables.channels() {
			e.Likelihood = append(e.Likelihood, t.evidence(g.of(diagonal[i]), e.Signal, e.Noise))
		}
		q := m.base().Posterior(e)
		for i, t := range g.tables.channels() {
			logits[k] = append(logits[k], t.logits(q[i]))
		}
		rendered = append(rendered, g.tables.render(q))
	}
	return joined(groups, rendered), logits
}

// estimate returns the model's estimate for x: start's, corrected by the trunk, whose
// input includes last, the estimate of the clean image [B,n,n,C] at the step before, if
// the model conditions on itself; nil is none.
func (m Model) estimate(scope *model.Scope, x, last, t, y *Node, groups []group) (x0 *Node, logits [][]*Node) {
	image, base := m.start(x, t, groups)
	return m.correct(scope, x, image, last, t, y, groups, base)
}

// correct is start's image and logits, corrected by the trunk, if there is one.
func (m Model) correct(scope *model.Scope, x, image, last, t, y *Node, groups []group, base [][]*Node) (x0 *Node, logits [][]*Node) {
	if m.Trunk == nil {
		return image, base
	}
	n, channels := m.Prior.Places, m.Prior.Channels()
	seen := []*Node{x, image}
	if m.SelfCondition {
		if last == nil {
			last = ZerosLike(x)
		}
		seen = append(seen, last)
	}
	time := diffusion.NetworkTime(m.Schedule, false, x, t)
	residual, packets := m.Trunk.Graph(nn.At(scope, "trunk"), Concatenate(seen, -1), time, y, m.features())
	logits = make([][]*Node, len(groups))
	var rendered []*Node
	for k, g := range groups {
		q := make([]*Node, channels)
		features := g.of(packets)
		for i, t := range g.tables.channels() {
			embedded := m.values().Graph(nn.At(scope, "values"), t.ids(x.Graph()))
			embedded = Reshape(embedded, len(t.classes), n, t.width, packetFeatures) // [G,n,K,F]
			own := SliceAxis(features, -1, AxisRange(i*packetFeatures, (i+1)*packetFeatures))
			logit := Einsum("gbjf,gjkf->gbjk", t.byClass(own), embedded)
			logits[k] = append(logits[k], Add(base[k][i], together(logit)))
			q[i] = Softmax(logits[k][i], -1)
		}
		rendered = append(rendered, g.tables.render(q))
	}
	// The cross-entropy trains the atoms; the image's error trains the residual alone,
	// which restores what a product of marginals lacks at high noise. The diagonal needs
	// none.
	off := InsertAxes(OneMinus(diagonalMask(x.Graph(), n)), -1) // [1,n,n,1]
	residual = Reshape(residual, x.Shape().Dim(0), n, n, channels)
	x0 = Add(StopGradient(joined(groups, rendered)), Mul(Mul(InsertAxes(m.noise(t), -1), off), residual))
	return x0, logits
}

// Denoiser returns m as a denoiser. last is its estimate of the clean image [B,n,n,C] at
// the step before, zeros at the first one, for a model that conditions on itself; nil
// is none.
func (m Model) Denoiser(last *Node) diffusion.Denoiser {
	return func(scope *model.Scope, x, t, y *Node) diffusion.Prediction {
		x0, _ := m.estimate(scope, x, last, t, y, m.groups(x))
		return diffusion.FromX0(m.Schedule, x0, x, t)
	}
}

// Reach is how far beyond [-1,1] the model's clean image may go when sampling: its
// residual is not the rendering's, which stays inside.
const Reach = 1.02

// withinReach clips a clean image to Reach.
func withinReach(x0 *Node) *Node { return MaxScalar(MinScalar(x0, Reach), -Reach) }

// Loss is the loss on clean images x0 [B,n,n,C], made with the prior's own
// codecs: the image's error, weighed by the inverse of the noise's variance, plus
// the cross-entropy of the atoms, the sum of the channels'. Each term is [B]. key [2]
// uint32 chooses the half of the images for which a model that conditions on itself is
// given its own estimate; others take nil.
func (m Model) Loss(scope *model.Scope, x0, t, y, noise, key *Node) diffusion.Losses {
	groups := m.groups(x0)
	x := diffusion.QSample(m.Schedule, x0, t, noise)
	image, base := m.start(x, t, groups)
	var last *Node
	if m.SelfCondition && m.Trunk != nil {
		last, _ = m.correct(scope, x, image, nil, t, y, groups, base)
		half := nn.Dropout{Rate: 0.5, Key: key}.Graph(nn.At(scope, "last"), Ones(x.Graph(), shapes.Make(x.DType(), x.Shape().Dim(0), 1, 1, 1)))
		last = StopGradient(Mul(withinReach(last), MulScalar(half, 0.5))) // dropout doubles what it leaves
	}
	estimate, logits := m.correct(scope, x, image, last, t, y, groups, base)
	inverseStd := m.perImage(t, func(ab float64) float64 { return 1 / max(math.Sqrt(1-ab), leastError) })
	mse := ReduceMean(Square(Mul(Sub(estimate, x0), InsertAxes(inverseStd, -1))), 1, 2, 3)

	diagonal := diagonals(x0)
	var crossEntropies []*Node
	for k, g := range groups {
		var sum *Node
		for i, t := range g.tables.channels() {
			one := t.crossEntropy(logits[k][i], g.of(diagonal[i]))
			if sum == nil {
				sum = one
			} else {
				sum = Add(sum, one)
			}
		}
		crossEntropies = append(crossEntropies, sum)
	}
	cross := joined(groups, crossEntropies)
	weight := m.CrossEntropy
	if weight == 0 {
		weight = 0.2
	}
	return diffusion.Losses{Total: Add(mse, MulScalar(cross, weight)), MSE: mse, CrossEntropy: cross}
}

// perImage is f of ᾱ at each image's step, [B,1,1].
func (m Model) perImage(t *Node, f func(ab float64) float64) *Node {
	table := make([]float32, m.Schedule.Len())
	for i, ab := range m.Schedule.AlphaBar {
		table[i] = float32(f(ab))
	}
	return Reshape(Gather(Const(t.Graph(), table), InsertAxes(t, -1)), -1, 1, 1)
}

// noise is the noise's standard deviation at each image's step, [B,1,1].
func (m Model) noise(t *Node) *Node {
	return m.perImage(t, func(ab float64) float64 { return math.Sqrt(1 - ab) })
}

// ids are the atoms' values, [G·n·K] int32, 0 beyond a table's end.
func (t tables) ids(graph *Graph) *Node {
	ids := t.padded(graph, func(c ClassPrior) [][]float64 {
		rows := make([][]float64, len(c.IDs))
		for j, row := range c.IDs {
			for _, id := range row {
				rows[j] = append(rows[j], float64(id)) // below 2²⁴: exact as float32
			}
		}
		return rows
	})
	return ConvertDType(Reshape(ids, -1), dtypes.Int32)
}

// crossEntropy is the mean over a flow's places of -log P(its atom), in nats:
// [B]. diagonal [B,n] is the clean image's, which holds the atoms exactly.
func (t tables) crossEntropy(logits, diagonal *Node) *Node {
	level := t.each(AddScalar(MulScalar(t.middles, 2), -1))
	away := Abs(Sub(InsertAxes(diagonal, -1), level))
	away = Where(t.each(t.mask), away, OnePlus(MulScalar(OnesLike(away), 8)))
	atom := InsertAxes(ArgMin(away, -1), -1)
	hit := Equal(BroadcastToDims(atom, away.Shape().Dimensions...),
		BroadcastToDims(counting(away.Graph(), t.width), away.Shape().Dimensions...))
	log := LogSoftmax(logits, -1)
	return Neg(ReduceMean(ReduceSum(Where(hit, log, ZerosLike(log)), -1), -1))
}
