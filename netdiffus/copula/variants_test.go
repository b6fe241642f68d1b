package copula_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/copula"
)

// levels are n series of so many places, of which 3 in 10 are high at all places; where
// pauses is set, these have pauses, and the others have none.
func levels(n, places int, pauses bool) [][][]float64 {
	r := rand.New(rand.NewPCG(9, 9))
	out := make([][][]float64, n)
	for i := range out {
		row := make([]float64, places)
		high := i%10 < 3
		for j := range row {
			row[j] = 100 + 10*r.NormFloat64()
			if high {
				row[j] += 100
				if pauses && r.IntN(2) == 0 {
					row[j] = 0
				}
			}
		}
		out[i] = [][]float64{row}
	}
	return out
}

// spread is the share of series that are high or have pauses, the standard deviation of the
// means of series without their zeros, and the share of zeros.
func spread(series [][][]float64) [3]float64 {
	var high, sum, squares, zeros, values float64
	for _, s := range series {
		mean, n := 0.0, 0.0
		for _, v := range s[0] {
			values++
			if v == 0 {
				zeros++
			} else {
				mean, n = mean+v, n+1
			}
		}
		mean /= max(n, 1)
		sum, squares = sum+mean, squares+mean*mean
		if mean > 150 || n < float64(len(s[0])) {
			high++
		}
	}
	n := float64(len(series))
	return [3]float64{high / n, math.Sqrt(squares/n - sum*sum/n/n), zeros / values}
}

// TestVariants: a class of two variants is drawn as such, by the copula and from its
// posterior given noisy series, also after its tables were written and read; a single Gaussian
// has what is in between.
func TestVariants(t *testing.T) {
	for _, pauses := range []bool{false, true} {
		traces := levels(200, 32, pauses)
		want := spread(traces)
		fitted := map[string]*copula.Copula{}
		for name, n := range map[string]int{"one": 1, "two": 2} {
			m, err := copula.Fit([]string{"a"}, [][][][]float64{traces}, copula.Settings{Variants: n})
			if err != nil {
				t.Fatal(err)
			}
			if m.Variants() != n {
				t.Fatalf("%d variants, want %d", m.Variants(), n)
			}
			fitted[name] = m
		}
		text, err := json.Marshal(fitted["two"].Tables())
		if err != nil {
			t.Fatal(err)
		}
		var tables copula.Tables
		if err := json.Unmarshal(text, &tables); err != nil {
			t.Fatal(err)
		}
		if fitted["read"], err = tables.Copula(fitted["two"].Codecs(), []string{"a"}); err != nil {
			t.Fatal(err)
		}
		for name, m := range fitted {
			r := rand.New(rand.NewPCG(1, 1))
			codecs := m.Codecs()
			var drawn, posterior [][][]float64
			for range 400 {
				v := m.Draw(0, r)
				drawn = append(drawn, v)
				codes, x := noised(t, r, codecs, v, 0.5, math.Sqrt(0.75))
				d := m.Drawer(m.VariantOf(0, codes))
				d.Draw(r, x, 0.5, math.Sqrt(0.75), codes, codes)
				posterior = append(posterior, decoded(codecs, codes))
			}
			for what, got := range map[string][3]float64{"drawn": spread(drawn), "posterior": spread(posterior)} {
				near := math.Abs(got[0]-want[0]) < 0.08 && math.Abs(got[1]-want[1]) < 8 && math.Abs(got[2]-want[2]) < 0.04
				if near != (name != "one") {
					t.Errorf("pauses %v, %s, %s: %.2f high, means differ by %.1f, %.3f silent; real ones %.2f, %.1f, %.3f", pauses, name, what, got[0], got[1], got[2], want[0], want[1], want[2])
				}
			}
		}
	}
}

// TestVariantOf: a trace's variant is the one that it was divided into, and belongs to its
// class; few traces are not divided.
func TestVariantOf(t *testing.T) {
	traces := levels(60, 12, false)
	m, err := copula.Fit([]string{"few", "many"}, [][][][]float64{traces[:12], traces}, copula.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	codec := m.Codecs()[0]
	by := map[bool][]int{}
	for i, trace := range traces {
		codes := make([]float64, len(trace[0]))
		if err := codec.Encode("many", trace[0], codes); err != nil {
			t.Fatal(err)
		}
		variant := m.VariantOf(1, [][]float64{codes})
		if m.ClassOf(variant) != 1 {
			t.Fatalf("variant %d is of class %d", variant, m.ClassOf(variant))
		}
		if m.VariantOf(0, [][]float64{codes}) != 0 || m.ClassOf(0) != 0 {
			t.Fatal("the class of 12 traces is divided")
		}
		by[i%10 < 3] = append(by[i%10 < 3], variant)
	}
	for _, v := range by[true] {
		if slices.Contains(by[false], v) {
			t.Errorf("variant %d has high traces and others", v)
		}
	}
}

// TestTablesOfVariants: tables that do not fit are refused.
func TestTablesOfVariants(t *testing.T) {
	m, err := copula.Fit([]string{"a"}, [][][][]float64{levels(60, 5, false)}, copula.Settings{Variants: 2})
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(v *copula.VariantTables){
		"weight -1":    func(v *copula.VariantTables) { v.Weight = -1 },
		"4 means":      func(v *copula.VariantTables) { v.Mean = v.Mean[1:] },
		"variance -1":  func(v *copula.VariantTables) { v.Variance = []float32{1, 1, 1, 1, -1} },
		"0 variances":  func(v *copula.VariantTables) { v.Variance = nil },
		"correlations": func(v *copula.VariantTables) { v.Correlation = nil },
	} {
		tables := m.Tables()
		spoil(&tables.Classes[0].Variants[1])
		if _, err := tables.Copula(m.Codecs(), []string{"a"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one with %q", err, want)
		}
	}
	if _, err := copula.Fit([]string{"a"}, [][][][]float64{levels(60, 5, false)}, copula.Settings{Variants: -1}); err == nil {
		t.Error("-1 variants: no error")
	}
}

// TestSilenceStays: every place is silent as often as in the traces, also where a class is
// divided.
func TestSilenceStays(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var traces [][][]float64
	for i := range 48 {
		row := make([]float64, 24)
		for j := range row {
			row[j] = 100 + 10*r.NormFloat64() + 50*float64(i%2)
			if j%3 == 0 && r.Float64() < 0.9 || j%3 == 1 && r.Float64() < 0.3 {
				row[j] = 0
			}
		}
		traces = append(traces, [][]float64{row})
	}
	m, err := copula.Fit([]string{"a"}, [][][][]float64{traces}, copula.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Variants() == 1 {
		t.Fatal("the class is not divided")
	}
	share := func(series [][][]float64, j int) (silent float64) {
		for _, s := range series {
			if s[0][j] == 0 {
				silent += 1 / float64(len(series))
			}
		}
		return silent
	}
	var drawn [][][]float64
	for range 2000 {
		drawn = append(drawn, m.Draw(0, r))
	}
	for j := range 24 {
		// Shares of 48 traces beside 4 of the mean of all places, 0.4, and 1/√2000.
		if got, want := share(drawn, j), share(traces, j); math.Abs(got-want) > 0.05 {
			t.Errorf("place %d is silent in %.2f of those drawn, in %.2f of the traces", j, got, want)
		}
	}
}
