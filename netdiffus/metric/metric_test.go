package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var onSamples = map[string]Distance{
	"Wasserstein": Wasserstein, "KS": KS,
	"Hellinger": Binned(10, Hellinger), "JensenShannon": Binned(10, JensenShannon), "TotalVariation": Binned(10, TotalVariation),
}

// Every distance is 0 from a sample to itself, leaves its arguments alone, and is at
// most 1 for histograms and KS. Those without bins are symmetric.
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
			xy, yx := d(x, y), d(y, x)
			if xy < 0 || (name == "Wasserstein" || name == "KS") && math.Abs(xy-yx) > 1e-12 {
				t.Errorf("%s(x, y) = %v, %s(y, x) = %v", name, xy, name, yx)
			}
			if name != "Wasserstein" && xy > 1+1e-12 {
				t.Errorf("%s = %v, want at most 1", name, xy)
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
	for _, d := range []Distance{Hellinger, JensenShannon, TotalVariation} {
		if got := d([]float64{0, 0}, []float64{1, 1}); !math.IsNaN(got) {
			t.Errorf("distance to a histogram without mass = %v, want NaN", got)
		}
	}
	for name, got := range map[string]float64{
		"Frechet": Frechet([][]float64{{1}}, [][]float64{{1}, {2}}), "MMD": MMD([][]float64{{1}}, [][]float64{{1}, {2}}, 1),
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

// TestBinned: the bins span the reference, whatever the other sample holds.
func TestBinned(t *testing.T) {
	counts := func(p, q []float64) float64 {
		if want := []float64{1, 1}; !slices.Equal(p, want) {
			t.Errorf("counts of the reference %v, want %v", p, want)
		}
		if want := []float64{2, 3}; !slices.Equal(q, want) {
			t.Errorf("counts of the other sample %v, want %v", q, want)
		}
		return 7
	}
	if got := Binned(2, counts)([]float64{0, 2}, []float64{-9, 0.5, 1, 2, math.Inf(1)}); got != 7 {
		t.Errorf("Binned = %v, want what the distance returns", got)
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
	hellinger := Binned(10, Hellinger)
	fmt.Printf("%.3f\n", hellinger(real, synthetic))
	// Output: 0.332
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
