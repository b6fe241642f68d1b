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
//
// A symbol may have a mark, as a packet's length has the time since the packet before: then
// the probability of a place is p(s | h) p(m | h, s), where h holds the marks before, too,
// and each factor is a mixture of its own.
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

// Network is the transformer and the gates. It reads series of Places symbols, with a mark
// each where it has Marks.
type Network struct {
	Width   int     // of the features, a multiple of 32; 0 means 96
	Layers  int     // 0 means 3
	Dropout float64 // share of the features that training drops, in [0,1)

	Places, Classes int
	Symbols, Marks  Vocabulary
}

// Vocabulary is the symbols, or the marks: the numbers below Len.
type Vocabulary struct {
	Len    int // 0 means that there are none
	Chains int // how many predict them
	// Numbers describe each of them, [Len][F]: those with numbers alike begin alike.
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

// The parts of the network. The symbol before the first one is number Symbols.Len, the mark
// number Marks.Len.
func (n Network) rows(count int) nn.Embedding {
	return nn.Embedding{Rows: count, Channels: n.Width, Std: 0.02}
}
func (n Network) each(v Vocabulary) nn.Embedding {
	return nn.Embedding{Rows: v.Len, Channels: 1, Std: 0.02}
}
func (n Network) numbers(v Vocabulary) nn.Linear {
	return nn.Linear{In: len(v.Numbers[0]), Out: n.Width}
}
func (n Network) norm() nn.GroupNorm { return nn.GroupNorm{Channels: n.Width, Groups: 1} }
func (n Network) wide() nn.Linear    { return nn.Linear{In: n.Width, Out: 4 * n.Width} }
func (n Network) narrow() nn.Linear  { return nn.Linear{In: 4 * n.Width, Out: n.Width, Zero: true} }
func (n Network) project(out int) nn.Linear {
	return nn.Linear{In: n.Width, Out: out * n.Width, Zero: out == 1}
}
func (n Network) gateIn(v Vocabulary) nn.Linear {
	return nn.Linear{In: n.Width + noted*v.Chains, Out: gateWidth}
}
func (n Network) gateOut(v Vocabulary) nn.Linear {
	return nn.Linear{In: gateWidth, Out: v.Chains + 1}
}
func (n Network) markIn() nn.Linear { return nn.Linear{In: 2 * n.Width, Out: n.Width} }

// Params lists the parameters.
func (n Network) Params() []nn.Param {
	n = n.WithDefaults()
	var all []nn.Param
	add := func(p []nn.Param) { all = append(all, p...) }
	add(n.embeddingParams(n.Symbols, "in/"))
	add(n.rows(n.Places).Params("in/places"))
	add(n.rows(n.Classes).Params("in/classes"))
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
	add(n.predictionParams(n.Symbols, ""))
	if n.Marks.Len > 0 {
		add(n.embeddingParams(n.Marks, "marks/in/"))
		add(n.markIn().Params("marks/features"))
		add(n.predictionParams(n.Marks, "marks/"))
	}
	return all
}

// embeddingParams lists the parameters of embedOne.
func (n Network) embeddingParams(v Vocabulary, path string) []nn.Param {
	return append(n.rows(v.Len+1).Params(path+"symbols"), n.numbers(v).Params(path+"numbers")...)
}

// predictionParams lists the parameters of logits and gate.
func (n Network) predictionParams(v Vocabulary, path string) []nn.Param {
	all := append(n.embeddingParams(v, path+"out/"), n.each(v).Params(path+"out/each")...)
	all = append(all, n.gateIn(v).Params(path+"gate/in")...)
	return append(all, n.gateOut(v).Params(path+"gate/out")...)
}

// table is Numbers as a node [Len+1,F]: zeros for the symbol before the first one.
func (v Vocabulary) table(g *Graph) *Node {
	width := len(v.Numbers[0])
	flat := make([]float32, 0, (v.Len+1)*width)
	for _, row := range v.Numbers {
		flat = append(flat, row...)
	}
	return nn.Fixed(g, append(flat, make([]float32, width)...), v.Len+1, width)
}

// embedOne returns the features [R,Width] of symbols [R] of a vocabulary whose weights are
// below scope.
func (n Network) embedOne(scope *model.Scope, v Vocabulary, symbols *Node) *Node {
	numbers := Gather(v.table(symbols.Graph()), InsertAxes(symbols, -1))
	return Add(n.rows(v.Len+1).Graph(nn.At(scope, "symbols"), symbols), n.numbers(v).Graph(nn.At(scope, "numbers"), numbers))
}

// embed returns the features [R,Width] of symbols [R], and marks [R] where there are any, at
// the places [R], of the classes [R].
func (n Network) embed(scope *model.Scope, symbols, marks, places, y *Node) *Node {
	in := nn.At(scope, "in")
	h := n.embedOne(in, n.Symbols, symbols)
	if n.Marks.Len > 0 {
		h = Add(h, n.embedOne(nn.At(scope, "marks/in"), n.Marks, marks))
	}
	h = Add(h, n.rows(n.Places).Graph(nn.At(in, "places"), places))
	return Add(h, n.rows(n.Classes).Graph(nn.At(in, "classes"), y))
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
// symbols and marks before each place, [B,Places], and the classes y [B].
func (n Network) features(scope *model.Scope, before, marks, y, key *Node) *Node {
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
	if n.Marks.Len > 0 {
		marks = flat(marks)
	}
	h := drop(nn.At(scope, "in"), n.embed(scope, flat(before), marks, flat(places), flat(every)))
	return n.layers(scope, h, attend, drop)
}

// step returns the features [B,Width] before place j (a scalar), for the symbols [B] and marks
// [B] before it. memory holds the keys and the values of the places before, of each layer in turn,
// [B,Places,heads,width] each, and is returned with those of this one. They are not one
// tensor, which would be taken apart and written anew at every place.
func (n Network) step(scope *model.Scope, symbols, marks, j, y *Node, memory []*Node) (h *Node, next []*Node) {
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
	attend := func(layer int, q, k, v *Node) *Node {
		k, v = put(memory[2*layer], k), put(memory[2*layer+1], v)
		next = append(next, k, v)
		return Reshape(weigh(Reshape(q, b, 1, n.heads(), width), k, v, seen), b, n.Width)
	}
	h = n.embed(scope, symbols, marks, BroadcastToDims(j, b), y)
	h = n.layers(scope, h, attend, func(_ *model.Scope, x *Node) *Node { return x })
	return h, next
}

// logits returns the network's own [R,Len] of a vocabulary, whose weights are below scope, for
// features h [R,Width].
func (n Network) logits(scope *model.Scope, v Vocabulary, h *Node) *Node {
	g := h.Graph()
	out := nn.At(scope, "out")
	all := Iota(g, shapes.Make(dtypes.Int32, v.Len), 0)
	each := Reshape(n.each(v).Graph(nn.At(out, "each"), all), 1, v.Len)
	return Add(Einsum("rd,sd->rs", h, n.embedOne(out, v, all)), each)
}

// gate returns the logarithms of the weights of a vocabulary's chains and, last, of the
// network: [R,Chains+1], for features h [R,Width] and notes [R,Chains,noted].
func (n Network) gate(scope *model.Scope, v Vocabulary, h, notes *Node) *Node {
	gate := nn.At(scope, "gate")
	x := Concatenate([]*Node{h, Reshape(notes, h.Shape().Dim(0), -1)}, 1)
	x = n.gateOut(v).Graph(nn.At(gate, "out"), nn.SiLU(n.gateIn(v).Graph(nn.At(gate, "in"), x)))
	counted := Squeeze(SliceAxis(notes, 2, AxisElem(0)), 2) // 1 where a chain has a prediction
	counted = Concatenate([]*Node{counted, OnesLike(SliceAxis(counted, 1, AxisElem(0)))}, 1)
	return LogSoftmax(Add(x, MulScalar(OneMinus(counted), never)), -1)
}

// markFeatures returns the features [R,Width] before the mark of a place, for the features h
// before its symbol and that symbol [R].
func (n Network) markFeatures(scope *model.Scope, h, symbols *Node) *Node {
	x := Concatenate([]*Node{h, n.embedOne(nn.At(scope, "in"), n.Symbols, symbols)}, 1)
	return Add(h, nn.SiLU(n.markIn().Graph(nn.At(scope, "marks/features"), x)))
}
