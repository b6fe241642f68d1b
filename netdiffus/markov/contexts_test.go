package markov

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestContexts compares the counts with those of a search through the sequences.
func TestContexts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	kinds := []Context{{Order: 0, Place: true}, {Order: 2, Place: true}, {Order: All}, {Order: 0}, {Order: 1}, {Order: 3}}
	sequences, classes := make([][]int32, 200), make([]int, 200)
	for i := range sequences {
		sequences[i], classes[i] = make([]int32, 1+rng.IntN(6)), rng.IntN(2)
		for j := range sequences[i] {
			sequences[i][j] = int32(rng.IntN(3))
		}
	}
	c := CountContexts(kinds, sequences, classes)
	// A context near the beginning has fewer symbols than its order: it is that of the
	// order of so many, and counts for both.
	same := func(kind Context, class int, before []int32, i, j int) bool {
		s := sequences[i]
		if classes[i] != class || (kind.Place || kind.Order == All) && j != len(before) {
			return false
		}
		if kind.Order == All {
			return suffix(s[:j], before)
		}
		n := min(kind.Order, len(before))
		return suffix(s[:j], before[len(before)-n:]) && slices.ContainsFunc(kinds, func(k Context) bool {
			return k.Place == kind.Place && k.Order != All && min(k.Order, j) == n
		})
	}
	at := make([]int32, len(kinds))
	even := func(symbol int32) bool { return symbol%2 == 0 }
	for i, s := range sequences[:40] {
		for j := range s {
			c.Find(Position{classes[i], j, [][]int32{s[:j]}}, at)
			for k, kind := range kinds {
				counts := map[int32]int{}
				for i2, s2 := range sequences {
					for j2 := range s2 {
						if same(kind, classes[i], s[:j], i2, j2) {
							counts[s2[j2]]++
						}
					}
				}
				want, wantEven := Seen{}, 0
				for symbol, n := range counts {
					want.Total += n
					want.Distinct++
					if n == 1 {
						want.Once++
					}
					if even(symbol) {
						wantEven += n
					}
				}
				got, count := c.Look(at[k], s[j], nil)
				if got != want || count != counts[s[j]] {
					t.Fatalf("%+v after %v: %+v and %d of %d, want %+v and %d", kind, s[:j], got, count, s[j], want, counts[s[j]])
				}
				if got, _ := c.Look(at[k], -1, even); got.Total != wantEven {
					t.Fatalf("%+v after %v: %d even symbols, want %d", kind, s[:j], got.Total, wantEven)
				}
				p := make([]float64, 3)
				c.Probabilities(at[k], nil, 1, p)
				for symbol, got := range p {
					if want := float64(counts[int32(symbol)]) / float64(want.Total); math.Abs(got-want) > 1e-12 {
						t.Fatalf("%+v after %v: probability of %d %v, want %v", kind, s[:j], symbol, got, want)
					}
				}
				if drawn := c.Draw(rng, at[k], nil); counts[drawn] == 0 {
					t.Fatalf("%+v after %v: drew %d, which never came", kind, s[:j], drawn)
				}
			}
		}
	}
	c.Find(Position{Class: 7, Histories: [][]int32{nil}}, at) // a class that was not counted
	for k := range at {
		if s, _ := c.Look(at[k], 0, nil); s.Total != 0 || c.Draw(rng, at[k], nil) != -1 {
			t.Errorf("%+v of an unknown class: %+v", kinds[k], s)
		}
	}
}

func suffix(s, end []int32) bool {
	return len(end) <= len(s) && slices.Equal(s[len(s)-len(end):], end)
}

// TestSeenWithout: what is left without a sequence is what is counted without it.
func TestSeenWithout(t *testing.T) {
	all := [][]int32{{0}, {0}, {1}, {2}, {2}, {2}}
	for i := range all {
		rest := append(append([][]int32{}, all[:i]...), all[i+1:]...)
		at := make([]int32, 1)
		look := func(sequences [][]int32) (Seen, int) {
			c := CountContexts([]Context{{Place: true}}, sequences, make([]int, len(sequences)))
			c.Find(Position{Histories: [][]int32{nil}}, at)
			return c.Look(at[0], all[i][0], nil)
		}
		if none := (Seen{}); i == 0 {
			if s := (Seen{Total: 2, Distinct: 1}).Without(2, 2); s != none {
				t.Errorf("without all there is: %+v", s)
			}
		}
		seen, count := look(all)
		if want, _ := look(rest); seen.Without(count, 1) != want {
			t.Errorf("without %d: %+v, want %+v", all[i][0], seen.Without(count, 1), want)
		}
	}
}

// TestHistories: a context is of the symbols of its own history.
func TestHistories(t *testing.T) {
	// The symbol is that of the second history, whatever the first one holds.
	kinds := []Context{{Order: 1}, {Order: 1, History: 1}, {Order: 2, History: 1, Place: true}, {Order: All, History: 1}}
	rng := rand.New(rand.NewPCG(3, 4))
	var all []Position
	for range 300 {
		all = append(all, Position{Class: rng.IntN(2), Place: rng.IntN(2), Histories: [][]int32{{int32(rng.IntN(3))}, {9, int32(rng.IntN(3))}}})
	}
	c := CountPositions(kinds, func(yield func(Position, int32) bool) {
		for _, p := range all {
			if !yield(p, p.Histories[1][1]) {
				return
			}
		}
	})
	at := make([]int32, len(kinds))
	for _, p := range all[:50] {
		c.Find(p, at)
		for k := range kinds {
			want := 3
			if kinds[k].History == 1 {
				want = 1
			}
			if s, _ := c.Look(at[k], 0, nil); s.Distinct != want {
				t.Errorf("%+v after %v: %+v, want %d different symbols", kinds[k], p.Histories, s, want)
			}
		}
	}
}
