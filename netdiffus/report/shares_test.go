package report

import (
	"math"
	"testing"
)

// TestShares: tables of how flows start and how long they are, of all classes and
// of each, for all sources.
func TestShares(t *testing.T) {
	long(t)
	d := Data{Train: chatter(3, 40, 1), Test: chatter(3, 30, 2), Synthetic: Traffic{Flows: chatter(3, 20, 3)}}
	o := small()
	o.Tasks, o.SeriesLength = []Task{Classification}, 40 // ranges of 3 lengths
	r, err := Run(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	// Every class starts with a packet of its own, always the same.
	if len(r.FirstPackets) != 3 || math.Abs(float64(r.FirstPackets[0].Test)-1./3) > 1e-12 {
		t.Fatalf("first packets %+v, want three of 1/3 each", r.FirstPackets)
	}
	first := r.ClassShares["class1"].FirstPackets
	if len(first) != 1 || first[0].Length != 150 || !first[0].Up || first[0].Test != 1 {
		t.Fatalf("first packets of class1 %+v, want 150 bytes up, always", first)
	}
	for _, source := range []string{synthesised, realSubset, markov1, markov2, independent} {
		if s := first[0].Shares[source]; len(s.Values) != 2 || s.Mean() != 1 {
			t.Errorf("%s starts class1 so in %v, want 1 twice", source, s.Values)
		}
		for _, table := range []shares{*r.shares, r.ClassShares["class2"]} {
			sum := 0.0
			for _, l := range table.Lengths {
				sum += l.Shares[source].Mean()
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("%s: shares of lengths sum to %v", source, sum)
			}
		}
	}
	if l := r.Lengths; len(l) != 14 || l[0].From != 1 || l[0].To != 3 || l[13].From != 40 || l[13].To != 40 {
		t.Errorf("ranges of lengths %+v, want 1 to 3 up to 40", l)
	}
}
