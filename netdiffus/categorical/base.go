package categorical

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Numbers that keep the smoothing finite in float32. A packet whose pixel no
// reachable atom explains would otherwise divide nothing by nothing.
const (
	leastNoise      = 0.02  // of the evidence's standard deviation
	leastEvidence   = -60.0 // log likelihood of an atom, below the place's best
	leastMass       = 1e-37 // that a distribution is divided by
	leastShare      = 1e-7  // of an atom, before its logarithm
	logOfImpossible = -1e4  // logit of the places beyond a table's end
)

// tables are a class's numbers as nodes of a graph, padded to [Places,K] with K the
// widest table.
type tables struct {
	ClassPrior
	width       int
	middles     *Node // [n,K] float32, 0 beyond a table's end
	mask        *Node // [n,K] bool, false there
	shares      *Node // [n,K], 0 there
	conditional []tables
}

func (c ClassPrior) nodes(g *Graph) tables {
	width := c.widest()
	t := tables{ClassPrior: c, width: width}
	t.middles = padded(g, c.Middles, width)
	t.shares = padded(g, c.Shares, width)
	atoms := make([]int32, len(c.Middles))
	for j := range atoms {
		atoms[j] = int32(c.atoms(j))
	}
	t.mask = LessThan(Squeeze(BroadcastToDims(counting(g, width), 1, len(atoms), width), 0),
		BroadcastToDims(InsertAxes(Const(g, atoms), -1), len(atoms), width))
	for _, further := range c.Conditional {
		t.conditional = append(t.conditional, further.nodes(g))
	}
	return t
}

// padded is rows of different lengths as [n,width] float32, 0 beyond their ends.
func padded(g *Graph, rows [][]float64, width int) *Node {
	values := make([]float32, len(rows)*width)
	for j, row := range rows {
		for k, v := range row {
			values[j*width+k] = float32(v)
		}
	}
	return nn.Fixed(g, values, len(rows), width)
}

// evidence is the likelihood of each atom given its packet's own pixel
// x_jj ~ N(signal·(2u-1), noise²), as a share of the best one's: [B,n,K], 0
// beyond a table's end. diagonal is [B,n]; signal and noise are [B,1,1].
func (t tables) evidence(diagonal, signal, noise *Node) *Node {
	sharp := MaxScalar(noise, leastNoise)
	level := InsertAxes(AddScalar(MulScalar(t.middles, 2), -1), 0) // [1,n,K]
	miss := Div(Sub(InsertAxes(diagonal, -1), Mul(signal, level)), sharp)
	return t.relative(MulScalar(Square(miss), -0.5))
}

// relative turns log likelihoods [B,n,K] into shares of each place's best, 0
// beyond a table's end.
func (t tables) relative(log *Node) *Node {
	mask := BroadcastToDims(InsertAxes(t.mask, 0), log.Shape().Dimensions...)
	log = Where(mask, log, AddScalar(ZerosLike(log), -1e30))
	log = MaxScalar(Sub(log, ReduceAndKeep(log, ReduceMax, -1)), leastEvidence)
	return Where(mask, Exp(log), ZerosLike(log))
}

// Base is the distribution of the atoms that a Model starts from, before its network:
// Chain, Field, Independent or another package's. Its Posterior returns
// P(atom | evidence) for each channel, [B,n,K], which sum to 1 over the atoms and are 0
// beyond a table's end.
type Base interface {
	Posterior(e Evidence) []*Node
}

// Evidence is what one class's noisy images show of their atoms.
type Evidence struct {
	Class         ClassPrior // the class's tables
	X             *Node      // the noisy images [B,n,n,C]
	Signal, Noise *Node      // √ᾱ and √(1-ᾱ) of each image's step, [B,1,1]
	// Likelihood is that of each atom given its packet's pixel on the diagonal, as a
	// share of the best one's, 0 beyond a table's end: by channel, [B,n,K] with K the
	// widest table's atoms.
	Likelihood []*Node

	tables tables
}

var (
	// Chain weighs the evidence of all packets together, by the class's first-order
	// chain.
	Chain Base = chain{}
	// Independent weighs every packet's evidence by its place's frequencies alone.
	Independent Base = independent{}
	// Field is Chain with the evidence of all pixels instead of the diagonal's alone.
	Field Base = field{}
)

type (
	chain       struct{}
	independent struct{}
	field       struct{}
)

func (independent) Posterior(e Evidence) []*Node {
	var all []*Node
	for i, t := range e.tables.channels() {
		all = append(all, t.weigh(e.Likelihood[i]))
	}
	return all
}

func (b chain) Posterior(e Evidence) []*Node { return b.posteriors([]Evidence{e})[0] }

func (b field) Posterior(e Evidence) []*Node { return b.posteriors([]Evidence{e})[0] }

// jointBase is a base that has the posteriors of several classes in fewer operations than one by one.
type jointBase interface {
	posteriors(classes []Evidence) [][]*Node
}

func (chain) posteriors(classes []Evidence) [][]*Node {
	var all []*tree
	for _, e := range classes {
		all = append(all, &tree{tables: e.tables, evidence: e.Likelihood})
	}
	return smoothTrees(all)
}

func (field) posteriors(classes []Evidence) [][]*Node {
	var all []*tree
	for _, e := range classes {
		all = append(all, &tree{tables: e.tables, evidence: e.ofAllPixels()})
	}
	return smoothTrees(all)
}

// posteriors are the base's, by class.
func posteriors(b Base, classes []Evidence) [][]*Node {
	if b, ok := b.(jointBase); ok {
		return b.posteriors(classes)
	}
	var all [][]*Node
	for _, e := range classes {
		all = append(all, b.Posterior(e))
	}
	return all
}

// weigh is P(atom | its own evidence [B,n,K]), by the place's frequencies.
func (t tables) weigh(evidence *Node) *Node {
	return normalize(Mul(InsertAxes(t.shares, 0), evidence))
}

// channels are the tables of all channels.
func (t tables) channels() []tables { return append([]tables{t}, t.conditional...) }

// normalize scales the last axis to sum to 1.
func normalize(x *Node) *Node {
	return Div(x, MaxScalar(ReduceAndKeep(x, ReduceSum, -1), leastMass))
}

// logits are the logarithms of probabilities [B,n,K], far below them beyond a
// table's end.
func (t tables) logits(probabilities *Node) *Node {
	log := Log(AddScalar(probabilities, leastShare))
	mask := BroadcastToDims(InsertAxes(t.mask, 0), log.Shape().Dimensions...)
	return Where(mask, log, AddScalar(ZerosLike(log), logOfImpossible))
}

// diagonalMask is [1,n,n]: 1 on the diagonal, 0 off it.
func diagonalMask(g *Graph, n int) *Node {
	return InsertAxes(ConvertDType(Diagonal(g, n), dtypes.Float32), 0)
}

// counting is 0, 1, … along the last axis of [1,1,width] int32.
func counting(g *Graph, width int) *Node {
	return Iota(g, shapes.Make(dtypes.Int32, 1, 1, width), 2)
}
