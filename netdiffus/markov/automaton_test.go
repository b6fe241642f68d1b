package markov

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// some sequences of four symbols, in which what comes last depends on what came first.
var sequences = [][]int32{
	{0, 1, 2, 0}, {0, 1, 2, 0}, {0, 1, 0, 3}, {1, 1, 2, 3}, {1, 1, 2, 3}, {1, 2, 2, 1}, {2, 2, 2, 1}, {2, 0, 0, 0}, {0, 0, 1, 2},
}

// symbolsOf returns the symbols of arcs.
func symbolsOf(a *Automaton, arcs []int32) [4]int32 {
	var s [4]int32
	for j, arc := range arcs {
		s[j] = a.Places[j].Symbol[arc]
	}
	return s
}

// probability is P(s) by the definition, counted from the sequences.
func probability(s [4]int32, m Memory) float64 {
	p, whole := 1.0, m.Whole > 0
	for j := range s {
		with, all, beginning := 0.0, 0.0, 0
		for _, seen := range sequences {
			if slices.Equal(seen[:j], s[:j]) {
				beginning++
			}
		}
		whole = whole && beginning >= m.Whole
		from := max(0, j-m.Order)
		if whole {
			from = 0
		}
		for _, seen := range sequences {
			same := true
			for k := from; k < j; k++ {
				same = same && seen[k] == s[k]
			}
			if same {
				all++
				if seen[j] == s[j] {
					with++
				}
			}
		}
		if with == 0 {
			return 0
		}
		p *= with / all
	}
	return p
}

// memories are what the tests' chains remember.
var memories = []Memory{{}, {Order: 1}, {Order: 2}, {Order: 3}, {Whole: 2}, {Order: 1, Whole: 2}, {Order: 1, Whole: 3}, {Order: 2, Whole: 1}}

// every calls f with all sequences of four symbols below 4.
func every(f func(s [4]int32)) {
	for n := range int32(256) {
		f([4]int32{n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6})
	}
}

// draw draws a sequence of p given evidence, and reports whether there is one.
func draw(p *Posterior, rng *rand.Rand, evidence Evidence, arcs []int32) bool {
	possible := p.Filter(evidence)
	if possible {
		p.Sample(rng, arcs)
	}
	return possible
}

func TestPosteriorIsExact(t *testing.T) {
	uniform := [][]float64{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}}
	for _, test := range []struct {
		name     string
		evidence [][]float64
	}{
		{"none", uniform},
		{"soft", [][]float64{{0.9, 0.3, 0.5, 1}, {0.2, 1, 0.7, 1}, {1, 1, 0.4, 1}, {1, 0.1, 0.6, 0.8}}},
		{"only of the last", [][]float64{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, {0, 1, 0, 0}}},
		{"one symbol ruled out", [][]float64{{0, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1e-30, 1}, {1, 1, 1, 1}}},
	} {
		for _, m := range memories {
			a, _, err := FitAutomaton(sequences, m)
			if err != nil {
				t.Fatal(err)
			}
			want, total := map[[4]int32]float64{}, 0.0
			every(func(s [4]int32) {
				p := probability(s, m)
				for j, v := range s {
					p *= test.evidence[j][v]
				}
				if p > 0 {
					want[s] = p
					total += p
				}
			})
			const draws = 40_000
			got, arcs := map[[4]int32]float64{}, make([]int32, 4)
			rng := rand.New(rand.NewPCG(1, 1))
			p := a.NewPosterior()
			for range draws {
				ok := draw(p, rng, func(j int, arc int32) float64 { return test.evidence[j][a.Places[j].Symbol[arc]] }, arcs)
				if !ok {
					t.Fatalf("%s, %+v: no sequence", test.name, m)
				}
				got[symbolsOf(a, arcs)] += 1.0 / draws
			}
			for s, p := range want {
				p /= total
				if off := math.Abs(got[s] - p); off > 5*math.Sqrt(p/draws)+1e-4 {
					t.Errorf("%s, %+v: P%v = %.4f, want %.4f", test.name, m, s, got[s], p)
				}
				delete(got, s)
			}
			if len(got) > 0 {
				t.Errorf("%s, %+v: drew the impossible %v", test.name, m, got)
			}
		}
	}
}

func TestPosteriorWithoutASequence(t *testing.T) {
	a, _, err := FitAutomaton(sequences, Memory{Order: 2})
	if err != nil {
		t.Fatal(err)
	}
	p, arcs := a.NewPosterior(), make([]int32, 4)
	if draw(p, rand.New(rand.NewPCG(1, 1)), func(int, int32) float64 { return 0 }, arcs) {
		t.Errorf("drew %v where nothing is possible", arcs)
	}
	// Nothing of it stays in the memory of later draws.
	if !draw(p, rand.New(rand.NewPCG(1, 1)), func(int, int32) float64 { return 1 }, arcs) {
		t.Error("no sequence where all are possible")
	}
}

// An automaton draws as the chain of the same order does.
func TestAutomatonDraws(t *testing.T) {
	for _, m := range memories {
		a, _, err := FitAutomaton(sequences, m)
		if err != nil {
			t.Fatal(err)
		}
		got, arcs := map[[4]int32]float64{}, make([]int32, 4)
		rng := rand.New(rand.NewPCG(2, 2))
		const draws = 40_000
		for range draws {
			a.Draw(rng, arcs)
			got[symbolsOf(a, arcs)] += 1.0 / draws
		}
		every(func(s [4]int32) {
			p := probability(s, m)
			if math.Abs(got[s]-p) > 5*math.Sqrt(p/draws)+1e-4 {
				t.Errorf("%+v: P%v = %.4f, want %.4f", m, s, got[s], p)
			}
		})
	}
}

func TestAutomatonJSON(t *testing.T) {
	a, _, err := FitAutomaton(sequences, Memory{Order: 2})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var again Automaton
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if err := again.Check([]int{4, 4, 4, 4}); err != nil {
		t.Error(err)
	}
	for _, test := range []struct{ was, is, want string }{
		{`"symbol":[0,1,2]`, `"symbol":[0,9,2]`, "symbol 9"},
		{`"symbol":[0,1,2]`, `"symbol":[0,1]`, "do not fit"},
		{`"first":[0,3]`, `"first":[0,2]`, "do not fit"},
		{`"first":[0,3]`, `"first":[0,0,3]`, "context 0 has the arcs 0 to 0"},
		{`"next":[0,1,2]`, `"next":[0,1,7]`, "next context 7"},
		{`"count":[4,`, `"count":[-4,`, "count -4"},
	} {
		damaged := strings.Replace(string(text), test.was, test.is, 1)
		if damaged == string(text) {
			t.Fatalf("%s is not in %s", test.was, text)
		}
		var b Automaton
		if err := json.Unmarshal([]byte(damaged), &b); err != nil {
			t.Fatal(err)
		}
		if err := b.Check([]int{4, 4, 4, 4}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.is, err, test.want)
		}
	}
}

func TestFitAutomatonErrors(t *testing.T) {
	for _, test := range []struct {
		sequences [][]int32
		memory    Memory
		want      string
	}{
		{nil, Memory{Order: 1}, "no sequences"},
		{[][]int32{{}}, Memory{Order: 1}, "empty"},
		{[][]int32{{1, 2}, {1}}, Memory{Order: 1}, "sequence 1 has 1 symbols, the first has 2"},
		{sequences, Memory{Order: -1}, "order -1"},
		{sequences, Memory{Whole: -1}, "whole -1"},
	} {
		if _, _, err := FitAutomaton(test.sequences, test.memory); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}

// checkWalks checks that walks have the arcs of sequences, and first those that a takes with them.
func checkWalks(t *testing.T, a *Automaton, walks []Walk, sequences [][]int32) {
	t.Helper()
	for i, walk := range walks {
		var context int32
		for j, arcs := range walk {
			at := &a.Places[j]
			from, to := at.Arcs(context)
			for _, arc := range arcs {
				if arcs[0] < from || arcs[0] >= to || at.Symbol[arc] != sequences[i][j] {
					t.Fatalf("%+v: sequence %d is at the arcs %v at %d, in context %d", a.Memory, i, arcs, j, context)
				}
			}
			context = at.Next[arcs[0]]
		}
	}
}

// Walks name the arcs that each sequence was counted at, and the counts are of these.
func TestWalks(t *testing.T) {
	for _, m := range memories {
		a, walks, err := FitAutomaton(sequences, m)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([][]float64, 4)
		for j := range counts {
			counts[j] = make([]float64, len(a.Places[j].Count))
		}
		checkWalks(t, a, walks, sequences)
		for _, walk := range walks {
			for j, arcs := range walk {
				for _, arc := range arcs {
					counts[j][arc]++
				}
			}
		}
		for j := range counts {
			if !slices.Equal(counts[j], a.Places[j].Count) {
				t.Errorf("%+v: the counts at %d are %v, by the walks %v", m, j, a.Places[j].Count, counts[j])
			}
		}
		if err := a.Check([]int{4, 4, 4, 4}); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
}
