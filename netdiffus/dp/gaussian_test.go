package dp

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDistribution compares draws with P(n) ∝ exp(−n²/(2σ²)) by a χ² test.
func TestDistribution(t *testing.T) {
	const draws = 200_000
	for _, variance := range []uint64{1, 2, 7, 100, 1000} {
		g := NewGaussian(variance, rand.New(rand.NewPCG(1, variance)))
		sigma := math.Sqrt(float64(variance))
		far := int64(math.Ceil(5*sigma)) + 1
		seen := map[int64]float64{}
		for range draws {
			seen[max(-far, min(far, g.Draw()))]++ // the tails in one
		}
		weight, total := map[int64]float64{}, 0.0
		for n := -20 * far; n <= 20*far; n++ {
			w := math.Exp(-float64(n) * float64(n) / (2 * float64(variance)))
			weight[max(-far, min(far, n))] += w
			total += w
		}
		chi, cells, low, want := 0.0, 0.0, 0.0, 0.0
		for n := -far; n <= far; n++ { // cells of 20 draws expected, or more
			low, want = low+seen[n], want+weight[n]/total*draws
			if want >= 20 {
				chi += (low - want) * (low - want) / want
				cells, low, want = cells+1, 0, 0
			}
		}
		// χ² of k degrees of freedom has the mean k and the variance 2k.
		if k := cells - 1; math.Abs(chi-k) > 5*math.Sqrt(2*k) {
			t.Errorf("variance %d: χ² = %.1f of %v degrees of freedom", variance, chi, k)
		}
	}
}

// TestMoments: at the greatest variance nothing overflows.
func TestMoments(t *testing.T) {
	const draws = 100_000
	for _, variance := range []uint64{360, 1 << 20, MaxVariance} {
		g := NewGaussian(variance, rand.New(rand.NewPCG(2, variance)))
		var sum, square, fourth float64
		for range draws {
			z := float64(g.Draw()) / math.Sqrt(float64(variance))
			sum, square, fourth = sum+z, square+z*z, fourth+z*z*z*z
		}
		// Four standard errors of the moments of a normal distribution.
		if m := sum / draws; math.Abs(m) > 4/math.Sqrt(draws) {
			t.Errorf("variance %d: mean %v σ", variance, m)
		}
		if m := square / draws; math.Abs(m-1) > 4*math.Sqrt(2./draws) {
			t.Errorf("variance %d: variance %v σ²", variance, m)
		}
		if m := fourth / draws; math.Abs(m-3) > 4*math.Sqrt(96./draws) {
			t.Errorf("variance %d: fourth moment %v σ⁴", variance, m)
		}
	}
}

func TestNoVarianceNoNoise(t *testing.T) {
	if n := NewGaussian(0, nil).Draw(); n != 0 {
		t.Errorf("drew %d", n)
	}
}

// TestRoot at the borders of squares.
func TestRoot(t *testing.T) {
	for _, n := range []uint64{0, 1, 2, 3, 4, 8, 9, 15, 16, 17, 360, 1<<26 - 1, 1 << 26} {
		if r := root(n); r*r > n || (r+1)*(r+1) <= n {
			t.Errorf("root(%d) = %d", n, r)
		}
	}
}

// TestSecure: the system's random numbers do not come twice, and their bits are even.
func TestSecure(t *testing.T) {
	a, b := Secure(), Secure()
	var seen [64]int
	const draws = 20_000
	for range draws {
		x := a.Uint64()
		if x == b.Uint64() {
			t.Fatal("two sources drew the same")
		}
		for k := range seen {
			seen[k] += int(x >> k & 1)
		}
	}
	for k, n := range seen {
		if math.Abs(float64(n)-draws/2) > 5*math.Sqrt(draws)/2 {
			t.Errorf("bit %d is set in %d of %d draws", k, n, draws)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	g := NewGaussian(360, Secure())
	for b.Loop() {
		g.Draw()
	}
}
