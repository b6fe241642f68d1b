package classify

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

func TestDistinguish(t *testing.T) {
	// Rows of two dice, the second loaded by so much.
	dice := func(n int, load float64, seed uint64) Table {
		rng := noise.Stream(seed)
		rows := make([][]float64, n)
		for i := range rows {
			rows[i] = []float64{float64(rng.IntN(6)), float64(rng.IntN(6))}
			if rng.Float64() < load {
				rows[i][1] = rows[i][0]
			}
		}
		return Table{rows, make([]int, n), 1}
	}
	for _, c := range []struct {
		name string
		load float64
		// Expected: a share l of doubles more is (1−l)/6 + l among the loaded, so the best
		// score, double or not, has the AUC 1/2 + 5l/12.
		want, tolerance float64
	}{
		{"the same", 0, .5, .02},
		{"half of them doubles", .5, .5 + 5*.5/12, .03},
		{"all doubles", 1, .5 + 5./12, .02},
	} {
		for _, folds := range []int{2, 5} {
			mean := 0.0
			const repeats = 8
			for seed := range uint64(repeats) {
				auc, err := Distinguish(t.Context(), 20, folds, dice(400, 0, 100+seed), dice(300, c.load, 200+seed), seed)
				if err != nil {
					t.Fatal(err)
				}
				mean += auc / repeats
			}
			if math.Abs(mean-c.want) > c.tolerance {
				t.Errorf("%s, %d folds: AUC %.3f, want %.3f ± %.2f", c.name, folds, mean, c.want, c.tolerance)
			}
		}
	}
	if auc, err := Distinguish(t.Context(), 5, 2, dice(3, 0, 1), dice(300, 0, 2), 0); !math.IsNaN(auc) || err != nil {
		t.Errorf("three rows: %v, %v, want NaN", auc, err)
	}
	if _, err := Distinguish(t.Context(), 5, 1, dice(9, 0, 1), dice(9, 0, 2), 0); err == nil {
		t.Error("one fold: no error")
	}
}

// TestDistinguishOfClasses: rows of 20 classes that are easily told apart, as many of each
// on both sides, and otherwise alike: 0.5, and not less, as folds that leave the classes to
// chance have it.
func TestDistinguishOfClasses(t *testing.T) {
	const classes, each, repeats = 20, 20, 12
	draw := func(seed uint64, labels bool) Table {
		rng := noise.Stream(seed)
		out := Table{Classes: classes}
		for i := range classes * each {
			class := i % classes
			out.X = append(out.X, []float64{float64(class) + 0.1*rng.NormFloat64(), rng.NormFloat64()})
			if !labels {
				class = 0
			}
			out.Y = append(out.Y, class)
		}
		return out
	}
	for _, labels := range []bool{true, false} {
		mean := 0.0
		for seed := range uint64(repeats) {
			auc, err := Distinguish(t.Context(), 30, 5, draw(300+seed, labels), draw(400+seed, labels), seed)
			if err != nil {
				t.Fatal(err)
			}
			mean += auc / repeats
		}
		t.Logf("classes given %v: AUC %.3f", labels, mean)
		if labels && math.Abs(mean-0.5) > 0.02 {
			t.Errorf("AUC %.3f of series of one distribution, want 0.5", mean)
		}
	}
}
