package joint

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
)

// leaf is a channel of a class: at each place an atom that depends on the step that the chain
// takes there, and on nothing else.
//
//	P(atom | arc) = (1 − λ) n(arc, atom)/n(arc) + λ P(atom | symbol),  λ = d/(n + d),
//
// where d of the n occurrences of the arc are of different atoms (Witten & Bell 1991,
// method C). The symbols of a chain with bands hold the band of the second channel, so that what
// is drawn of that by symbol is in the same band. Those of the first channel are groups of its
// values, and P(atom | symbol) is the weight in the group, of values not seen, too.
type leaf struct {
	level  [][]float64 // by place and atom: 2u − 1
	code   [][]float64 // by place and atom: √u
	counts []LeafTable // by place
	own    []LeafTable // by place: (1 − λ) n(arc, atom)/n(arc) in place of the counts
	common []LeafTable // by place: P(atom | symbol), by symbol
	share  [][]float64 // by place and arc: λ; 1 where there are no counts
	symbol [][]int32   // by place and arc: that of common
	// symbols are, by place, those of the arcs, rising.
	symbols [][]int32
}

// LeafTable counts the atoms of one place that came with each arc there.
type LeafTable struct {
	First []int32   `json:"first"` // the atoms of arc a are [First[a], First[a+1])
	Atom  []int32   `json:"atom"`
	Count []float64 `json:"count"`
}

// bandsOf returns the bands, of n, of the second channel of series, whose tables these are: an atom is in
// the band of the middle of its share of the values of its place, padding in the first.
func bandsOf(tables []codec.AtomTable, n int32, series Series) [][]int32 {
	byAtom := make([][]int32, len(tables))
	for j, t := range tables {
		total, below := sum(t.Weights), 0.0
		for _, w := range t.Weights {
			byAtom[j] = append(byAtom[j], min(n-1, int32(float64(n)*(below+w/2)/total)))
			below += w
		}
		byAtom[j] = append(byAtom[j], 0)
	}
	all := make([][]int32, len(series))
	for i, flow := range series {
		for j, atom := range flow[1] {
			all[i] = append(all[i], byAtom[j][atom])
		}
	}
	return all
}

// pair is an atom that came with an arc, or symbol.
type pair struct{ with, atom int32 }

// newLeafTable makes the table of counts with the keys 0 to n−1.
func newLeafTable(n int, counts map[pair]float64) LeafTable {
	pairs := slices.SortedFunc(maps.Keys(counts), func(x, y pair) int {
		return cmp.Or(cmp.Compare(x.with, y.with), cmp.Compare(x.atom, y.atom))
	})
	t := LeafTable{First: make([]int32, n+1)}
	for _, p := range pairs {
		t.First[p.with+1]++
		t.Atom = append(t.Atom, p.atom)
		t.Count = append(t.Count, counts[p])
	}
	for k := range n {
		t.First[k+1] += t.First[k]
	}
	return t
}

// of returns the atoms that came with arc or symbol k, and how often.
func (t *LeafTable) of(k int32) (atoms []int32, counts []float64) {
	from, to := t.First[k], t.First[k+1]
	return t.Atom[from:to], t.Count[from:to]
}

// countAtoms counts channel k of the series, which the chain counted at the arcs of walks, at those
// arcs of each place that are wanted (nil: all).
func countAtoms(chain *markov.Automaton, walks []markov.Walk, series Series, k int, wanted func(j int, arc int32) bool) []LeafTable {
	var counts []LeafTable
	for j := range chain.Places {
		n := map[pair]float64{}
		for i, walk := range walks {
			for _, arc := range walk[j] {
				if wanted == nil || wanted(j, arc) {
					n[pair{arc, series[i][k][j]}]++
				}
			}
		}
		counts = append(counts, newLeafTable(len(chain.Places[j].Symbol), n))
	}
	return counts
}

// checkCounts returns what is wrong with counts from a file; each arc has some where all have to.
func checkCounts(a *codec.Atoms, class string, chain *markov.Automaton, counts []LeafTable, all bool) error {
	tables := a.Tables[class]
	if len(counts) != len(chain.Places) {
		return fmt.Errorf("counts of %d places, want %d", len(counts), len(chain.Places))
	}
	for j, t := range counts {
		if err := t.check(len(chain.Places[j].Symbol), tables[j].Len(), all); err != nil {
			return fmt.Errorf("place %d: %w", j, err)
		}
	}
	return nil
}

// check returns what is wrong with a table for so many arcs and atoms, with all of each arc.
func (t *LeafTable) check(arcs, atoms int, all bool) error {
	if len(t.First) != arcs+1 || t.First[0] != 0 || int(t.First[arcs]) != len(t.Atom) || len(t.Count) != len(t.Atom) {
		return fmt.Errorf("%d atoms and %d counts of %d arcs do not fit", len(t.Atom), len(t.Count), arcs)
	}
	for k := range arcs {
		if t.First[k+1] < t.First[k] || all && t.First[k+1] == t.First[k] || int(t.First[k+1]) > len(t.Atom) {
			return fmt.Errorf("arc %d has the atoms %d to %d of %d", k, t.First[k], t.First[k+1], len(t.Atom))
		}
	}
	for i, atom := range t.Atom {
		if atom < 0 || int(atom) >= atoms || !(t.Count[i] > 0) || math.IsInf(t.Count[i], 0) {
			return fmt.Errorf("atom %d of %d, %v times", atom, atoms, t.Count[i])
		}
	}
	return nil
}

// newLead makes the leaf of the first channel, whose symbols are the groups of places and which says
// nothing of the bands, of counts, or of none: then each value is drawn by its weight in the group alone.
func newLead(places []place, chain *markov.Automaton, bands int32, counts []LeafTable) leaf {
	l := leaf{counts: counts}
	for _, p := range places {
		common := LeafTable{First: []int32{0}}
		for _, g := range p.groups {
			common.Atom, common.Count = append(common.Atom, g.atoms...), append(common.Count, g.weights...)
			common.First = append(common.First, int32(len(common.Atom)))
		}
		l.level, l.code, l.common = append(l.level, p.level), append(l.code, p.code), append(l.common, common)
	}
	l.mix(chain, bands)
	return l
}

// newLeaf makes the leaf of a further channel of its counts.
func newLeaf(a *codec.Atoms, class string, chain *markov.Automaton, counts []LeafTable) leaf {
	l := leaf{counts: counts}
	for j, t := range a.Tables[class] {
		level, code := shown(t, a.TauOrDefault())
		l.level, l.code = append(l.level, level), append(l.code, code)
		bySymbol, last := map[pair]float64{}, int32(0)
		for arc, symbol := range chain.Places[j].Symbol {
			atoms, n := counts[j].of(int32(arc))
			for i, atom := range atoms {
				bySymbol[pair{symbol, atom}] += n[i]
			}
			last = max(last, symbol)
		}
		common := newLeafTable(1+int(last), bySymbol)
		for symbol := range 1 + last {
			common.scale(symbol, 1)
		}
		l.common = append(l.common, common)
	}
	l.mix(chain, 1)
	return l
}

// mix computes what the arcs have of their own, and what they share with others of their symbol. So many
// of the chain's symbols, one after the other, are one of the leaf's.
func (l *leaf) mix(chain *markov.Automaton, bands int32) {
	for j := range chain.Places {
		at := &chain.Places[j]
		own := LeafTable{First: make([]int32, len(at.Symbol)+1)}
		if l.counts != nil {
			own = LeafTable{l.counts[j].First, l.counts[j].Atom, slices.Clone(l.counts[j].Count)}
		}
		share, symbols := ones(len(at.Symbol)), make([]int32, len(at.Symbol))
		for arc := range at.Symbol {
			symbols[arc] = at.Symbol[arc] / bands
			if atoms, n := own.of(int32(arc)); len(atoms) > 0 {
				kinds := float64(len(atoms))
				share[arc] = kinds / (sum(n) + kinds)
				own.scale(int32(arc), 1-share[arc])
			}
		}
		l.own, l.share, l.symbol = append(l.own, own), append(l.share, share), append(l.symbol, symbols)
		l.symbols = append(l.symbols, slices.Compact(slices.Sorted(slices.Values(symbols))))
	}
}

// scale makes the counts of arc or symbol k sum to total.
func (t *LeafTable) scale(k int32, total float64) {
	_, counts := t.of(k)
	was := sum(counts) // 0 of none
	for i := range counts {
		counts[i] *= total / was
	}
}

func sum(x []float64) (total float64) {
	for _, v := range x {
		total += v
	}
	return total
}
