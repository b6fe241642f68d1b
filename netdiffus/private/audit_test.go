package private

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// The audit puts one flow, the canary, into the data or not, fits a model many times, and
// lets an attacker who knows all other flows guess from what comes out whether it was
// there. How well the guesses can be bounds epsilon from below (Jagielski, Ullman, Oprea:
// Auditing Differentially Private Machine Learning, 2020): a guarantee is wrong where the
// bound is above it.

// audited are the flows without the canary: few, and of few values, so that thousands of
// models are fitted in seconds.
func audited() []traffic.Flow {
	var flows []traffic.Flow
	for i := range 30 {
		flows = append(flows, flow("a", 1, float64(-1-i%2), 1))
	}
	return flows
}

var canary = flow("a", 3, -3, 2)

// scores are what an attacker has of one model: of the tables, and of flows drawn.
type scores struct{ tables, drawn float64 }

// attack fits a model of ε to the flows and returns the attacker's scores, high where the
// canary seems to be there. Of tables it is the likelihood ratio itself: no attack on
// them is better.
func attack(t *testing.T, in bool, epsilon float64, noise *rand.Rand) (s scores) {
	flows := audited()
	if in {
		flows = append(flows, canary)
	}
	settings := Settings{Budget: budget(epsilon), Length: 3, MaxLength: 3, Noise: noise}
	known, _, err := collect(traffic.All(audited()), settings)
	if err != nil {
		t.Fatal(err)
	}
	one, _, err := collect(traffic.All([]traffic.Flow{canary}), settings)
	if err != nil {
		t.Fatal(err)
	}
	m, err := fit(traffic.All(flows), settings, func(q query, noised []float64, variance float64) {
		without := q.tally(known)
		q.of(one[0], func(count int) {
			s.tables += (noised[count] - float64(without[count]) - 0.5) / max(1, variance)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := m.Draw("a", 50, noise.Uint64())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range drawn {
		for j, p := range f.Packets {
			if j < len(canary.Packets) && p == canary.Packets[j] {
				s.drawn++
			}
		}
	}
	return s
}

// lowerBound returns what ε is at least, with 95 % confidence, by scores with the canary
// and without. The threshold is chosen on one half of them and judged on the other.
func lowerBound(in, out []float64, delta float64) float64 {
	bound := func(in, out []float64, threshold float64, above bool) float64 {
		share := func(x []float64) (hits int) {
			for _, v := range x {
				if above == (v > threshold) {
					hits++
				}
			}
			return hits
		}
		low, _ := clopperPearson(share(in), len(in), 0.025)
		_, high := clopperPearson(share(out), len(out), 0.025)
		return math.Log((low - delta) / high)
	}
	half := len(in) / 2
	best, at, side, swapped := math.Inf(-1), 0.0, true, false
	tried := append(append([]float64{}, in[:half]...), out[:half]...)
	sort.Float64s(tried)
	for k := range 20 {
		threshold := tried[(2*k+1)*len(tried)/40]
		for _, above := range []bool{true, false} {
			for _, swap := range []bool{false, true} {
				x, y := in[:half], out[:half]
				if swap {
					x, y = y, x
				}
				if e := bound(x, y, threshold, above); e > best {
					best, at, side, swapped = e, threshold, above, swap
				}
			}
		}
	}
	x, y := in[half:], out[half:]
	if swapped {
		x, y = y, x
	}
	return max(0, bound(x, y, at, side))
}

// clopperPearson returns the bounds of a probability of which k of n were seen, each
// failing with probability alpha.
func clopperPearson(k, n int, alpha float64) (low, high float64) {
	// P(at least k of n) rises with p.
	atLeast := func(k int, p float64) float64 {
		sum := 0.0
		for i := k; i <= n; i++ {
			a, _ := math.Lgamma(float64(n + 1))
			b, _ := math.Lgamma(float64(i + 1))
			c, _ := math.Lgamma(float64(n - i + 1))
			sum += math.Exp(a - b - c + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
		}
		return sum
	}
	solve := func(k int, want float64) float64 {
		i := sort.Search(1<<20, func(i int) bool { return atLeast(k, (float64(i)+0.5)/(1<<20)) >= want })
		return float64(i) / (1 << 20)
	}
	low, high = 0, 1
	if k > 0 {
		low = solve(k, alpha)
	}
	if k < n {
		high = solve(k+1, 1-alpha)
	}
	return low, high
}

// TestClopperPearson against scipy.stats.beta.ppf.
func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{0, 100, 0, 0.0362167}, {100, 100, 0.9637833, 1}, {7, 50, 0.0581917, 0.2673960}, {50, 100, 0.3983211, 0.6016789}} {
		low, high := clopperPearson(c.k, c.n, 0.025)
		if math.Abs(low-c.low) > 1e-5 || math.Abs(high-c.high) > 1e-5 {
			t.Errorf("%d of %d: %.7f to %.7f, want %.7f to %.7f", c.k, c.n, low, high, c.low, c.high)
		}
	}
}

func TestAudit(t *testing.T) {
	runs := 800
	if longtest.On() {
		runs = 4000
	}
	audit := func(epsilon float64) (tables, drawn float64) {
		var in, out [2][]float64
		for k := range runs {
			a, b := attack(t, true, epsilon, seeded(uint64(2*k))), attack(t, false, epsilon, seeded(uint64(2*k+1)))
			in[0], out[0] = append(in[0], a.tables), append(out[0], b.tables)
			in[1], out[1] = append(in[1], a.drawn), append(out[1], b.drawn)
		}
		return lowerBound(in[0], out[0], 1e-6), lowerBound(in[1], out[1], 1e-6)
	}
	for _, epsilon := range []float64{0.5, 2} {
		tables, drawn := audit(epsilon)
		t.Logf("ε %v: at least %.2f by the tables, %.2f by flows drawn, %d models with the canary and without", epsilon, tables, drawn, runs)
		if tables > epsilon || drawn > epsilon {
			t.Errorf("ε is at least %.2f by the tables and %.2f by flows drawn, above the %v promised", tables, drawn, epsilon)
		}
	}
	// The audit finds out where the promise is not kept.
	tables, drawn := audit(math.Inf(1))
	t.Logf("without noise: at least %.2f by the tables, %.2f by flows drawn", tables, drawn)
	if tables < 2 || drawn < 2 {
		t.Errorf("without noise ε is at least %.2f by the tables and %.2f by flows drawn: the audit sees too little to fail", tables, drawn)
	}
	// Or where there is less noise than promised, by a factor of nine.
	tables, _ = audit(8)
	t.Logf("with the noise of ε 8: at least %.2f by the tables", tables)
	if tables < 0.5 {
		t.Errorf("with the noise of ε 8 it is at least %.2f by the tables: a promise of 0.5 would pass", tables)
	}
}
