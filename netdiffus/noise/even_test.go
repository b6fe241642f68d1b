package noise_test

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// TestSpread: of any numbers in a row, wherever they begin, each part of [0,1) has its share, far
// nearer than independent draws would.
func TestSpread(t *testing.T) {
	const n, parts = 300, 30
	for seed := range uint64(20) {
		start := noise.Stream(seed).Uint64()
		for _, first := range []uint64{0, 1, 1000, 1 << 40} {
			counts := make([]float64, parts)
			for i := range uint64(n) {
				u := noise.Spread(start, first+i)
				if !(u >= 0 && u < 1) {
					t.Fatalf("number %v", u)
				}
				counts[int(u*parts)]++
			}
			for k, c := range counts {
				if math.Abs(c-n/parts) > 2 { // independent draws: a standard deviation of 3.1
					t.Errorf("seed %d from %d: %v numbers in part %d, want %d", seed, first, c, k, n/parts)
				}
			}
		}
	}
}

// TestPath: choices by even numbers and by a generator follow the weights; even ones far more
// closely, in the second choice and in the third, too.
func TestPath(t *testing.T) {
	const n = 1000
	weights := [][]float64{{1, 0, 3}, {2, 2, 1, 5}, {1, 1}}
	deviation := func(path func(i uint64) *noise.Path) (most float64) {
		counts := map[[3]int32]float64{}
		for i := range uint64(n) {
			p := path(i)
			var chosen [3]int32
			for k, w := range weights {
				chosen[k] = p.Choose(w)
			}
			counts[chosen]++
		}
		for a, p := range weights[0] {
			for b, q := range weights[1] {
				for c, r := range weights[2] {
					want := p / 4 * q / 10 * r / 2 * n
					most = max(most, math.Abs(counts[[3]int32{int32(a), int32(b), int32(c)}]-want))
				}
			}
		}
		return most
	}
	even := deviation(func(i uint64) *noise.Path { return noise.NewEvenPath(noise.Stream(1, i), noise.Spread(5, i)) })
	independent := deviation(func(i uint64) *noise.Path { return noise.NewPath(noise.Stream(1, i)) })
	if even > 3 || independent < 6 || independent > 60 {
		t.Errorf("even choices are %v off at most, independent ones %v; want at most 3, and some 20", even, independent)
	}
	// After its digits a path goes on by its generator.
	path := noise.NewEvenPath(noise.Stream(2), 0)
	ones := 0.0
	for range n {
		ones += float64(path.Choose([]float64{1, 1}))
	}
	if math.Abs(ones-n/2) > 80 {
		t.Errorf("%v of %d choices of two are the second", ones, n)
	}
	if got := path.Choose([]float64{0, 0}); got != 0 {
		t.Errorf("of nothing %d is chosen", got)
	}
}
