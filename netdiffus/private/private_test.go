package private

import (
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// seeded is noise that comes again: for tests only.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// flow makes a flow of signed lengths.
func flow(label string, signed ...float64) traffic.Flow {
	f := traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(signed))}
	traffic.SignedLength{}.Restore(signed, f.Packets)
	return f
}

// handshakes are n flows of each of two classes, which differ in their second and third
// packets; one in four of a ends after three packets.
func handshakes(n int) []traffic.Flow {
	rng := rand.New(rand.NewPCG(3, 3))
	var flows []traffic.Flow
	for i := range n {
		a := []float64{-517, 1400, 300, -64}
		if i%4 == 0 {
			a = a[:3]
		}
		flows = append(flows, flow("a", a...), flow("b", -517, 1200, -80, float64(100+rng.IntN(300))))
	}
	return flows
}

func budget(epsilon float64) dp.Budget { return dp.Budget{Epsilon: epsilon, Delta: 1e-6} }

func mustFit(t *testing.T, flows []traffic.Flow, s Settings) *Model {
	t.Helper()
	m, err := Fit(traffic.All(flows), s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// share is the share of drawn flows of which ok holds.
func shareOf(t *testing.T, m *Model, label string, ok func(v []float64) bool) float64 {
	t.Helper()
	const n = 4000
	flows, err := m.Draw(label, n, 1)
	if err != nil {
		t.Fatal(err)
	}
	count := 0.0
	for _, f := range flows {
		if len(f.Packets) == 0 {
			t.Fatal("a flow without packets")
		}
		if ok(traffic.SignedLength{}.Values(f.Packets)) {
			count++
		}
	}
	return count / n
}

// TestFollowsTheFlows: what many flows have in common survives the noise.
func TestFollowsTheFlows(t *testing.T) {
	for _, c := range []struct{ epsilon, tolerance float64 }{{math.Inf(1), 0.03}, {8, 0.1}, {1, 0.3}} {
		m := mustFit(t, handshakes(2000), Settings{Budget: budget(c.epsilon), Length: 5, Noise: seeded(1)})
		check := func(what, label string, want float64, ok func(v []float64) bool) {
			if got := shareOf(t, m, label, ok); math.Abs(got-want) > c.tolerance {
				t.Errorf("ε %v: %s of %s is %.3f, want %.3f ± %.2f", c.epsilon, what, label, got, want, c.tolerance)
			}
		}
		check("first packet", "a", 1, func(v []float64) bool { return v[0] == -517 })
		check("second packet", "a", 1, func(v []float64) bool { return len(v) > 1 && v[1] == 1400 })
		check("third packet", "b", 1, func(v []float64) bool { return len(v) > 2 && v[2] == -80 })
		check("share of three packets", "a", 0.25, func(v []float64) bool { return len(v) == 3 })
		check("fourth packet", "b", 1, func(v []float64) bool { return len(v) > 3 && v[3] >= 100 && v[3] < 400 })
		if got := m.Size("a"); math.Abs(float64(got)-2000) > 2000*c.tolerance {
			t.Errorf("ε %v: class a has %d flows, want about 2000", c.epsilon, got)
		}
		if m.Size("c") != 0 {
			t.Error("a class that is not there has flows")
		}
	}
}

// TestOrderTwo: the third packet depends on the first, over one in between that does not
// tell.
func TestOrderTwo(t *testing.T) {
	var flows []traffic.Flow
	for range 3000 {
		flows = append(flows, flow("a", 10, 5, 100), flow("a", 20, 5, 200))
	}
	m := mustFit(t, flows, Settings{Budget: budget(4), Length: 3, Noise: seeded(2)})
	kept := shareOf(t, m, "a", func(v []float64) bool {
		return len(v) == 3 && (v[0] == 10 && v[2] == 100 || v[0] == 20 && v[2] == 200)
	})
	if kept < 0.85 {
		t.Errorf("%.3f of the flows have a third packet that goes with the first; by the second alone it would be 0.5", kept)
	}
}

func TestDrawRepeats(t *testing.T) {
	m := mustFit(t, handshakes(100), Settings{Budget: budget(2), Noise: seeded(1)})
	few, _ := m.Draw("a", 3, 5)
	many, _ := m.Draw("a", 30, 5)
	if !reflect.DeepEqual(few, many[:3]) {
		t.Errorf("3 flows %v, the first of 30 %v", few, many[:3])
	}
	for _, f := range many {
		if f.Timed || f.Label != "a" || len(f.Packets) > 10 {
			t.Fatalf("%+v", f)
		}
	}
	if _, err := m.Draw("c", 1, 0); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("Draw of an unknown class: %v", err)
	}
	// One seed of the noise gives one model; the system's numbers give another each time.
	same := mustFit(t, handshakes(100), Settings{Budget: budget(2), Noise: seeded(1)})
	if !reflect.DeepEqual(same.margins, m.margins) {
		t.Error("one seed gave two models")
	}
	one, two := mustFit(t, handshakes(100), Settings{Budget: budget(2)}), mustFit(t, handshakes(100), Settings{Budget: budget(2)})
	if reflect.DeepEqual(one.margins, two.margins) {
		t.Error("the system's random numbers gave one model twice")
	}
}

// TestNothingTold: what is not in the data is not an error, for an error would tell.
func TestNothingTold(t *testing.T) {
	named := Settings{Budget: budget(1), Classes: []string{"b", "absent", "a"}, Noise: seeded(3)}
	for name, flows := range map[string][]traffic.Flow{
		"a class absent": handshakes(20), "no flows": nil, "one flow": {flow("a", 1, 2)},
		"an empty flow": {{Label: "a"}}, "only others": {flow("other", 1)},
		"beyond the longest": {flow("a", -65535, 65535, 0)},
	} {
		m := mustFit(t, flows, named)
		if got := m.Classes(); !reflect.DeepEqual(got, []string{"a", "absent", "b"}) {
			t.Errorf("%s: classes %q", name, got)
		}
		for _, class := range m.Classes() {
			drawn, err := m.Draw(class, 50, 1)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, f := range drawn {
				for _, p := range f.Packets {
					if p.Length > 1500 {
						t.Fatalf("%s: a packet of %d bytes", name, p.Length)
					}
				}
			}
		}
	}
	one, other := mustFit(t, nil, named).Ledger(), mustFit(t, handshakes(50), Settings{Budget: budget(1), Classes: named.Classes, Noise: seeded(4)}).Ledger()
	for i := range one.Queries { // how many contexts were counted follows from noised counts
		one.Queries[i].Counts, other.Queries[i].Counts = 0, 0
	}
	if !reflect.DeepEqual(one, other) {
		t.Errorf("ledgers of different flows differ:\n%+v\n%+v", one, other)
	}
}

func TestRefusals(t *testing.T) {
	good := Settings{Budget: budget(2), Classes: []string{"a"}}
	for _, c := range []struct {
		change func(s *Settings)
		want   string
	}{
		{func(s *Settings) { s.Epsilon = 0 }, "epsilon 0"},
		{func(s *Settings) { s.Epsilon = math.NaN() }, "epsilon NaN"},
		{func(s *Settings) { s.Epsilon = 1e-7 }, "too small"},
		{func(s *Settings) { s.Delta = 0 }, "delta 0"},
		{func(s *Settings) { s.Delta = 1 }, "delta 1"},
		{func(s *Settings) { s.Length = -1 }, "length -1"},
		{func(s *Settings) { s.Length = 1000 }, "length 1000"},
		{func(s *Settings) { s.MaxLength = -1 }, "longest payload -1"},
		{func(s *Settings) { s.MaxLength = 1 << 20 }, "longest payload 1048576"},
		{func(s *Settings) { s.Classes = []string{"a", "b", "a"} }, `"a" is named twice`},
		{func(s *Settings) { s.Classes = []string{""} }, "without a name"},
		{func(s *Settings) { s.Classes = nil }, "no flows and no classes"},
		{func(s *Settings) { s.Classes = make([]string, 5000) }, "5000 classes"},
	} {
		s := good
		c.change(&s)
		if _, err := Fit(traffic.All(nil), s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	broken := errors.New("broken")
	failing := func(yield func(traffic.Flow, error) bool) { yield(traffic.Flow{}, broken) }
	if _, err := Fit(iter.Seq2[traffic.Flow, error](failing), good); !errors.Is(err, broken) {
		t.Errorf("error %v, want the flows' own", err)
	}
}

// TestSensitivity: of every query that a fit asks, those whose contexts it chose itself
// included, one flow more adds at most 1 to each count, and at most as many counts as the
// ledger says; and some flow adds exactly so many, so that no noise is wasted.
func TestSensitivity(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	settings := Settings{Budget: budget(20), Length: 6, MaxLength: 30, Noise: seeded(5)}
	random := func() traffic.Flow {
		values := make([]float64, 1+rng.IntN(9)) // beyond Length, too
		for i := range values {
			values[i] = float64(rng.IntN(71) - 35) // beyond MaxLength, too
			if rng.IntN(2) == 0 && i > 0 {
				values[i] = values[i-1]
			}
		}
		return flow([]string{"a", "b"}[rng.IntN(2)], values...)
	}
	var flows []traffic.Flow
	for range 400 {
		flows = append(flows, random())
	}
	for range 300 { // so that contexts of two are counted
		flows = append(flows, flow("a", 1, 2, 3, 4, 5, 6), flow("b", 6, 5, 4, 3, 2, 1))
	}
	var queries []query
	m, err := fit(traffic.All(flows), settings, func(q query, _ []float64, _ float64) { queries = append(queries, q) })
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) != 6 || len(m.queries) != 6 {
		t.Fatalf("%d queries asked, %d in the ledger, want 6", len(queries), len(m.queries))
	}
	all, _, err := collect(traffic.All(flows), m.settings)
	if err != nil {
		t.Fatal(err)
	}
	var more []record
	for range 3000 {
		one, _, err := collect(traffic.All([]traffic.Flow{flow("a"), flow("b"), random()}), m.settings)
		if err != nil {
			t.Fatal(err)
		}
		more = append(more, one[2])
	}
	more = append(more, all...)
	for i, q := range queries {
		if got := m.queries[i].Squared; got != q.squared || m.queries[i].Counts != q.counts || q.counts == 0 {
			t.Errorf("%s: the ledger has sensitivity² %d and %d counts, the query %d and %d", q.name, got, m.queries[i].Counts, q.squared, q.counts)
		}
		without, most := q.tally(all), 0
		for k, r := range more {
			changed := 0
			q.of(r, func(count int) { changed++ })
			squared := 0
			if k < 50 { // by the definition, of whole data sets
				for j, n := range q.tally(append(all[:len(all):len(all)], r)) {
					squared += int((n - without[j]) * (n - without[j]))
				}
				if squared != changed {
					t.Fatalf("%s: a flow changes the counts by %d, squared, in %d counts: some twice", q.name, squared, changed)
				}
			} else {
				for _, n := range q.tally([]record{r}) {
					squared += int(n * n)
				}
			}
			most = max(most, squared)
		}
		if most > q.squared {
			t.Errorf("%s: a flow changes the counts by √%d, the ledger says √%d", q.name, most, q.squared)
		}
		if most < q.squared {
			t.Errorf("%s: no flow changes the counts by more than √%d, the ledger says √%d", q.name, most, q.squared)
		}
	}
}

// TestDenoise: the posterior mean is nearer to the counts than the noised ones are, and
// nothing without noise changes.
func TestDenoise(t *testing.T) {
	const variance, n = 400, 60
	g := dp.NewGaussian(variance, seeded(6))
	var noised [][]observed
	var truth [][]float64
	for r := range 40 {
		row, counts := make([]observed, n), make([]float64, n)
		counts[r%n], counts[(r+7)%n], counts[0] = 300, 150, counts[0]+50
		for i := range row {
			row[i] = observed{counts[i] + float64(g.Draw()), 1. / n, 500}
		}
		noised, truth = append(noised, row), append(truth, counts)
	}
	before, after := 0.0, 0.0
	for r, row := range denoise(noised, variance) {
		for i, mean := range row {
			if !(mean >= 0) || math.IsInf(mean, 0) {
				t.Fatalf("mean %v", mean)
			}
			before += math.Abs(noised[r][i].noised - truth[r][i])
			after += math.Abs(mean - truth[r][i])
		}
	}
	if after > before/4 {
		t.Errorf("off by %.0f in all, by %.0f before", after, before)
	}
	if got := denoise([][]observed{{{3, 0.5, 4}, {1, 0.5, 4}}}, 0); !reflect.DeepEqual(got, [][]float64{{3, 1}}) {
		t.Errorf("without noise %v", got)
	}
}

func FuzzPosterior(f *testing.F) {
	f.Add(10.0, 0.5, 100.0, 30.0, 400.0)
	f.Add(-1e6, 1e-9, 1.0, 3000.0, 1.0)
	f.Add(1e6, 1.0, 1e7, 0.3, 67e6)
	f.Fuzz(func(t *testing.T, noised, share, flows, concentration, variance float64) {
		if !(math.Abs(noised) < 1e9) || !(share > 0 && share <= 1) || !(flows >= 1 && flows < 1e9) ||
			!(concentration >= 0.1 && concentration < 1e4) || !(variance >= 1 && variance <= 1e6) {
			return
		}
		mean, likelihood := observed{noised, share, flows}.posterior(concentration, variance)
		if !(mean >= 0) || math.IsInf(mean, 1) || math.IsNaN(likelihood) || mean > max(noised, flows, 0)+12*math.Sqrt(variance)+2 {
			t.Errorf("noised %v of share %v, %v flows, concentration %v, variance %v: mean %v, likelihood %v", noised, share, flows, concentration, variance, mean, likelihood)
		}
	})
}
