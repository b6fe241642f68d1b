package markov

import (
	"iter"
	"math/rand/v2"
	"slices"
)

// A Context says what a prediction of the next symbol depends on, beside the class.
type Context struct {
	// Order is the number of symbols just before it, or as many as there are; All means every
	// one.
	Order int `json:"order"`
	// Place is whether it depends on the position, too. With All it does in any case.
	Place bool `json:"place,omitempty"`
	// History is which of a position's histories these symbols are of.
	History int `json:"history,omitempty"`
}

// A Position is where a symbol is to be predicted.
type Position struct {
	Class, Place int
	// Histories are the symbols before it, the nearest one last: where more than one kind of
	// symbol comes before it, or not all are of account, there are several ways to list them.
	// The symbols of one history are not compared with those of another.
	Histories [][]int32
}

// positions yields the positions of sequences, each of the class at its place in classes, and
// the symbols there. Their one history is the symbols of the sequence before.
func positions(sequences [][]int32, classes []int) iter.Seq2[Position, int32] {
	return func(yield func(Position, int32) bool) {
		for i, s := range sequences {
			for j, symbol := range s {
				if !yield(Position{classes[i], j, [][]int32{s[:j]}}, symbol) {
					return
				}
			}
		}
	}
}

// All is the order of a Context that holds all symbols before a position.
const All = -1

// Contexts counts which symbols followed which contexts, for contexts of several kinds
// at once. With them a prediction can be put together from many chains, each flow being
// left out of its own counts.
type Contexts struct {
	kinds     []Context
	histories int            // of a position
	nodes     map[link]int32 // by node and symbol: the node of the longer context
	// By node, as Place has them: the symbols counted after it, rising, and how often.
	first, symbol, count []int32
}

// link leads from a context to one with a symbol more. The contexts without symbols are
// links from node -1: their symbol is their number.
type link struct{ node, symbol int32 }

// CountContexts counts sequences, each of the class at its place in classes. A symbol is
// a number from 0 up; sequences may have different lengths.
func CountContexts(kinds []Context, sequences [][]int32, classes []int) *Contexts {
	return CountPositions(kinds, positions(sequences, classes))
}

// CountPositions counts the symbols at positions.
func CountPositions(kinds []Context, positions iter.Seq2[Position, int32]) *Contexts {
	c := &Contexts{kinds: slices.Clone(kinds), nodes: map[link]int32{}, histories: 1}
	for _, kind := range kinds {
		c.histories = max(c.histories, kind.History+1)
	}
	var steps []uint64 // node and the symbol after it
	at := make([]int32, len(kinds))
	for p, symbol := range positions {
		c.find(p, at, true)
		for k, node := range at {
			if slices.Contains(at[:k], node) {
				continue // contexts near the beginning, shorter than their order
			}
			steps = append(steps, uint64(node)<<32|uint64(uint32(symbol)))
		}
	}
	slices.Sort(steps)
	c.first = make([]int32, len(c.nodes)+1)
	for i, step := range steps {
		if i == 0 || step != steps[i-1] {
			c.symbol, c.count = append(c.symbol, int32(uint32(step))), append(c.count, 0)
			c.first[step>>32+1]++
		}
		c.count[len(c.count)-1]++
	}
	for k := 1; k < len(c.first); k++ {
		c.first[k] += c.first[k-1]
	}
	return c
}

// Kinds returns the number of kinds of context.
func (c *Contexts) Kinds() int { return len(c.kinds) }

// Find writes the contexts of a position into at, one for each kind, -1 where none was
// counted.
func (c *Contexts) Find(p Position, at []int32) { c.find(p, at, false) }

func (c *Contexts) find(p Position, at []int32, add bool) {
	for k, kind := range c.kinds {
		at[k] = c.walk(kind, p, add)
	}
}

// walk returns the node of a context: that of its symbols, the nearest one first, or of
// all symbols from the first one on.
func (c *Contexts) walk(kind Context, p Position, add bool) int32 {
	const families = 3
	before := p.Histories[kind.History]
	family := (p.Class*c.histories + kind.History) * families
	if kind.Order == All {
		node := c.step(link{-1, int32(family)}, add)
		for _, symbol := range before {
			if node < 0 {
				return -1
			}
			node = c.step(link{node, symbol}, add)
		}
		return node
	}
	family++
	if kind.Place {
		family++
	}
	node := c.step(link{-1, int32(family)}, add)
	if kind.Place && node >= 0 {
		node = c.step(link{node, int32(p.Place)}, add)
	}
	for d := 1; d <= min(kind.Order, len(before)) && node >= 0; d++ {
		node = c.step(link{node, before[len(before)-d]}, add)
	}
	return node
}

func (c *Contexts) step(l link, add bool) int32 {
	node, known := c.nodes[l]
	switch {
	case known:
		return node
	case !add:
		return -1
	}
	node = int32(len(c.nodes))
	c.nodes[l] = node
	return node
}

// Seen is what was counted after a context.
type Seen struct {
	Total    int // symbols
	Distinct int // different ones
	Once     int // of these, those counted once
}

// Look returns what was counted after a context, of the symbols that allowed allows (nil
// allows all), and how often symbol was, which counts as allowed.
func (c *Contexts) Look(context, symbol int32, allowed func(symbol int32) bool) (s Seen, count int) {
	if context < 0 {
		return Seen{}, 0
	}
	for k := c.first[context]; k < c.first[context+1]; k++ {
		n := int(c.count[k])
		switch {
		case c.symbol[k] == symbol:
			count = n
		case allowed != nil && !allowed(c.symbol[k]):
			continue
		}
		s.Total += n
		s.Distinct++
		if n == 1 {
			s.Once++
		}
	}
	return s, count
}

// Without returns s without so many times of a symbol that was counted count times, or
// without all of them where they are fewer.
func (s Seen) Without(count, times int) Seen {
	if times = min(times, count); times == 0 {
		return s
	}
	s.Total -= times
	switch left := count - times; {
	case left == 0:
		s.Distinct--
		if count == 1 {
			s.Once--
		}
	case left == 1:
		s.Once++
	}
	return s
}

// Probabilities adds to p, by symbol, weight times how often each symbol was counted
// after the context, as a share of all that allowed allows. It adds nothing where there
// is none.
func (c *Contexts) Probabilities(context int32, allowed func(symbol int32) bool, weight float64, p []float64) {
	s, _ := c.Look(context, -1, allowed)
	if s.Total == 0 {
		return
	}
	for k := c.first[context]; k < c.first[context+1]; k++ {
		if symbol := c.symbol[k]; allowed == nil || allowed(symbol) {
			p[symbol] += weight * float64(c.count[k]) / float64(s.Total)
		}
	}
}

// Draw draws a symbol that followed the context, as often as it did, of those that
// allowed allows. It returns -1 where there is none.
func (c *Contexts) Draw(rng *rand.Rand, context int32, allowed func(symbol int32) bool) int32 {
	s, _ := c.Look(context, -1, allowed)
	if s.Total == 0 {
		return -1
	}
	u := rng.IntN(s.Total)
	for k := c.first[context]; k < c.first[context+1]; k++ {
		if allowed != nil && !allowed(c.symbol[k]) {
			continue
		}
		if u -= int(c.count[k]); u < 0 {
			return c.symbol[k]
		}
	}
	panic("markov: counts do not sum to their total")
}
