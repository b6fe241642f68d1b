package privacy

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// reference has figures of the programs anonymeter 1.1.0 and domias 0.0.5, made by
// testdata/make.py on records that it made up.
type reference struct {
	Train, Control, Reference, Synthetic [][]float64
	Univariate, Linkability              referenceRisk
	Multivariate                         struct{ Success, Control, Naive float64 }
	Inference                            []referenceRisk
	Domias                               struct {
		Scale, Ratio, Density []float64
		Accuracy, AUC         float64
	}
}

type referenceRisk struct {
	Guesses                            int
	Success, Control, Value, Low, High float64
}

func readReference(t *testing.T) (f reference) {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// oneClass are rows of class 0.
func oneClass(rows [][]float64) (r Records) {
	r.Add(0, rows...)
	return r
}

func (want referenceRisk) check(t *testing.T, what string, got Risk) {
	t.Helper()
	if got.Success.Right != want.Success || got.Control.Right != want.Control || got.Success.Guesses != want.Guesses {
		t.Errorf("%s: %v and %v right of %d guesses, want %v and %v of %d", what, got.Success.Right, got.Control.Right, got.Success.Guesses, want.Success, want.Control, want.Guesses)
	}
	for _, v := range [][2]float64{{got.Risk.Value, want.Value}, {got.Risk.Low, want.Low}, {got.Risk.High, want.High}} {
		if math.Abs(v[0]-v[1]) > 1e-12 { // rounding
			t.Errorf("%s: risk %v, want %v", what, got.Risk, want)
		}
	}
}

func TestRisksAsAnonymeter(t *testing.T) {
	f := readReference(t)
	train, control, synthetic := oneClass(f.Train), oneClass(f.Control), oneClass(f.Synthetic)
	o := Options{Guesses: 100000, Tolerance: 0.05}

	got, err := singlingOut(train, control, synthetic, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	f.Univariate.check(t, "singling out by one column", *got)

	if got, err = linkability(train, control, synthetic, o); err != nil {
		t.Fatal(err)
	}
	f.Linkability.check(t, "linkability", *got)

	for j, want := range f.Inference {
		s := secretColumn(j, len(f.Train[0]), false)
		want.check(t, "inference", *newRisk("inference", s.guess(train, synthetic, o.Tolerance), s.guess(control, synthetic, o.Tolerance), Rate{}))
	}

	// Queries about three columns are drawn: means of ten runs here and there, each of 500
	// queries, differ by less than 4 standard errors of both.
	var success, held, naive float64
	for seed := range uint64(10) {
		got, err := singlingOut(train, control, synthetic, 3, Options{Guesses: 500, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		n := 10 * float64(got.Success.Guesses)
		success, held, naive = success+got.Success.Right/n, held+got.Control.Right/n, naive+got.Naive.Right/n
	}
	for _, c := range []struct {
		what      string
		got, want float64
	}{{"success", success, f.Multivariate.Success}, {"control", held, f.Multivariate.Control}, {"at random", naive, f.Multivariate.Naive}} {
		if tolerance := 4 * math.Sqrt(2*c.want*(1-c.want)/5000); math.Abs(c.got-c.want) > tolerance {
			t.Errorf("singling out by three columns: %s %.4f, want %.4f ± %.4f", c.what, c.got, c.want, tolerance)
		}
	}
}

func TestDensitiesAsDOMIAS(t *testing.T) {
	f := readReference(t)
	scaled := func(rows [][]float64) (r Records) {
		for _, row := range rows {
			out := make([]float64, len(row))
			for j, v := range row {
				out[j] = v / f.Domias.Scale[j]
			}
			r.Add(0, out)
		}
		return r
	}
	train, control, synthetic := scaled(f.Train), scaled(f.Control), scaled(f.Synthetic)
	attacked := train.And(control)
	const tolerance = 1e-9 // rounding: the factors of the covariances are computed otherwise
	g, err := newGaussian(synthetic)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range f.Domias.Density {
		if got := g.log(attacked.Rows[i], 0); math.Abs(got-want) > tolerance {
			t.Errorf("density of record %d: %v, want %v", i, got, want)
		}
	}
	ref, err := newGaussian(scaled(f.Reference))
	if err != nil {
		t.Fatal(err)
	}
	score, err := densityRatio(attacked, synthetic, scaled(f.Reference))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range f.Domias.Ratio {
		// The program adds 1e-20 to the density below, and gives outliers less for it.
		score[i] += ref.log(attacked.Rows[i], 0) - math.Log(math.Exp(ref.log(attacked.Rows[i], 0))+1e-20)
		if math.Abs(score[i]-want) > tolerance*math.Max(1, math.Abs(want)) {
			t.Errorf("ratio of record %d: %v, want %v", i, score[i], want)
		}
	}
	member := make([]bool, len(score))
	for i := range train.Rows {
		member[i] = true
	}
	m := judge("domias", score, member, make([]bool, len(score)), 0)
	if math.Abs(m.AUC.Value-f.Domias.AUC) > 1e-9 || math.Abs(m.Right.Value-f.Domias.Accuracy) > 1e-9 {
		t.Errorf("AUC %v, %v right; want %v and %v", m.AUC.Value, m.Right.Value, f.Domias.AUC, f.Domias.Accuracy)
	}
}

// TestHeld: how many queries single out among 4000 records, estimated with 1000, against
// counting among 4000 others, of records that hardly repeat and of those that mostly do.
func TestHeld(t *testing.T) {
	for _, grain := range []float64{0, 0.7} {
		var estimated, counted float64
		for seed := range uint64(8) {
			rng := noise.Stream(seed, 3)
			draw := func(n int) table {
				var r Records
				for range n {
					row := make([]float64, 4)
					for j := range row {
						if row[j] = rng.NormFloat64(); grain > 0 {
							row[j] = math.Round(row[j] / grain)
						}
					}
					r.Add(0, row)
				}
				return newTable(r, false)
			}
			queries := draw(1000).multivariate(300, 3, rng)
			estimated += held(draw(4000), draw(1000), queries).Right
			counted += float64(draw(4000).isolated(queries))
		}
		// Some hundreds are counted, and as many estimated of a fourth of the records: of
		// the difference the variance is five times the number.
		if tolerance := 3 * math.Sqrt(5*counted); counted < 100 || math.Abs(estimated-counted) > tolerance {
			t.Errorf("grain %v: %.0f queries single out by the estimate, %.0f by counting", grain, estimated, counted)
		}
		t.Logf("grain %v: %.0f estimated, %.0f counted", grain, estimated, counted)
	}
}
