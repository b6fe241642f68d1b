// Package causal predicts each symbol of a series from those before it, by a causal
// transformer (Vaswani et al. 2017) and by chains that were counted, weighed against each
// other at every place.
//
// The probability of the next symbol s after the symbols h is a mixture,
//
//	p(s | h) = Σ_k w_k(h) c_k(s | h) + w_0(h) q(s | h),
//
// of the chains c_k, which remember contexts of different lengths (markov.Contexts), and
// the network's own q. A gate computes the weights from the network's features and from
// what was counted in each context, as in the compression of text by mixing contexts. So
// that it learns how far a count is to be trusted for a series that was never seen, every
// series is left out of its own counts while the mixture is fitted.
package causal

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Network is the transformer and the gate. It reads series of Places symbols, numbers
// below Symbols.
type Network struct {
	Width   int     // of the features, a multiple of 32; 0 means 96
	Layers  int     // 0 means 3
	Dropout float64 // share of the features that training drops, in [0,1)

	Places, Classes, Symbols, NumChains int
	// Numbers describe each symbol, [Symbols][F]: symbols with numbers alike begin alike.
	Numbers [][]float32
}

const (
	headWidth = 32 // of each head of attention
	gateWidth = 64
	// noted is how many numbers the gate is given of each chain: see note.
	noted = 4
)

// WithDefaults fills in what zeros mean.
func (n Network) WithDefaults() Network {
	n.Width, n.Layers = cmp.Or(n.Width, 96), cmp.Or(n.Layers, 3)
	return n
}

// Validate returns what keeps the network from being built.
func (n Network) Validate() error {
	switch {
	case n.Width < 0 || n.Width%headWidth != 0:
		return fmt.Errorf("causal: the network's width is %d, want a multiple of %d, or 0", n.Width, headWidth)
	case n.Layers < 0:
		return fmt.Errorf("causal: the network has %d layers, want 0 or more", n.Layers)
	case !(n.Dropout >= 0 && n.Dropout < 1):
		return fmt.Errorf("causal: the network's dropout is %v, want it in [0,1)", n.Dropout)
	}
	return nil
}

func (n Network) heads() int { return n.Width / headWidth }

// The parts of the network. The symbol before the first one is number Symbols.
func (n Network) symbols() nn.Embedding {
	return nn.Embedding{Rows: n.Symbols + 1, Channels: n.Width, Std: 0.02}
}
func (n Network) places() nn.Embedding {
	return nn.Embedding{Rows: n.Places, Channels: n.Width, Std: 0.02}
}
func (n Network) classes() nn.Embedding {
	return nn.Embedding{Rows: n.Classes, Channels: n.Width, Std: 0.02}
}
func (n Network) each() nn.Embedding {
	return nn.Embedding{Rows: n.Symbols, Channels: 1, Std: 0.02}
}
func (n Network) numbers() nn.Linear { return nn.Linear{In: len(n.Numbers[0]), Out: n.Width} }
func (n Network) norm() nn.GroupNorm { return nn.GroupNorm{Channels: n.Width, Groups: 1} }
func (n Network) wide() nn.Linear    { return nn.Linear{In: n.Width, Out: 4 * n.Width} }
func (n Network) narrow() nn.Linear  { return nn.Linear{In: 4 * n.Width, Out: n.Width, Zero: true} }
func (n Network) project(out int) nn.Linear {
	return nn.Linear{In: n.Width, Out: out * n.Width, Zero: out == 1}
}
func (n Network) gateIn() nn.Linear {
	return nn.Linear{In: n.Width + noted*n.NumChains, Out: gateWidth}
}
func (n Network) gateOut() nn.Linear { return nn.Linear{In: gateWidth, Out: n.NumChains + 1} }

// Params lists the parameters.
func (n Network) Params() []nn.Param {
	n = n.WithDefaults()
	var all []nn.Param
	add := func(p []nn.Param) { all = append(all, p...) }
	add(n.symbols().Params("in/symbols"))
	add(n.numbers().Params("in/numbers"))
	add(n.places().Params("in/places"))
	add(n.classes().Params("in/classes"))
	for i := range n.Layers {
		path := fmt.Sprintf("layers/%d/", i)
		add(n.norm().Params(path + "attention/norm"))
		add(n.project(3).Params(path + "attention/qkv"))
		add(n.project(1).Params(path + "attention/out"))
		add(n.norm().Params(path + "inner/norm"))
		add(n.wide().Params(path + "inner/in"))
		add(n.narrow().Params(path + "inner/out"))
	}
	add(n.norm().Params("norm"))
	add(n.symbols().Params("out/symbols"))
	add(n.numbers().Params("out/numbers"))
	add(n.each().Params("out/each"))
	add(n.gateIn().Params("gate/in"))
	return append(all, n.gateOut().Params("gate/out")...)
}

// table is Numbers as a node [Symbols+1,F]: zeros for the symbol before the first one.
func (n Network) table(g *Graph) *Node {
	width := len(n.Numbers[0])
	flat := make([]float32, 0, (n.Symbols+1)*width)
	for _, row := range n.Numbers {
		flat = append(flat, row...)
	}
	return nn.Fixed(g, append(flat, make([]float32, width)...), n.Symbols+1, width)
}

// embed returns the features [R,Width] of symbols [R] at the places [R], of the classes
// [R].
func (n Network) embed(scope *model.Scope, symbols, places, y *Node) *Node {
	in := nn.At(scope, "in")
	numbers := Gather(n.table(symbols.Graph()), InsertAxes(symbols, -1))
	h := Add(n.symbols().Graph(nn.At(in, "symbols"), symbols), n.numbers().Graph(nn.At(in, "numbers"), numbers))
	h = Add(h, n.places().Graph(nn.At(in, "places"), places))
	return Add(h, n.classes().Graph(nn.At(in, "classes"), y))
}

// layers returns what the layers make of features h [R,Width]. attend is given the
// number of a layer and its queries, keys and values, [R,heads,width] each, and returns
// the values weighted, [R,Width]. drop is applied to what a layer adds.
func (n Network) layers(scope *model.Scope, h *Node, attend func(layer int, q, k, v *Node) *Node, drop func(scope *model.Scope, x *Node) *Node) *Node {
	for i := range n.Layers {
		layer := nn.At(scope, fmt.Sprintf("layers/%d", i))
		at := nn.At(layer, "attention")
		qkv := n.project(3).Graph(nn.At(at, "qkv"), n.norm().Graph(nn.At(at, "norm"), h))
		qkv = Reshape(qkv, -1, 3, n.heads(), n.Width/n.heads())
		part := func(k int) *Node { return Squeeze(SliceAxis(qkv, 1, AxisElem(k)), 1) }
		h = Add(h, drop(at, n.project(1).Graph(nn.At(at, "out"), attend(i, part(0), part(1), part(2)))))

		inner := nn.At(layer, "inner")
		x := n.norm().Graph(nn.At(inner, "norm"), h)
		x = n.narrow().Graph(nn.At(inner, "out"), nn.SiLU(n.wide().Graph(nn.At(inner, "in"), x)))
		h = Add(h, drop(inner, x))
	}
	return n.norm().Graph(nn.At(scope, "norm"), h)
}

// weigh returns the values v [B,M,heads,width] weighted by attention to the keys k, alike,
// for the queries q [B,L,heads,width]: [B,L,heads,width]. seen [L,M] is which keys a query
// sees.
func weigh(q, k, v, seen *Node) *Node {
	logits := MulScalar(Einsum("blhc,bmhc->bhlm", q, k), 1/math.Sqrt(float64(q.Shape().Dim(3))))
	seen = BroadcastToDims(InsertAxes(seen, 0, 0), logits.Shape().Dimensions...)
	logits = Where(seen, logits, MulScalar(OnesLike(logits), never))
	return Einsum("bhlm,bmhc->blhc", Softmax(logits, -1), v)
}

// never is the logarithm of the probability of what cannot be.
const never = -1e9

// features returns the features before each place, [B·Places,Width], of series of the
// symbols before each place, [B,Places], and the classes y [B].
func (n Network) features(scope *model.Scope, before, y, key *Node) *Node {
	g := before.Graph()
	b := before.Shape().Dim(0)
	flat := func(x *Node) *Node { return Reshape(x, b*n.Places) }
	places := Iota(g, shapes.Make(dtypes.Int32, b, n.Places), 1)
	every := BroadcastToDims(InsertAxes(y, -1), b, n.Places)
	drop := func(scope *model.Scope, x *Node) *Node {
		if key == nil {
			return x
		}
		return nn.Dropout{Rate: n.Dropout, Key: key}.Graph(nn.At(scope, "dropout"), x)
	}
	query := Iota(g, shapes.Make(dtypes.Int32, n.Places, n.Places), 0)
	seen := GreaterOrEqual(query, Iota(g, shapes.Make(dtypes.Int32, n.Places, n.Places), 1))
	attend := func(_ int, q, k, v *Node) *Node {
		rows := func(x *Node) *Node { return Reshape(x, b, n.Places, n.heads(), -1) }
		return Reshape(weigh(rows(q), rows(k), rows(v), seen), b*n.Places, n.Width)
	}
	h := drop(nn.At(scope, "in"), n.embed(scope, flat(before), flat(places), flat(every)))
	return n.layers(scope, h, attend, drop)
}

// step returns the features [B,Width] before place j (a scalar), for the symbols [B] before
// it. memory [B,Layers,2,Places,heads,width] holds the keys and values of the places before,
// and is returned with those of this one.
func (n Network) step(scope *model.Scope, symbols, j, y, memory *Node) (h, next *Node) {
	g := symbols.Graph()
	b := symbols.Shape().Dim(0)
	width := n.Width / n.heads()
	place := Iota(g, shapes.Make(dtypes.Int32, n.Places), 0)
	here := Equal(place, BroadcastToDims(j, n.Places))
	seen := InsertAxes(LessOrEqual(place, BroadcastToDims(j, n.Places)), 0)
	put := func(all, x *Node) *Node { // x [B,heads,width] at place j of all [B,Places,heads,width]
		dims := all.Shape().Dimensions
		return Where(BroadcastToDims(InsertAxes(here, 0, -1, -1), dims...), BroadcastToDims(InsertAxes(x, 1), dims...), all)
	}
	kept := make([]*Node, n.Layers)
	attend := func(layer int, q, k, v *Node) *Node {
		old := Squeeze(SliceAxis(memory, 1, AxisElem(layer)), 1)
		k = put(Squeeze(SliceAxis(old, 1, AxisElem(0)), 1), k)
		v = put(Squeeze(SliceAxis(old, 1, AxisElem(1)), 1), v)
		kept[layer] = Stack([]*Node{k, v}, 1)
		return Reshape(weigh(Reshape(q, b, 1, n.heads(), width), k, v, seen), b, n.Width)
	}
	h = n.embed(scope, symbols, BroadcastToDims(j, b), y)
	h = n.layers(scope, h, attend, func(_ *model.Scope, x *Node) *Node { return x })
	return h, Stack(kept, 1)
}

// logits returns the network's own [R,Symbols] for features h [R,Width].
func (n Network) logits(scope *model.Scope, h *Node) *Node {
	g := h.Graph()
	out := nn.At(scope, "out")
	all := Iota(g, shapes.Make(dtypes.Int32, n.Symbols), 0)
	rows := Add(n.symbols().Graph(nn.At(out, "symbols"), all),
		n.numbers().Graph(nn.At(out, "numbers"), Slice(n.table(g), AxisRange(0, n.Symbols))))
	each := Reshape(n.each().Graph(nn.At(out, "each"), all), 1, n.Symbols)
	return Add(Einsum("rd,sd->rs", h, rows), each)
}

// gate returns the logarithms of the weights of the chains and, last, of the network:
// [R,Chains+1], for features h [R,Width] and notes [R,Chains,noted].
func (n Network) gate(scope *model.Scope, h, notes *Node) *Node {
	r := h.Shape().Dim(0)
	gate := nn.At(scope, "gate")
	x := Concatenate([]*Node{h, Reshape(notes, r, -1)}, 1)
	x = n.gateOut().Graph(nn.At(gate, "out"), nn.SiLU(n.gateIn().Graph(nn.At(gate, "in"), x)))
	counted := Squeeze(SliceAxis(notes, 2, AxisElem(0)), 2) // 1 where a chain has a prediction
	counted = Concatenate([]*Node{counted, OnesLike(SliceAxis(counted, 1, AxisElem(0)))}, 1)
	return LogSoftmax(Add(x, MulScalar(OneMinus(counted), never)), -1)
}
