package causal

import (
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Mixed are the kinds of context whose chains are mixed for the symbols.
var Mixed = []markov.Context{
	{Order: 0, Place: true}, {Order: 1, Place: true}, {Order: 2, Place: true}, {Order: 3, Place: true}, {Order: 4, Place: true},
	{Order: markov.All},
	{Order: 1}, {Order: 2}, {Order: 3},
}

// MixedMarks are those for the marks. A mark comes after its symbol, so their histories are
// the symbols, that of its own place included; the marks and symbols before it, in turn,
// and that symbol; and the marks alone.
var MixedMarks = []markov.Context{
	{Order: 0, Place: true}, {Order: 1, Place: true}, {Order: 2, Place: true}, {Order: 1}, {Order: 2}, {Order: 3},
	{Order: 2, History: 1, Place: true}, {Order: 2, History: 1}, {Order: 3, History: 1}, {Order: 5, History: 1},
	{Order: 1, History: 2, Place: true}, {Order: 2, History: 2},
}

// Series is a series of symbols, of which the last may be the end, and where the model has
// marks the mark of each symbol but the end.
type Series struct{ Symbols, Marks []int32 }

// Model is the network and the chains.
type Model struct {
	Network
	OfSymbols Counted
	OfMarks   Counted // without marks empty
	// Alone leaves out the chains: the network predicts by itself, and is trained to.
	Alone bool
}

// Counted is what was counted of the symbols, or of the marks.
type Counted struct {
	Chains *markov.Contexts // of Mixed, or MixedMarks
	// Allowed [Classes][Places][symbols] is which of them a series may have.
	Allowed [][][]bool
}

// alone is the share of the loss that trains the network to predict by itself, beside
// the mixture: without it, it learns only what the chains leave to it, and slowly.
const alone = 0.5

// End is the symbol of the end of a series, which is followed by nothing else: the last
// one. A series of Places symbols has none.
func (m Model) End() int32 { return int32(m.Symbols.Len - 1) }

// Count counts series of the classes at their places in classes.
func (m *Model) Count(series []Series, classes []int) {
	sequences := make([][]int32, len(series))
	for i, s := range series {
		sequences[i] = s.Symbols
	}
	m.OfSymbols.Chains = markov.CountContexts(Mixed, sequences, classes)
	if m.Marks.Len == 0 {
		return
	}
	m.OfMarks.Chains = markov.CountPositions(MixedMarks, func(yield func(markov.Position, int32) bool) {
		for i, s := range series {
			for j, mark := range s.Marks {
				if !yield(m.markAt(classes[i], j, s), mark) {
					return
				}
			}
		}
	})
}

// symbolAt is the position of the symbol at place j of s.
func (m Model) symbolAt(class, j int, s Series) markov.Position {
	return markov.Position{Class: class, Place: j, Histories: [][]int32{s.Symbols[:j]}}
}

// markAt is the position of the mark at place j of s: its histories are those that MixedMarks
// names.
func (m Model) markAt(class, j int, s Series) markov.Position {
	inTurn := make([]int32, 0, 2*j+1)
	for i, mark := range s.Marks[:j] {
		inTurn = append(inTurn, s.Symbols[i], mark)
	}
	return markov.Position{Class: class, Place: j, Histories: [][]int32{s.Symbols[:j+1], append(inTurn, s.Symbols[j]), s.Marks[:j]}}
}

// A series is handed to the loss as Row numbers: for each place its symbol, or -1 after
// the end, and the number of the chains' probabilities of it and notes; then the same of its
// mark.
func (m Model) perPlace() int { return m.Symbols.numbers() + m.Marks.numbers() }

// numbers is how many numbers of a place the loss is given.
func (v Vocabulary) numbers() int {
	if v.Len == 0 {
		return 0
	}
	return 1 + (1+noted)*v.Chains
}

// Row is the number of numbers that Read writes of a series.
func (m Model) Row() int { return m.Places * m.perPlace() }

// Read writes what the loss is given of a series of a class, of at most Places symbols,
// into row. With own the series is one of those counted, and is left out.
func (m Model) Read(class int, s Series, own bool, row []float32) {
	clear(row)
	places := make([][]float32, m.Places)
	for j := range places {
		places[j] = row[j*m.perPlace() : (j+1)*m.perPlace()]
	}
	at := make([]markov.Position, len(s.Symbols))
	for j := range at {
		at[j] = m.symbolAt(class, j, s)
	}
	m.OfSymbols.read(at, s.Symbols, own, places)
	if m.Marks.Len == 0 {
		return
	}
	for j := range places {
		places[j] = places[j][m.Symbols.numbers():]
	}
	at = at[:0]
	for j := range s.Marks {
		at = append(at, m.markAt(class, j, s))
	}
	m.OfMarks.read(at, s.Marks, own, places)
}

// read writes what the loss is given of a series' symbols at the positions at, by place. With
// own they are among those counted, and are left out.
func (c Counted) read(at []markov.Position, symbols []int32, own bool, places [][]float32) {
	k := c.Chains.Kinds()
	contexts := make([]int32, len(symbols)*k)
	for j := range symbols {
		c.Chains.Find(at[j], contexts[j*k:(j+1)*k])
	}
	var counts map[int32]map[int32]int
	if own {
		counts = ownCounts(symbols, contexts, k)
	}
	for j, place := range places {
		if j >= len(symbols) {
			place[0] = -1
			continue
		}
		place[0] = float32(symbols[j])
		allowed := c.allowed(at[j].Class, j)
		for i, context := range contexts[j*k : (j+1)*k] {
			seen, count := c.Chains.Look(context, symbols[j], allowed)
			seen, count = c.without(seen, count, context, symbols[j], counts[context], allowed)
			if seen.Total > 0 {
				place[1+i] = float32(count) / float32(seen.Total)
			}
			note(seen, place[1+k+i*noted:])
		}
	}
}

// ownCounts is what a series itself has in the counts after each of its contexts, by
// context and symbol; contexts are those of all its places, of so many chains each.
func ownCounts(series, contexts []int32, chains int) map[int32]map[int32]int {
	counts := map[int32]map[int32]int{}
	for i, symbol := range series {
		at := contexts[i*chains : (i+1)*chains]
		for k, context := range at {
			if slices.Contains(at[:k], context) {
				continue // counted once: see markov.CountPositions
			}
			if counts[context] == nil {
				counts[context] = map[int32]int{}
			}
			counts[context][symbol]++
		}
	}
	return counts
}

// without leaves out of what was seen after a context, symbol so many times, all that the
// series itself has there.
func (c Counted) without(seen markov.Seen, count int, context, symbol int32, own map[int32]int, allowed func(int32) bool) (markov.Seen, int) {
	for other, n := range own {
		switch {
		case other == symbol:
			seen = seen.Without(count, n)
		case allowed(other):
			_, times := c.Chains.Look(context, other, allowed)
			seen = seen.Without(times, n)
		}
	}
	return seen, count - min(own[symbol], count)
}

// allowed reports which symbols a series of the class may have at place j.
func (c Counted) allowed(class, j int) func(symbol int32) bool {
	list := c.Allowed[class][j]
	return func(symbol int32) bool { return list[symbol] }
}

// note writes what the gate is told of a context: whether anything was counted after it,
// how many symbols, how many different ones, and the share of those counted once.
func note(s markov.Seen, to []float32) {
	if s.Total <= 0 {
		clear(to[:noted])
		return
	}
	to[0] = 1
	to[1] = float32(math.Log(float64(s.Total)))
	to[2] = float32(math.Log(float64(max(s.Distinct, 1))))
	to[3] = float32(s.Once) / float32(s.Total)
}

// masks is Allowed as what is added to logits, [Classes·Places,symbols].
func (c Counted) masks(g *Graph) *Node {
	var flat []float32
	rows, width := 0, 0
	for _, class := range c.Allowed {
		for _, place := range class {
			rows, width = rows+1, len(place)
			for _, ok := range place {
				v := float32(never)
				if ok {
					v = 0
				}
				flat = append(flat, v)
			}
		}
	}
	return nn.Fixed(g, flat, rows, width)
}

// Loss returns the losses of rows [B,Row] of the classes y [B]. Total, which trains, is the
// negative logarithm of the mixture's probability and, for a share, of the network's own;
// CrossEntropy is that of the mixture. With Alone both are of the network's own. Both are means over the places, in nats, of symbols
// and marks together. key [2] uint32 decides what is dropped; nil drops nothing.
func (m Model) Loss(scope *model.Scope, rows, y, key *Node) diffusion.Losses {
	m.Network = m.Network.WithDefaults()
	b := rows.Shape().Dim(0)
	rows = Reshape(rows, b*m.Places, m.perPlace())
	symbols := readingOf(SliceAxis(rows, 1, AxisRange(0, m.Symbols.numbers())), m.Symbols)
	target := Reshape(symbols.target, b, m.Places)
	before := delayed(target, m.Symbols.Len)
	var marks reading
	var marksBefore *Node
	if m.Marks.Len > 0 {
		marks = readingOf(SliceAxis(rows, 1, AxisRange(m.Symbols.numbers())), m.Marks)
		marksBefore = delayed(Reshape(marks.target, b, m.Places), m.Marks.Len)
	}
	h := m.features(scope, before, marksBefore, y, key)

	place := Add(MulScalar(InsertAxes(y, -1), m.Places), Iota(rows.Graph(), shapes.Make(dtypes.Int32, b, m.Places), 1))
	place = Reshape(place, b*m.Places, 1)
	gate, own := m.predict(scope, m.Symbols, m.OfSymbols, h, symbols.notes, place)
	mixture, network := symbols.logs(own, gate)
	if m.Marks.Len > 0 {
		h := m.markFeatures(scope, h, symbols.target)
		gate, own := m.predict(nn.At(scope, "marks"), m.Marks, m.OfMarks, h, marks.notes, place)
		ofMarks, ownMarks := marks.logs(own, gate)
		mixture, network = Add(mixture, ofMarks), Add(network, ownMarks)
	}
	mean := func(x *Node) *Node { return Neg(ReduceMean(Reshape(x, b, m.Places), 1)) }
	if m.Alone {
		cross := mean(network)
		return diffusion.Losses{Total: cross, CrossEntropy: cross}
	}
	cross := mean(mixture)
	return diffusion.Losses{Total: Add(cross, MulScalar(mean(network), alone)), CrossEntropy: cross}
}

// predict returns the gate's logarithms and the network's own, for features h [R,Width] at the
// rows place [R,1] of c's masks; the weights of the vocabulary are below scope.
func (m Model) predict(scope *model.Scope, v Vocabulary, c Counted, h, notes, place *Node) (gate, own *Node) {
	logits := Add(m.logits(scope, v, h), Gather(c.masks(h.Graph()), place))
	return m.gate(scope, v, h, notes), LogSoftmax(logits, -1)
}

// reading is what Read wrote of the symbols, or marks, at R places.
type reading struct {
	there  *Node // [R] bool: whether there is one
	target *Node // [R] int32; 0 where there is none
	chains *Node // [R,chains] probabilities
	notes  *Node // [R,chains,noted]
}

func readingOf(rows *Node, v Vocabulary) reading {
	symbol := Squeeze(SliceAxis(rows, 1, AxisElem(0)), 1)
	return reading{
		there:  GreaterOrEqual(symbol, ZerosLike(symbol)),
		target: ConvertDType(MaxScalar(symbol, 0), dtypes.Int32),
		chains: SliceAxis(rows, 1, AxisRange(1, 1+v.Chains)),
		notes:  Reshape(SliceAxis(rows, 1, AxisRange(1+v.Chains)), -1, v.Chains, noted),
	}
}

// logs returns the logarithms of the probabilities of the targets [R], by the mixture and by
// the network, whose logarithms are own [R,symbols]; weights [R,chains+1] are the gate's. They
// are 0 where there is no target.
func (r reading) logs(own, weights *Node) (mixture, network *Node) {
	hit := OneHot(r.target, own.Shape().Dim(1), dtypes.Float32)
	network = ReduceSum(Mul(own, hit), -1)
	all := Concatenate([]*Node{Log(AddScalar(r.chains, 1e-12)), InsertAxes(network, -1)}, 1)
	mixture = logSumExp(Add(weights, all))
	return Where(r.there, mixture, ZerosLike(mixture)), Where(r.there, network, ZerosLike(network))
}

// delayed is [B,Places] with each place's number at the place after; first stands at the first
// one.
func delayed(x *Node, first int) *Node {
	b, places := x.Shape().Dim(0), x.Shape().Dim(1)
	start := BroadcastToDims(Scalar(x.Graph(), dtypes.Int32, first), b, 1)
	return Concatenate([]*Node{start, SliceAxis(x, 1, AxisRange(0, places-1))}, 1)
}

// logSumExp is that over the last axis of x.
func logSumExp(x *Node) *Node {
	most := StopGradient(ReduceAndKeep(x, ReduceMax, -1))
	return Add(Log(ReduceSum(Exp(Sub(x, most)), -1)), Squeeze(most, -1))
}

// Describe returns numbers that describe a value, the same for all values that are alike:
// its sign, and waves of its size and of the logarithm of that. most is the largest size.
func Describe(value, most float64) []float32 {
	sign := 1.0
	if value < 0 {
		sign = -1
	}
	size := math.Log1p(math.Abs(value)) / math.Log1p(most)
	list := []float32{float32(sign), float32(sign * size)}
	for _, wave := range []float64{1, 4, 16, 64} {
		sin, cos := math.Sincos(math.Pi * wave * value / most)
		list = append(list, float32(sin), float32(cos))
	}
	for _, wave := range []float64{1, 2, 4, 8} {
		sin, cos := math.Sincos(math.Pi * wave * sign * size)
		list = append(list, float32(sin), float32(cos))
	}
	return slices.Clip(list)
}
