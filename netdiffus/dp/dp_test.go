package dp

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestGolden compares with dp-accounting 0.6.0 (PyPI), to 1 %: Epsilon with its
// RdpAccountant, GaussianEpsilon with its PLDAccountant, which is near to exact.
//
//	from dp_accounting import GaussianDpEvent
//	from dp_accounting.rdp.rdp_privacy_accountant import RdpAccountant
//	from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
//	orders = [1+x/200 for x in range(1, 2000)] + list(range(11, 400)) + list(range(400, 5000, 10))
//	a, b = RdpAccountant(orders), PLDAccountant(value_discretization_interval=1e-4)
//	for s in sigmas: a.compose(GaussianDpEvent(s)); b.compose(GaussianDpEvent(s))
//	print(a.get_epsilon(delta), b.get_epsilon(delta))
func TestGolden(t *testing.T) {
	for _, c := range []struct{ rho, delta, zcdp, exact float64 }{
		{0.5, 1e-05, 4.72839, 4.37718}, // sigma 1
		{0.5, 1e-06, 5.22153, 4.88655},
		{0.5, 1e-09, 6.47407, 6.17394},
		{0.125, 1e-05, 2.16572, 1.99309}, // sigma 2
		{0.125, 1e-06, 2.41909, 2.25408},
		{0.125, 1e-09, 3.05815, 2.90973},
		{0.02, 1e-05, 0.794522, 0.725522}, // sigma 5
		{0.02, 1e-06, 0.899939, 0.834118},
		{0.02, 1e-09, 1.16341, 1.10404},
		{0.00125, 1e-05, 0.177508, 0.160042}, // sigma 20
		{0.00125, 1e-06, 0.205905, 0.189213},
		{0.00125, 1e-09, 0.275168, 0.260197},
		{0.09027777778, 1e-05, 1.80925, 1.66281}, // sigma 3, 4 and 12, composed
		{0.09027777778, 1e-06, 2.02638, 1.88605},
		{0.09027777778, 1e-09, 2.57197, 2.44592},
		{5e-05, 1e-05, 0.030821, 0.0272197}, // sigma 100
		{5e-05, 1e-06, 0.0371046, 0.0336741},
		{5e-05, 1e-09, 0.0519214, 0.048867},
	} {
		if got := Epsilon(c.rho, c.delta); math.Abs(got/c.zcdp-1) > 0.01 {
			t.Errorf("Epsilon(%v, %v) = %.6g, want %.6g", c.rho, c.delta, got, c.zcdp)
		}
		if got := GaussianEpsilon(math.Sqrt(2*c.rho), c.delta); math.Abs(got/c.exact-1) > 0.01 {
			t.Errorf("GaussianEpsilon at rho %v, delta %v = %.6g, want %.6g", c.rho, c.delta, got, c.exact)
		}
		if got := (Budget{c.zcdp, c.delta}).Rho(); math.Abs(got/c.rho-1) > 0.02 { // goes as the square
			t.Errorf("Rho of epsilon %v, delta %v = %.6g, want %.6g", c.zcdp, c.delta, got, c.rho)
		}
	}
}

// TestInverses: a budget's ρ costs no more than the budget, nor much less.
func TestInverses(t *testing.T) {
	for _, epsilon := range []float64{1e-3, 0.1, 0.5, 1, 2, 4, 8, 50, 1000} {
		for _, delta := range []float64{1e-15, 1e-6, 1e-2, 0.5, 0.9} {
			rho := Budget{epsilon, delta}.Rho()
			if back := Epsilon(rho, delta); !(back <= epsilon && back > epsilon*(1-1e-5)) {
				t.Errorf("ε %v, δ %v: ρ %v is ε %v again", epsilon, delta, rho, back)
			}
			if exact := GaussianEpsilon(math.Sqrt(2*rho), delta); exact > epsilon {
				t.Errorf("ε %v, δ %v: Gaussian noise of this ρ has ε %v, above what zCDP implies", epsilon, delta, exact)
			}
		}
	}
	if !math.IsInf(Budget{math.Inf(1), 1e-6}.Rho(), 1) {
		t.Error("an infinite ε has a finite ρ")
	}
	if Epsilon(0, 1e-6) != 0 || Delta(0, 1) != 0 || Delta(math.Inf(1), 1) != 1 {
		t.Error("the ends of ρ")
	}
}

func TestBudgetCheck(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		epsilon, delta float64
		want           string
	}{
		{2, 1e-6, ""}, {inf, 1e-6, ""},
		{0, 1e-6, "epsilon 0"}, {-1, 1e-6, "epsilon -1"}, {nan, 1e-6, "epsilon NaN"}, {math.Inf(-1), 1e-6, "epsilon -Inf"},
		{2, 0, "delta 0"}, {2, 1, "delta 1"}, {2, -1e-6, "delta -1e-06"}, {2, nan, "delta NaN"}, {2, inf, "delta +Inf"},
	} {
		err := Budget{c.epsilon, c.delta}.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, %v: error %v, want %q", c.epsilon, c.delta, err, c.want)
		}
		if _, err := NewAccountant(Budget{c.epsilon, c.delta}); (err == nil) != (c.want == "") {
			t.Errorf("NewAccountant of %v, %v: error %v", c.epsilon, c.delta, err)
		}
	}
}

func FuzzBudget(f *testing.F) {
	f.Add(2.0, 1e-6)
	f.Add(1e-300, 0.999999)
	f.Add(1e300, 1e-300)
	f.Add(math.NaN(), 0.0)
	f.Fuzz(func(t *testing.T, epsilon, delta float64) {
		b := Budget{epsilon, delta}
		if b.Check() != nil || math.IsInf(epsilon, 1) {
			return
		}
		if rho := b.Rho(); !(rho >= 0) || math.IsInf(rho, 1) || Delta(rho, epsilon) > delta {
			t.Errorf("ε %v, δ %v: ρ %v has δ %v", epsilon, delta, rho, Delta(rho, epsilon))
		}
	})
}

func TestAccountant(t *testing.T) {
	a, err := NewAccountant(Budget{2, 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range []float64{0.1, 0.2, 0.7} {
		q, err := a.Ask("counts", share, 10, 5)
		if err != nil {
			t.Fatal(err)
		}
		if want := 10 / (2 * share * (Budget{2, 1e-6}).Rho()); float64(q.Variance) < want || float64(q.Variance) > want+1 {
			t.Errorf("share %v: variance %d, want %.2f rounded up", share, q.Variance, want)
		}
	}
	rho := 0.0
	for _, q := range a.Queries() {
		rho += q.Rho
	}
	if e := Epsilon(rho, 1e-6); e > 2 || e < 1.97 { // variances are rounded up
		t.Errorf("all shares together cost ε %v, want 2 at most", e)
	}
	if _, err := a.Ask("one more", 0.05, 10, 5); !errors.Is(err, ErrSpent) {
		t.Errorf("a query beyond the budget: error %v, want ErrSpent", err)
	}
	for _, bad := range []struct {
		share           float64
		squared, counts int
	}{{0, 1, 1}, {1.1, 1, 1}, {math.NaN(), 1, 1}, {0.5, 0, 1}, {0.5, 1, -1}} {
		if _, err := a.Ask("bad", bad.share, bad.squared, bad.counts); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	if n := len(a.Queries()); n != 3 {
		t.Errorf("%d queries entered, want the 3 that were answered", n)
	}
	if tiny, err := NewAccountant(Budget{1e-5, 1e-6}); err != nil {
		t.Error(err)
	} else if _, err := tiny.Ask("tiny", 1, 1, 1); err == nil || !strings.Contains(err.Error(), "too small") {
		t.Errorf("noise beyond 64 bits: error %v", err)
	}
	open, err := NewAccountant(Budget{math.Inf(1), 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	if q, err := open.Ask("open", 1, 1, 1); err != nil || q.Variance != 0 {
		t.Errorf("an infinite budget: %+v, %v, want no noise", q, err)
	}
}
