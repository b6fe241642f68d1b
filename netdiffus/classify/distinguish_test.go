package classify

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

func TestDistinguish(t *testing.T) {
	// Rows of two dice, the second loaded by so much.
	dice := func(n int, load float64, seed uint64) [][]float64 {
		rng := noise.Stream(seed)
		rows := make([][]float64, n)
		for i := range rows {
			rows[i] = []float64{float64(rng.IntN(6)), float64(rng.IntN(6))}
			if rng.Float64() < load {
				rows[i][1] = rows[i][0]
			}
		}
		return rows
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
		mean := 0.0
		const repeats = 8
		for seed := range uint64(repeats) {
			auc, err := Distinguish(t.Context(), 20, dice(400, 0, 100+seed), dice(300, c.load, 200+seed), seed)
			if err != nil {
				t.Fatal(err)
			}
			mean += auc / repeats
		}
		if math.Abs(mean-c.want) > c.tolerance {
			t.Errorf("%s: AUC %.3f, want %.3f ± %.2f", c.name, mean, c.want, c.tolerance)
		}
	}
	if auc, err := Distinguish(t.Context(), 5, dice(3, 0, 1), dice(300, 0, 2), 0); !math.IsNaN(auc) || err != nil {
		t.Errorf("three rows: %v, %v, want NaN", auc, err)
	}
}
