package markov

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Memory is what a chain remembers of the symbols before a position.
type Memory struct {
	// Order is the number of symbols just before it.
	Order int `json:"order"`
	// Whole is how many sequences must share a beginning, at least, for the chain to
	// remember all of it for as long as it goes on so. 0 remembers no beginning.
	Whole int `json:"whole,omitempty"`
}

// Automaton is a Markov chain over sequences of symbols, all of one length, with a
// table for every position:
//
//	P(s) = Π_j P(s_j | s_{j-order} … s_{j-1}, j)
//
// and, while at least Whole of the sequences counted begin as s does, P(s_j | s_1 … s_{j-1})
// in place of that factor.
//
// Its contexts, the runs of symbols that it remembers before a position, are numbered
// and joined by arcs, one for each symbol that was counted after a context. With that
// the posterior of a sequence given evidence about each arc is exact: see Posterior.
//
// Its JSON holds all of it. Check one that was read from a file.
type Automaton struct {
	Memory
	Places []Place `json:"places"`
}

// Place holds the arcs from the contexts before one position.
type Place struct {
	First  []int32   `json:"first"`  // the arcs of context c are [First[c], First[c+1])
	Symbol []int32   `json:"symbol"` // by arc
	Count  []float64 `json:"count"`  // by arc, how often the symbol was seen there
	Next   []int32   `json:"next"`   // by arc: the context before the next position
}

// Arcs returns the range of the arcs of a context.
func (p *Place) Arcs(context int32) (from, to int32) { return p.First[context], p.First[context+1] }

// Contexts returns the number of contexts.
func (p *Place) Contexts() int { return len(p.First) - 1 }

// Walk is where a sequence was counted: by position, the arcs, first that which the chain takes
// with it. There is more than one where other sequences may come by them from elsewhere: where the
// chain remembers the whole beginning, the arc from the last Order symbols.
type Walk [][]int32

// FitAutomaton counts sequences, which must all have the same length, one or more, and
// returns where it counted them. A symbol is a number from 0 up.
func FitAutomaton(sequences [][]int32, m Memory) (*Automaton, []Walk, error) {
	if len(sequences) == 0 || len(sequences[0]) == 0 {
		return nil, nil, fmt.Errorf("markov: no sequences to count, or empty ones")
	}
	if m.Order < 0 || m.Whole < 0 {
		return nil, nil, fmt.Errorf("markov: order %d and whole %d, want 0 or more", m.Order, m.Whole)
	}
	length := len(sequences[0])
	for i, s := range sequences {
		if len(s) != length {
			return nil, nil, fmt.Errorf("markov: sequence %d has %d symbols, the first has %d", i, len(s), length)
		}
	}
	a, walks := &Automaton{Memory: m}, make([]Walk, len(sequences))
	f := fitting{memory: m, sequences: sequences, before: make([][2]int32, len(sequences)), whole: make([]bool, len(sequences))}
	for i := range walks {
		walks[i], f.whole[i] = make(Walk, length), m.Whole > 0
	}
	count := int32(1) // contexts before position j
	for j := range length {
		place, contexts := f.place(j, count)
		for i, s := range sequences {
			for _, context := range f.before[i] {
				if arc := place.arc(context, s[j]); !slices.Contains(walks[i][j], arc) {
					walks[i][j] = append(walks[i][j], arc)
				}
			}
		}
		a.Places, f.before, count = append(a.Places, place), f.after, contexts
	}
	return a, walks, nil
}

// fitting is a count under way. Of each sequence there are two contexts: the one that
// the chain is in, and the last symbols alone.
type fitting struct {
	memory        Memory
	sequences     [][]int32
	before, after [][2]int32 // contexts of each sequence before position j, and the next one
	whole         []bool     // whether all of the sequence before j is remembered
}

// place counts the symbols at position j, which has so many contexts before it. It
// writes the contexts after it and returns how many there are.
func (f *fitting) place(j int, before int32) (Place, int32) {
	f.after = make([][2]int32, len(f.sequences))
	numbers := contexts{numbers: map[string]int32{}}
	beginnings := map[string]int{}
	if f.memory.Whole > 0 && j >= f.memory.Order { // a shorter one is remembered anyway
		for i, s := range f.sequences {
			if f.whole[i] {
				beginnings[numbers.of(s[:j+1])]++
			}
		}
	}
	counts, next := map[step]int{}, map[step]int32{}
	for i, s := range f.sequences {
		last := numbers.number(s[max(0, j+1-f.memory.Order) : j+1])
		f.after[i] = [2]int32{last, last}
		if f.whole[i] && j >= f.memory.Order {
			if f.whole[i] = beginnings[numbers.of(s[:j+1])] >= f.memory.Whole; f.whole[i] {
				f.after[i][0] = numbers.number(s[:j+1])
			}
		}
		at := step{f.before[i][0], s[j]}
		counts[at]++
		next[at] = f.after[i][0]
		if also := (step{f.before[i][1], s[j]}); also != at {
			counts[also]++
			next[also] = last
		}
	}
	return newPlace(before, counts, next), int32(len(numbers.numbers))
}

// step is a symbol after a context.
type step struct{ context, symbol int32 }

// newPlace numbers the arcs by context and symbol.
func newPlace(contexts int32, counts map[step]int, next map[step]int32) Place {
	steps := slices.SortedFunc(maps.Keys(counts), func(x, y step) int {
		return cmp.Or(cmp.Compare(x.context, y.context), cmp.Compare(x.symbol, y.symbol))
	})
	p := Place{First: make([]int32, contexts+1)}
	for _, s := range steps {
		p.First[s.context+1]++
		p.Symbol = append(p.Symbol, s.symbol)
		p.Count = append(p.Count, float64(counts[s]))
		p.Next = append(p.Next, next[s])
	}
	for c := range contexts {
		p.First[c+1] += p.First[c]
	}
	return p
}

// arc returns the arc of a symbol that was counted after a context.
func (p *Place) arc(context, symbol int32) int32 {
	from, to := p.Arcs(context)
	i, _ := slices.BinarySearch(p.Symbol[from:to], symbol)
	return from + int32(i)
}

// contexts numbers the runs of symbols before a position.
type contexts struct {
	numbers map[string]int32
	key     []byte
}

// of returns a key for a run of symbols.
func (c *contexts) of(run []int32) string {
	c.key = c.key[:0]
	for _, v := range run {
		c.key = binary.LittleEndian.AppendUint32(c.key, uint32(v))
	}
	return string(c.key)
}

// number returns the number of the context that is a run of symbols.
func (c *contexts) number(run []int32) int32 {
	key := c.of(run)
	n, ok := c.numbers[key]
	if !ok {
		n = int32(len(c.numbers))
		c.numbers[key] = n
	}
	return n
}

// Check returns what is wrong with an automaton whose symbols at position j are to be
// below symbols[j].
func (a *Automaton) Check(symbols []int) error {
	if len(a.Places) == 0 || len(a.Places) != len(symbols) {
		return fmt.Errorf("markov: %d positions, want %d", len(a.Places), len(symbols))
	}
	for j := range a.Places {
		contexts := 0 // before the next position
		if j+1 < len(a.Places) {
			contexts = a.Places[j+1].Contexts()
		}
		if err := a.Places[j].check(symbols[j], contexts, j+1 == len(a.Places)); err != nil {
			return fmt.Errorf("markov: position %d: %w", j, err)
		}
	}
	if n := a.Places[0].Contexts(); n != 1 {
		return fmt.Errorf("markov: %d contexts before the first position, want 1", n)
	}
	return nil
}

// check returns what is wrong with a place. Every context must have an arc.
func (p *Place) check(symbols, contexts int, last bool) error {
	arcs := len(p.Symbol)
	if len(p.First) < 2 || p.First[0] != 0 || int(p.First[len(p.First)-1]) != arcs || len(p.Count) != arcs || len(p.Next) != arcs {
		return fmt.Errorf("%d arcs, %d counts and %d next contexts of %d contexts do not fit", arcs, len(p.Count), len(p.Next), p.Contexts())
	}
	for c := range p.Contexts() {
		if p.First[c] < 0 || p.First[c+1] <= p.First[c] || int(p.First[c+1]) > arcs {
			return fmt.Errorf("context %d has the arcs %d to %d of %d", c, p.First[c], p.First[c+1], arcs)
		}
	}
	for arc := range arcs {
		if s := p.Symbol[arc]; s < 0 || int(s) >= symbols {
			return fmt.Errorf("symbol %d of %d", s, symbols)
		}
		if next := p.Next[arc]; !last && (next < 0 || int(next) >= contexts) {
			return fmt.Errorf("next context %d of %d", next, contexts)
		}
		if n := p.Count[arc]; !(n > 0) || math.IsInf(n, 0) {
			return fmt.Errorf("count %v", n)
		}
	}
	return nil
}

// Draw writes into arcs, of one entry a position, the arcs of a sequence drawn from
// the chain.
func (a *Automaton) Draw(rng *rand.Rand, arcs []int32) {
	var context int32
	for j := range a.Places {
		p := &a.Places[j]
		from, to := p.Arcs(context)
		arcs[j] = from + Choose(rng, p.Count[from:to])
		context = p.Next[arcs[j]]
	}
}

// Choose returns an index drawn in proportion to its weight. Where all are 0 it
// returns 0.
func Choose(rng *rand.Rand, weights []float64) int32 { return noise.NewPath(rng).Choose(weights) }
