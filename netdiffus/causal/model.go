package causal

import (
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Mixed are the kinds of context whose chains are mixed.
var Mixed = []markov.Context{
	{Order: 0, Place: true}, {Order: 1, Place: true}, {Order: 2, Place: true}, {Order: 3, Place: true}, {Order: 4, Place: true},
	{Order: markov.All},
	{Order: 1}, {Order: 2}, {Order: 3},
}

// Model is the network and the chains.
type Model struct {
	Network
	Chains *markov.Contexts // of Mixed
	// Allowed [Classes][Places][Symbols] is which symbols a series may have.
	Allowed [][][]bool
}

// alone is the share of the loss that trains the network to predict by itself, beside
// the mixture: without it, it learns only what the chains leave to it, and slowly.
const alone = 0.5

// End is the symbol of the end of a series, which is followed by nothing else: the last
// one. A series of Places symbols has none.
func (m Model) End() int32 { return int32(m.Symbols - 1) }

// A series is handed to the loss as Row numbers: for each place its symbol, or -1 after
// the end, and the number of the chains' probabilities of it and notes.
func (m Model) perPlace() int { return 1 + (1+noted)*m.NumChains }

// Row is the number of numbers that Read writes of a series.
func (m Model) Row() int { return m.Places * m.perPlace() }

// Read writes what the loss is given of a series of a class, of at most Places symbols,
// into row. With own the series is one of those counted, and is left out.
func (m Model) Read(class int, series []int32, own bool, row []float32) {
	clear(row)
	k := m.NumChains
	contexts := make([]int32, len(series)*k)
	for j := range series {
		m.Chains.Find(class, series[:j], contexts[j*k:(j+1)*k])
	}
	var counts map[int32]map[int32]int
	if own {
		counts = ownCounts(series, contexts, k)
	}
	for j := range m.Places {
		place := row[j*m.perPlace() : (j+1)*m.perPlace()]
		if j >= len(series) {
			place[0] = -1
			continue
		}
		place[0] = float32(series[j])
		allowed := m.allowed(class, j)
		for c, context := range contexts[j*k : (j+1)*k] {
			seen, count := m.Chains.Look(context, series[j], allowed)
			seen, count = m.without(seen, count, context, series[j], counts[context], allowed)
			if seen.Total > 0 {
				place[1+c] = float32(count) / float32(seen.Total)
			}
			note(seen, place[1+k+c*noted:])
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
				continue // counted once: see markov.CountContexts
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
func (m Model) without(seen markov.Seen, count int, context, symbol int32, own map[int32]int, allowed func(int32) bool) (markov.Seen, int) {
	for other, n := range own {
		switch {
		case other == symbol:
			seen = seen.Without(count, n)
		case allowed(other):
			_, times := m.Chains.Look(context, other, allowed)
			seen = seen.Without(times, n)
		}
	}
	return seen, count - min(own[symbol], count)
}

// allowed reports which symbols a series of the class may have at place j.
func (m Model) allowed(class, j int) func(symbol int32) bool {
	list := m.Allowed[class][j]
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

// masks is Allowed as what is added to logits, [Classes·Places,Symbols].
func (m Model) masks(g *Graph) *Node {
	var flat []float32
	for _, class := range m.Allowed {
		for _, place := range class {
			for _, ok := range place {
				v := float32(never)
				if ok {
					v = 0
				}
				flat = append(flat, v)
			}
		}
	}
	return nn.Fixed(g, flat, m.Classes*m.Places, m.Symbols)
}

// Loss returns the losses of rows [B,Row] of the classes y [B]. Total, which trains, is the
// negative logarithm of the mixture's probability and, for a share, of the network's own;
// CrossEntropy is that of the mixture. Both are means over the places, in nats. key [2]
// uint32 decides what is dropped; nil drops nothing.
func (m Model) Loss(scope *model.Scope, rows, y, key *Node) diffusion.Losses {
	m.Network = m.Network.WithDefaults()
	b := rows.Shape().Dim(0)
	k := m.NumChains
	rows = Reshape(rows, b, m.Places, m.perPlace())
	symbol := Squeeze(SliceAxis(rows, 2, AxisElem(0)), 2)
	there := GreaterOrEqual(symbol, ZerosLike(symbol))
	target := ConvertDType(MaxScalar(symbol, 0), dtypes.Int32) // [B,Places]
	counted := SliceAxis(rows, 2, AxisRange(1, 1+k))
	notes := Reshape(SliceAxis(rows, 2, AxisRange(1+k)), b*m.Places, k, noted)

	start := BroadcastToDims(Scalar(rows.Graph(), dtypes.Int32, m.Symbols), b, 1)
	before := Concatenate([]*Node{start, SliceAxis(target, 1, AxisRange(0, m.Places-1))}, 1)
	h := m.features(scope, before, y, key)

	logits := m.logits(scope, h)
	mask := Reshape(Gather(Reshape(m.masks(rows.Graph()), m.Classes, m.Places, m.Symbols), InsertAxes(y, -1)), b*m.Places, m.Symbols)
	own := LogSoftmax(Add(logits, mask), -1)
	hit := OneHot(Reshape(target, b*m.Places), m.Symbols, dtypes.Float32)
	network := Reshape(ReduceSum(Mul(own, hit), -1), b, m.Places)

	weights := m.gate(scope, h, notes)
	all := Concatenate([]*Node{Log(AddScalar(Reshape(counted, b*m.Places, k), 1e-12)), Reshape(network, b*m.Places, 1)}, 1)
	mixture := Reshape(logSumExp(Add(weights, all)), b, m.Places)

	mean := func(x *Node) *Node {
		return ReduceMean(Where(there, Neg(x), ZerosLike(x)), 1)
	}
	cross := mean(mixture)
	return diffusion.Losses{Total: Add(cross, MulScalar(mean(network), alone)), CrossEntropy: cross}
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
