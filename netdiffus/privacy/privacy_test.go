package privacy

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// people are n records of each of so many classes: numbers that depend on each other, each
// record's own.
func people(classes, n int, seed uint64) (r Records) {
	for c := range classes {
		rng := noise.Stream(seed, noise.Key("people"), uint64(c))
		for range n {
			row := make([]float64, 8)
			a, b := rng.NormFloat64(), rng.NormFloat64()
			for j := range row {
				row[j] = math.Round(100 * (float64(c) + a*math.Cos(float64(j)) + b*math.Sin(2*float64(j)) + 0.3*rng.NormFloat64()))
			}
			r.Add(c, row)
		}
	}
	return r
}

func newTrial(t *testing.T, train, held Records) *Trial {
	t.Helper()
	trial, err := NewTrial(train, held, 0)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func attackOn(t *testing.T, trial *Trial, synthetic Records) *Result {
	t.Helper()
	r, err := trial.Attack(t.Context(), synthetic, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// risk is the risk of that name.
func (r *Result) risk(t *testing.T, name string) Risk {
	t.Helper()
	for _, risk := range r.Risks {
		if risk.Attack == name {
			return risk
		}
	}
	t.Fatalf("no risk %q", name)
	return Risk{}
}

// TestCopiesAreCaught: where the synthetic records are the training records, every attack
// that copies should give to is nearly certain.
func TestCopiesAreCaught(t *testing.T) {
	train := people(2, 400, 1)
	r := attackOn(t, newTrial(t, train, people(2, 1600, 2)), train)
	for _, m := range r.Membership {
		// Scott's kernels in 8 dimensions are wide: of 800 records a copy is one.
		if least := map[string]float64{"nearest": 0.99, "domias": 0.6, "domias_narrow": 0.99}[m.Attack]; m.AUC.Low < least {
			t.Errorf("%s: AUC %v of copies, want above %v", m.Attack, m.AUC, least)
		}
	}
	for _, name := range []string{"linkability", "inference", "singling_out", "singling_out_univariate"} {
		if risk := r.risk(t, name); risk.Risk.Low < 0.5 {
			t.Errorf("%s: risk %v of copies (%+v of training records, %+v of others), want above 0.5", name, risk.Risk, risk.Success, risk.Control)
		}
	}
	if r.Exact != 1 || r.Novel != 0 || r.Median != 0 || r.Closer.Low < 0.9 {
		t.Errorf("copies: %+v", r.Copies)
	}
	for _, m := range r.Membership[:1] {
		if m.At1Percent.Value < 0.99 || m.Right.Value < 0.99 {
			t.Errorf("%s finds %v at 1 %%, %v right: want nearly all", m.Attack, m.At1Percent, m.Right)
		}
		if m.Attacked >= leastAt01 != m.At01Percent.Known() {
			t.Errorf("%d attacked: found at 0.1 %% %v", m.Attacked, m.At01Percent)
		}
	}
}

// TestIndependentRecordsGiveNothingAway: attacks on records that do not depend on the
// training are at chance. Of 64 intervals at 95 % three are expected to miss, and more than
// ten do by less than 1 in 1000.
func TestIndependentRecordsGiveNothingAway(t *testing.T) {
	missed, intervals := 0, 0
	for seed := range uint64(4) {
		trial := newTrial(t, people(2, 500, 10*seed+1), people(2, 500, 10*seed+2))
		for _, synthetic := range []Records{people(2, 400, 10*seed+3), trial.Innocent} {
			r := attackOn(t, trial, synthetic)
			for _, m := range r.Membership {
				intervals++
				if m.AUC.Low > 0.5 || m.AUC.High < 0.5 {
					missed++
					t.Logf("seed %d, %s: AUC %v", seed, m.Attack, m.AUC)
				}
			}
			for _, risk := range r.Risks {
				if intervals++; risk.Risk.Low > 0 {
					missed++
					t.Logf("seed %d, %s: risk %v", seed, risk.Attack, risk.Risk)
				}
			}
		}
	}
	if missed > intervals/6 {
		t.Errorf("%d of %d intervals miss what chance gives", missed, intervals)
	}
}

func TestBadInput(t *testing.T) {
	good := people(2, 100, 1)
	nan := people(2, 100, 2)
	nan.Rows[3][2] = math.NaN()
	short := people(2, 100, 2)
	short.Rows[7] = short.Rows[7][:5]
	for _, c := range []struct {
		name        string
		train, held Records
		want        string
	}{
		{"no training records", Records{}, good, "no training records"},
		{"no held-out records", good, Records{}, "no held-out records"},
		{"too few", good, people(2, 20, 2), "want at least 20"},
		{"of other classes", good, func() Records { r := people(5, 100, 2); return r.where(func(i int) bool { return r.Classes[i] > 1 }) }(), "0 of 300 held-out records are left"},
		{"no number", good, nan, "held-out record 4 holds NaN"},
		{"too narrow", good, short, "held-out record 8 has 5 numbers"},
		{"of one number", oneClass([][]float64{{1}}), oneClass([][]float64{{1}}), "records of 1 numbers"},
		{"classes missing", Records{Rows: good.Rows}, good, "200 training records and 0 classes"},
	} {
		if _, err := NewTrial(c.train, c.held, 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	trial := newTrial(t, good, people(2, 100, 2))
	if _, err := trial.Attack(t.Context(), people(2, 5, 3), Options{}); err == nil || !strings.Contains(err.Error(), "10 synthetic records: want at least 20") {
		t.Errorf("few synthetic records: %v", err)
	}
	if _, err := trial.Attack(t.Context(), short, Options{}); err == nil {
		t.Error("synthetic records of another width were attacked")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := trial.Attack(ctx, good, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestOneClass: of one class there is no class to infer, and all else is attacked.
func TestOneClass(t *testing.T) {
	train := people(1, 200, 1)
	r := attackOn(t, newTrial(t, train, people(1, 200, 2)), train)
	for _, risk := range r.Risks {
		if risk.Attack == "class_inference" {
			t.Error("the class of records of one class was inferred")
		}
	}
	if len(r.Risks) != 4 || len(r.Membership) != 3 {
		t.Errorf("%d risks and %d attacks, want 4 and 3", len(r.Risks), len(r.Membership))
	}
}

// TestEqualRecords: records that are all the same have neither covariance nor distances.
func TestEqualRecords(t *testing.T) {
	rows := make([][]float64, 100)
	for i := range rows {
		rows[i] = []float64{1, 2, 3}
	}
	r := attackOn(t, newTrial(t, oneClass(rows), oneClass(rows)), oneClass(rows))
	for _, m := range r.Membership {
		if m.AUC.Value != 0.5 || m.Right.Value != 0.5 || m.Distinct.Known() {
			t.Errorf("%s: %+v, want chance", m.Attack, m)
		}
	}
}

func TestRight(t *testing.T) {
	for _, c := range []struct {
		score []float64
		want  float64
	}{
		{[]float64{4, 3, 2, 1}, 1},
		{[]float64{1, 2, 3, 4}, 0},
		{[]float64{1, 1, 1, 1}, 0.5},
		{[]float64{4, 2, 2, 1}, 0.75}, // the second is named or not, by a coin
	} {
		if got := right([]bool{true, true, false, false}, c.score); got != c.want {
			t.Errorf("right(%v) = %v, want %v", c.score, got, c.want)
		}
	}
}

// TestIntervalOfAUC: DeLong's interval holds the area of the distribution in 95 % of the
// cases: N(1,1) above N(0,1), by Φ(1/√2).
func TestIntervalOfAUC(t *testing.T) {
	want, held := 0.5*(1+math.Erf(0.5)), 0
	const runs = 1000
	for seed := range uint64(runs) {
		rng := noise.Stream(seed, 5)
		member, score := make([]bool, 140), make([]float64, 140)
		for i := range score {
			if member[i] = i < 60; member[i] {
				score[i] = 1
			}
			score[i] += rng.NormFloat64()
		}
		if e := areaOf(member, score); e.Low <= want && want <= e.High {
			held++
		}
	}
	if held < 930 || held > 970 { // 950 ± 3 standard deviations of 6.9
		t.Errorf("%d of %d intervals hold the area", held, runs)
	}
}

// leaning is a generator of rounded normal numbers around the class's means; with a weight
// above 0 that much of what it draws are its training records.
func leaning(weight float64) Retrain {
	return func(_ context.Context, train Records, seed uint64) (Statistic, error) {
		// The statistic is its likelihood, in closed form: that of the copies are point
		// masses among numbers of some spread.
		known := map[string]float64{}
		for i := range train.Rows {
			known[train.key(i)]++
		}
		return func(row []float64, class int) float64 {
			p := math.Exp(-float64(len(row)))
			one := Records{}
			one.Add(class, row)
			return math.Log((1-weight)*p + weight*known[one.key(0)]/float64(train.Len()))
		}, nil
	}
}

func TestLiRA(t *testing.T) {
	train, held := people(2, 300, 1), people(2, 300, 2)
	trial := newTrial(t, train, held)
	for _, c := range []struct {
		weight float64
		caught bool
	}{{0, false}, {0.5, true}} {
		fit := leaning(c.weight)
		target, _ := fit(t.Context(), train, 0)
		shadows := 0
		m, err := trial.LiRA(t.Context(), target, fit, 0, func(int) { shadows++ })
		if err != nil {
			t.Fatal(err)
		}
		if c.caught != (m.AUC.Low > 0.95) || !c.caught && m.AUC.Value != 0.5 {
			t.Errorf("weight %v: AUC %v", c.weight, m.AUC)
		}
		if shadows != Shadows {
			t.Errorf("%d shadow models reported, want %d", shadows, Shadows)
		}
	}
	fails := func(context.Context, Records, uint64) (Statistic, error) { return nil, errors.New("out of paper") }
	target, _ := leaning(0)(t.Context(), train, 0)
	if _, err := trial.LiRA(t.Context(), target, fails, 0, nil); err == nil || !strings.Contains(err.Error(), "shadow model 1 of 16: out of paper") {
		t.Errorf("a shadow that fails: %v", err)
	}
	nothing := func([]float64, int) float64 { return math.Inf(-1) }
	if _, err := trial.LiRA(t.Context(), nothing, leaning(0), 0, nil); err == nil || !strings.Contains(err.Error(), "statistic of 0 members") {
		t.Errorf("no statistic: %v", err)
	}
}

// TestLiRASizes: a shadow is trained on as many records as the model, on half of those
// attacked.
func TestLiRASizes(t *testing.T) {
	train := people(2, 300, 1)
	trial := newTrial(t, train, people(2, 300, 2))
	members := map[string]bool{}
	for i := range trial.Members.Rows {
		members[trial.Members.key(i)] = true
	}
	_, err := trial.LiRA(t.Context(), func(row []float64, _ int) float64 { return row[0] }, func(_ context.Context, got Records, _ uint64) (Statistic, error) {
		in := 0
		for i := range got.Rows {
			if members[got.key(i)] {
				in++
			}
		}
		// Binomial: half of the members ± 5 standard deviations; the size likewise.
		n := float64(trial.Members.Len())
		if math.Abs(float64(in)-n/2) > 2.5*math.Sqrt(n) || math.Abs(float64(got.Len()-train.Len())) > 5*math.Sqrt(n/2) {
			t.Errorf("a shadow has %d records and %d of %v members, want about %d and half", got.Len(), in, n, train.Len())
		}
		return func(row []float64, _ int) float64 { return row[0] }, nil
	}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
}
