package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var onSamples = map[string]Distance{
	"Wasserstein": Wasserstein, "Energy": Energy, "KS": KS,
	"Hellinger": Binned(10, Hellinger), "JensenShannon": Binned(10, JensenShannon), "TotalVariation": Binned(10, TotalVariation),
}

// What every distance owes: 0 to itself, the same both ways, unmoved arguments,
// and for those on histograms and KS no more than 1.
func TestDistances(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		x, y := make([]float64, 1+r.IntN(30)), make([]float64, 1+r.IntN(30))
		for i := range x {
			x[i] = math.Round(5 * r.NormFloat64())
		}
		for i := range y {
			y[i] = math.Round(5*r.NormFloat64()) + 2
		}
		for name, d := range onSamples {
			keep := slices.Clone(x)
			if got := d(x, x); got > 1e-7 {
				t.Errorf("%s(x, x) = %v, want 0", name, got)
			}
			there, back := d(x, y), d(y, x)
			if there < 0 || math.Abs(there-back) > 1e-12 {
				t.Errorf("%s = %v one way, %v the other", name, there, back)
			}
			if name != "Wasserstein" && name != "Energy" && there > 1+1e-12 {
				t.Errorf("%s = %v, want at most 1", name, there)
			}
			if !slices.Equal(x, keep) {
				t.Fatalf("%s changed its argument", name)
			}
		}
	}
}

func TestDisjointSamples(t *testing.T) {
	for name, want := range map[string]float64{"KS": 1, "Hellinger": 1, "JensenShannon": 1, "TotalVariation": 1, "Wasserstein": 10} {
		if got := onSamples[name]([]float64{0, 0}, []float64{10}); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

func TestNoDistance(t *testing.T) {
	nan := math.NaN()
	for name, d := range onSamples {
		for _, c := range [][2][]float64{{nil, {1}}, {{1}, nil}, {{nan}, {1}}, {{1}, {1, nan}}} {
			if got := d(c[0], c[1]); !math.IsNaN(got) {
				t.Errorf("%s(%v, %v) = %v, want NaN", name, c[0], c[1], got)
			}
		}
	}
	for _, d := range []Distance{Hellinger, JensenShannon, JensenShannonDistance, TotalVariation} {
		if got := d([]float64{0, 0}, []float64{1, 1}); !math.IsNaN(got) {
			t.Errorf("distance to a histogram without mass = %v, want NaN", got)
		}
	}
	for name, got := range map[string]float64{
		"Frechet": Frechet([][]float64{{1}}, [][]float64{{1}, {2}}), "Precision": Precision(nil, [][]float64{{1}}, 3),
		"SlicedWasserstein": SlicedWasserstein(nil, nil, nil, 1), "KSExact": KSExact(nil, nil).P,
		"NGram": NGram(2, [][]float64{{1}}, [][]float64{{1, 2}}), "AUC": AUC([]bool{true}, []float64{1}),
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s of too little = %v, want NaN", name, got)
		}
	}
}

func TestCountEdges(t *testing.T) {
	got := Count([]float64{-1, 0, 0.5, 1, 2, 3, math.NaN(), math.Inf(1)}, []float64{0, 1, 2})
	if want := []float64{2, 2}; !slices.Equal(got, want) { // 2 is in the last bin, 3 in none
		t.Errorf("Count = %v, want %v", got, want)
	}
	if got, want := Edges(2, []float64{3, 3}), []float64{2.5, 3, 3.5}; !slices.Equal(got, want) {
		t.Errorf("Edges of a constant = %v, want %v", got, want)
	}
	if got, want := Edges(1, nil, []float64{math.NaN(), math.Inf(-1)}), []float64{0, 1}; !slices.Equal(got, want) {
		t.Errorf("Edges of nothing = %v, want %v", got, want)
	}
}

// Where two formulas for Kolmogorov's distribution meet they must agree.
func TestKolmogorovFormulasMeet(t *testing.T) {
	for _, n := range []int{20, 140, 500, 1000} {
		d := math.Sqrt(2.2 / float64(n))
		if a, b := 1-durbin(n, d), 2*smirnov(n, d); math.Abs(a-b) > 1e-5*a {
			t.Errorf("n=%d: durbin %v, smirnov %v", n, a, b)
		}
	}
	for _, z := range []float64{0.3, 0.5, 0.8, 1, 1.4} {
		d := z / math.Sqrt(1000)
		if a, b := durbin(1000, d), kolmogorovLimit(1000, d); math.Abs(a-b) > 5e-5 { // the limit is good to O(1/n^1.5)
			t.Errorf("z=%v: durbin %v, limit %v", z, a, b)
		}
	}
	if p := kolmogorov(50, 0); p != 1 {
		t.Errorf("p of no gap = %v, want 1", p)
	}
}

// The exact p-value against counting all orderings of two small samples.
func TestKSExactByCounting(t *testing.T) {
	x, y := []float64{1, 4, 5}, []float64{2, 3, 6, 7}
	got := KSExact(x, y)
	atLeast, all := 0, 0
	for mask := range 1 << 7 {
		var a, b []float64
		for i := range 7 {
			if mask>>i&1 == 1 {
				a = append(a, float64(i))
			} else {
				b = append(b, float64(i))
			}
		}
		if len(a) != len(x) {
			continue
		}
		all++
		if KS(a, b) >= got.Statistic-1e-12 {
			atLeast++
		}
	}
	if want := float64(atLeast) / float64(all); math.Abs(got.P-want) > 1e-12 {
		t.Errorf("p = %v, want %d/%d = %v", got.P, atLeast, all, want)
	}
}

func TestSeries(t *testing.T) {
	x := [][]float64{{1, 2, 3}, {1, 2}}
	for n := 1; n <= 3; n++ {
		if got := NGram(n, x, x); got != 0 {
			t.Errorf("NGram(%d, x, x) = %v, want 0", n, got)
		}
	}
	// The same values in another order: no difference but in what follows what.
	y := [][]float64{{3, 2, 1}, {2, 1}}
	if got := NGram(1, x, y); got != 0 {
		t.Errorf("NGram(1) = %v, want 0", got)
	}
	if got := NGram(2, x, y); got != 1 {
		t.Errorf("NGram(2) = %v, want 1", got)
	}
	if got := NGram(1, [][]float64{{0}}, [][]float64{{math.Copysign(0, -1)}}); got != 0 {
		t.Errorf("0 and -0 differ by %v", got)
	}
	if got := Lengths(x, [][]float64{{0, 0, 0}, {0}}); got != 0.5 {
		t.Errorf("Lengths = %v, want 0.5", got)
	}
}

func ExampleBinned() {
	real := []float64{52, 517, 1448, 1448, 1448}
	synthetic := []float64{60, 500, 700, 1400, 1448}
	hellinger := Binned(30, Hellinger)
	fmt.Printf("%.3f\n", hellinger(real, synthetic))
	// Output: 0.504
}

func ExampleWasserstein() {
	fmt.Println(Wasserstein([]float64{0, 100}, []float64{10, 130}), "bytes")
	// Output: 20 bytes
}

func ExampleNGram() {
	real := [][]float64{{-517, 1448, 1448}, {-517, 1448}}
	shuffled := [][]float64{{1448, -517, 1448}, {1448, -517}}
	fmt.Printf("values %.2f bits, pairs %.2f bits\n", NGram(1, real, shuffled), NGram(2, real, shuffled))
	// Output: values 0.00 bits, pairs 0.54 bits
}

func ExampleConfuse() {
	c := Confuse([]int{0, 0, 1, 1, 1}, []int{0, 1, 1, 1, 0}, 2)
	fmt.Printf("accuracy %.2f, macro F1 %.2f\n", c.Accuracy(), c.MacroF1())
	// Output: accuracy 0.60, macro F1 0.58
}

func BenchmarkWasserstein(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float64, 100_000), make([]float64, 100_000)
	for i := range x {
		x[i], y[i] = r.NormFloat64(), r.NormFloat64()
	}
	for b.Loop() {
		Wasserstein(x, y)
	}
}
