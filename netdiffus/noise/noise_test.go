package noise_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// TestRecorded compares with numbers recorded with Go 1.26: later versions must draw
// the same.
func TestRecorded(t *testing.T) {
	got := make([]float32, 4)
	noise.Normal(noise.Stream(1, 2, 3), got)
	if want := []float32{2.177451, 1.0860609, 1.209013, -0.9152972}; !slices.Equal(got, want) {
		t.Errorf("Normal = %v, want %v", got, want)
	}
	if got := noise.Key("input_blocks/0/0/weight"); got != 0x15e4b94e90ad37c {
		t.Errorf("Key = %#x", got)
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for _, names := range [][]uint64{{0}, {1}, {0, 0}, {0, 1}, {1, 0}, {0, 0, 0}, {256}, {1 << 32}} {
		first := noise.Stream(names[0], names[1:]...).Uint64()
		if other, taken := seen[first]; taken {
			t.Errorf("streams %v and %s have the same first number", names, other)
		}
		seen[first] = fmt.Sprint(names)
	}
}

// A sample's noise is the same alone and in a batch.
func TestBatchSizeDoesNotMatter(t *testing.T) {
	alone, batch := make([]float32, 100), make([]float32, 800)
	for i := range 8 {
		noise.Normal(noise.Stream(7, 3, uint64(i)), batch[i*100:(i+1)*100])
	}
	noise.Normal(noise.Stream(7, 3, 5), alone)
	if !slices.Equal(alone, batch[500:600]) {
		t.Error("sample 5 differs between batches")
	}
}

// TestMoments compares the moments of 1,000,000 draws with those of the distributions,
// within 4 standard errors.
func TestMoments(t *testing.T) {
	const n = 1_000_000
	x := make([]float32, n)
	moments := func() (m [4]float64) {
		for _, v := range x {
			for k, p := 0, 1.0; k < 4; k++ {
				p *= float64(v)
				m[k] += p / n
			}
		}
		return m
	}
	check := func(name string, got, want, deviation [4]float64) {
		for k := range got {
			if math.Abs(got[k]-want[k]) > 4*deviation[k]/math.Sqrt(n) {
				t.Errorf("%s: moment %d is %v, want %v", name, k+1, got[k], want[k])
			}
		}
	}
	noise.Normal(noise.Stream(1), x)
	check("Normal", moments(), [4]float64{0, 1, 0, 3}, [4]float64{1, math.Sqrt(2), math.Sqrt(15), math.Sqrt(96)})
	noise.Uniform(noise.Stream(2), 0, 1, x)
	check("Uniform", moments(), [4]float64{1. / 2, 1. / 3, 1. / 4, 1. / 5},
		[4]float64{math.Sqrt(1. / 12), math.Sqrt(4. / 45), math.Sqrt(9. / 112), math.Sqrt(16. / 225)})
}

// The noise of one sample of one class: a stream for each.
func ExampleStream() {
	const seed, class, sample = 1, 3, 0
	x := make([]float32, 2)
	noise.Normal(noise.Stream(seed, class, sample), x)
	fmt.Println(x)
	// Output: [-0.21698979 -1.1516595]
}

func BenchmarkNormal(b *testing.B) {
	x := make([]float32, 1<<14)
	r := noise.Stream(1)
	b.SetBytes(4 << 14)
	for b.Loop() {
		noise.Normal(r, x)
	}
}

func BenchmarkStream(b *testing.B) {
	for b.Loop() {
		noise.Stream(1, 2, 3)
	}
}
