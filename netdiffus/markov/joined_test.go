package markov

import (
	"math"
	"slices"
	"testing"
)

// bandsOf are bands, below 2, that go with sequences.
var bandsOf = [][]int32{
	{0, 0, 1, 0}, {1, 1, 0, 0}, {0, 1, 1, 0}, {1, 0, 0, 1}, {0, 0, 1, 1}, {1, 1, 1, 0}, {0, 1, 0, 1}, {1, 1, 1, 1}, {0, 0, 0, 1},
}

// TestJoined: of every pair of a sequence and its bands the joined chain has the probability of
// the definition, counted by the arcs of the chain of symbols.
func TestJoined(t *testing.T) {
	for _, m := range memories {
		a, walks, err := FitAutomaton(sequences, m)
		if err != nil {
			t.Fatal(err)
		}
		joined, through := a.Joined(walks, bandsOf, 2)
		if err := joined.Check([]int{8, 8, 8, 8}); err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		total := 0.0
		every(func(s [4]int32) {
			for k := range int32(16) {
				bands := []int32{k & 1, k >> 1 & 1, k >> 2 & 1, k >> 3}
				got, want := along(joined, pairsOf(s[:], bands)), along(a, s[:])
				var context int32
				for j := 0; want > 0 && j < 4; j++ {
					from, to := a.Places[j].Arcs(context)
					arc := from + int32(slices.Index(a.Places[j].Symbol[from:to], s[j]))
					want *= bandAfter(walks, j, arc, bandBefore(bands, j), bands[j])
					context = a.Places[j].Next[arc]
				}
				if math.Abs(got-want) > 1e-12 {
					t.Errorf("%+v: P(%v with %v) = %v, want %v", m, s, bands, got, want)
				}
				total += got
			}
		})
		if math.Abs(total-1) > 1e-9 {
			t.Errorf("%+v: the probabilities sum to %v", m, total)
		}
		pairs := make([][]int32, len(sequences))
		for i, s := range sequences {
			pairs[i] = pairsOf(s, bandsOf[i])
		}
		checkWalks(t, joined, through, pairs)
		for j := range joined.Places {
			for arc := range joined.Places[j].Symbol {
				if !slices.ContainsFunc(through, func(w Walk) bool { return slices.Contains(w[j], int32(arc)) }) {
					t.Errorf("%+v: nothing was counted at arc %d of position %d", m, arc, j)
				}
			}
		}
	}
}

// pairsOf are the symbols of a joined chain for symbols and their bands.
func pairsOf(symbols, bands []int32) []int32 {
	pairs := make([]int32, len(symbols))
	for j := range pairs {
		pairs[j] = symbols[j]*2 + bands[j]
	}
	return pairs
}

// along is the probability of symbols.
func along(a *Automaton, symbols []int32) float64 {
	p, context := 1.0, int32(0)
	for j, symbol := range symbols {
		at := &a.Places[j]
		from, to := at.Arcs(context)
		k := slices.Index(at.Symbol[from:to], symbol)
		if k < 0 {
			return 0
		}
		total := 0.0
		for _, n := range at.Count[from:to] {
			total += n
		}
		p *= at.Count[from+int32(k)] / total
		context = at.Next[from+int32(k)]
	}
	return p
}

// bandAfter is how often of the sequences counted at an arc of position j, of those with this band
// before it where there are any, this band went with it.
func bandAfter(walks []Walk, j int, arc, before, band int32) float64 {
	var seen, any [2]float64 // with the band, and all
	for i, walk := range walks {
		if !slices.Contains(walk[j], arc) {
			continue
		}
		with := 0.0
		if bandsOf[i][j] == band {
			with = 1
		}
		any[0], any[1] = any[0]+with, any[1]+1
		if bandBefore(bandsOf[i], j) == before {
			seen[0], seen[1] = seen[0]+with, seen[1]+1
		}
	}
	if seen[1] > 0 {
		any = seen
	}
	return any[0] / any[1]
}
