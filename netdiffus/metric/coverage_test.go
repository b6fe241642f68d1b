package metric

import (
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

func TestCovered(t *testing.T) {
	reference := [][]float64{{0, 0}, {1, 0}, {3, 0}, {100, 0}, {100, 0}, {100, 0}}
	for _, c := range []struct {
		name string
		x    [][]float64
		k    int
		want []bool
	}{
		// Radii to the second nearest: 3, 2, 3, and 0 of those that are equal.
		{"inside and on the rim", [][]float64{{-1, 0}}, 2, []bool{true, true, false, false, false, false}},
		{"copies cover copies", [][]float64{{100, 0}}, 2, []bool{false, false, false, true, true, true}},
		{"near is not enough for copies", [][]float64{{100, 1}}, 2, make([]bool, 6)},
		{"fewer others than k", [][]float64{{1e9, 0}}, 6, []bool{true, true, true, true, true, true}},
		{"nothing", nil, 2, make([]bool, 6)},
	} {
		if got := Covered(reference, c.x, c.k); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	// Of as many rows of one continuous distribution, the expectation is
	// 1 − (n−1)…(n−k)/((2n−1)…(2n−k)): Naeem et al. 2020, appendix.
	const n, k = 400, 3
	rng := noise.Stream(1)
	draw := func() [][]float64 {
		rows := make([][]float64, n)
		for i := range rows {
			rows[i] = []float64{rng.NormFloat64(), rng.NormFloat64()}
		}
		return rows
	}
	want := 1.0
	for j := 1.0; j <= k; j++ {
		want *= (n - j) / (2*n - j)
	}
	if got := Share(Covered(draw(), draw(), k)); math.Abs(got-(1-want)) > .05 {
		t.Errorf("coverage %.3f, want %.3f", got, 1-want)
	}
}
