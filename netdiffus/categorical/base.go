package categorical

import (
	"slices"

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

// tables are the numbers of classes that are computed together, as nodes of a graph, padded to
// [G,Places,K] with G classes and K the widest table. What is computed with them has as many
// rows for each class, one class after the other: B = G·images.
type tables struct {
	classes     []ClassPrior
	images      int
	width       int
	middles     *Node // [G,n,K] float32, 0 beyond a table's end
	mask        *Node // [G,n,K] bool, false there
	shares      *Node // [G,n,K], 0 there
	conditional []tables
}

func newTables(g *Graph, classes []ClassPrior, images int) tables {
	t := tables{classes: classes, images: images}
	for _, c := range classes {
		t.width = max(t.width, c.widest())
	}
	t.middles = t.padded(g, func(c ClassPrior) [][]float64 { return c.Middles })
	t.shares = t.padded(g, func(c ClassPrior) [][]float64 { return c.Shares })
	var atoms []int32
	for _, c := range classes {
		for j := range c.Middles {
			atoms = append(atoms, int32(c.atoms(j)))
		}
	}
	dims := []int{len(classes), t.places(), t.width}
	t.mask = LessThan(BroadcastToDims(counting(g, t.width), dims...), BroadcastToDims(Reshape(Const(g, atoms), dims[0], dims[1], 1), dims...))
	for i := range classes[0].Conditional {
		var further []ClassPrior
		for _, c := range classes {
			further = append(further, c.Conditional[i])
		}
		t.conditional = append(t.conditional, newTables(g, further, images))
	}
	return t
}

// places is n.
func (t tables) places() int { return len(t.classes[0].Middles) }

// padded is the rows of each class, of different lengths, as [G,n,K] float32, 0 beyond their
// ends.
func (t tables) padded(g *Graph, rows func(c ClassPrior) [][]float64) *Node {
	values := make([]float32, len(t.classes)*t.places()*t.width)
	for i, c := range t.classes {
		for j, row := range rows(c) {
			for k, v := range row {
				values[(i*t.places()+j)*t.width+k] = float32(v)
			}
		}
	}
	return nn.Fixed(g, values, len(t.classes), t.places(), t.width)
}

// each is x [G,…] for each class's images: [B,…].
func (t tables) each(x *Node) *Node {
	dims := x.Shape().Dimensions
	x = BroadcastToDims(InsertAxes(x, 1), slices.Insert(slices.Clone(dims), 1, t.images)...)
	return together(x)
}

// byClass is x [B,…] as [G,images,…].
func (t tables) byClass(x *Node) *Node {
	return Reshape(x, slices.Concat([]int{len(t.classes), t.images}, x.Shape().Dimensions[1:])...)
}

// together is the inverse of byClass.
func together(x *Node) *Node {
	dims := x.Shape().Dimensions
	return Reshape(x, slices.Concat([]int{dims[0] * dims[1]}, dims[2:])...)
}

// evidence is the likelihood of each atom given its packet's own pixel
// x_jj ~ N(signal·(2u-1), noise²), as a share of the best one's: [B,n,K], 0
// beyond a table's end. diagonal is [B,n]; signal and noise are [B,1,1].
func (t tables) evidence(diagonal, signal, noise *Node) *Node {
	sharp := MaxScalar(noise, leastNoise)
	level := t.each(AddScalar(MulScalar(t.middles, 2), -1)) // [B,n,K]
	miss := Div(Sub(InsertAxes(diagonal, -1), Mul(signal, level)), sharp)
	return t.relative(MulScalar(Square(miss), -0.5))
}

// relative turns log likelihoods [B,n,K] into shares of each place's best, 0
// beyond a table's end.
func (t tables) relative(log *Node) *Node {
	mask := t.each(t.mask)
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

// Evidence is what one class's noisy images show of their atoms. A base of this package is given
// several classes at once: Class is then the first one's.
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

func (chain) Posterior(e Evidence) []*Node {
	return tree{tables: e.tables, evidence: e.Likelihood}.smooth()
}

func (field) Posterior(e Evidence) []*Node {
	return tree{tables: e.tables, evidence: e.ofAllPixels()}.smooth()
}

// ownBase is a base of this package, whose Posterior takes several classes at once.
type ownBase interface{ own() }

func (chain) own()       {}
func (field) own()       {}
func (independent) own() {}

// weigh is P(atom | its own evidence [B,n,K]), by the place's frequencies.
func (t tables) weigh(evidence *Node) *Node {
	return normalize(Mul(t.each(t.shares), evidence))
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
	mask := t.each(t.mask)
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
