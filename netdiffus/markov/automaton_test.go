package markov

import (
	"encoding/json"
	"math"
	"math/rand/v2"
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
func probability(s [4]int32, order int) float64 {
	p := 1.0
	for j := range s {
		with, all := 0.0, 0.0
		for _, seen := range sequences {
			same := true
			for k := max(0, j-order); k < j; k++ {
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

// every calls f with all sequences of four symbols below 4.
func every(f func(s [4]int32)) {
	for n := range int32(256) {
		f([4]int32{n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6})
	}
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
		for order := range 4 {
			a, err := FitAutomaton(sequences, order)
			if err != nil {
				t.Fatal(err)
			}
			want, total := map[[4]int32]float64{}, 0.0
			every(func(s [4]int32) {
				p := probability(s, order)
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
			rng := rand.New(rand.NewPCG(1, uint64(order)))
			p := a.NewPosterior()
			for range draws {
				ok := p.Draw(rng, func(j int, arc int32) float64 { return test.evidence[j][a.Places[j].Symbol[arc]] }, arcs)
				if !ok {
					t.Fatalf("%s, order %d: no sequence", test.name, order)
				}
				got[symbolsOf(a, arcs)] += 1.0 / draws
			}
			for s, p := range want {
				p /= total
				if off := math.Abs(got[s] - p); off > 5*math.Sqrt(p/draws)+1e-4 {
					t.Errorf("%s, order %d: P%v = %.4f, want %.4f", test.name, order, s, got[s], p)
				}
				delete(got, s)
			}
			if len(got) > 0 {
				t.Errorf("%s, order %d: drew the impossible %v", test.name, order, got)
			}
		}
	}
}

func TestPosteriorWithoutASequence(t *testing.T) {
	a, err := FitAutomaton(sequences, 2)
	if err != nil {
		t.Fatal(err)
	}
	p, arcs := a.NewPosterior(), make([]int32, 4)
	if p.Draw(rand.New(rand.NewPCG(1, 1)), func(int, int32) float64 { return 0 }, arcs) {
		t.Errorf("drew %v where nothing is possible", arcs)
	}
	// Nothing of it stays in the memory of later draws.
	if !p.Draw(rand.New(rand.NewPCG(1, 1)), func(int, int32) float64 { return 1 }, arcs) {
		t.Error("no sequence where all are possible")
	}
}

// An automaton draws as the chain of the same order does.
func TestAutomatonDraws(t *testing.T) {
	for order := range 3 {
		a, err := FitAutomaton(sequences, order)
		if err != nil {
			t.Fatal(err)
		}
		got, arcs := map[[4]int32]float64{}, make([]int32, 4)
		rng := rand.New(rand.NewPCG(2, uint64(order)))
		const draws = 40_000
		for range draws {
			a.Draw(rng, arcs)
			got[symbolsOf(a, arcs)] += 1.0 / draws
		}
		every(func(s [4]int32) {
			p := probability(s, order)
			if math.Abs(got[s]-p) > 5*math.Sqrt(p/draws)+1e-4 {
				t.Errorf("order %d: P%v = %.4f, want %.4f", order, s, got[s], p)
			}
		})
	}
}

func TestAutomatonJSON(t *testing.T) {
	a, err := FitAutomaton(sequences, 2)
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
		order     int
		want      string
	}{
		{nil, 1, "no sequences"},
		{[][]int32{{}}, 1, "empty"},
		{[][]int32{{1, 2}, {1}}, 1, "sequence 1 has 1 symbols, the first has 2"},
		{sequences, -1, "order -1"},
	} {
		if _, err := FitAutomaton(test.sequences, test.order); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}
