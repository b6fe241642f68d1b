package diffusion_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	device "github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// devices are those to compare: XLA and pure Go.
func devices(t *testing.T) map[string]device.Backend {
	pure, err := backend.Open(t.Context(), "go")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]device.Backend{"xla": backendtest.Open(t), "go": pure}
}

// counterWords are the counters of a batch, as a device takes them.
func counterWords(counters []noise.Counter) *tensors.Tensor {
	var flat []uint32
	for _, c := range counters {
		words := c.Words()
		flat = append(flat, words[:]...)
	}
	return tensors.FromFlatDataAndDimensions(flat, len(counters), 4)
}

// The integers of the device are the host's to the bit, which UniformNoise shows 24 bits of, and
// its normal numbers differ by the rounding of the angle and of the device's own logarithm
// and cosine: a few units in the last place of numbers up to 6.8.
func TestNoiseEqualsTheHosts(t *testing.T) {
	counters := []noise.Counter{noise.NewCounter(1, 2, 0), noise.NewCounter(1, 2, 1<<40+7), {Key: [2]uint32{math.MaxUint32, math.MaxUint32}, Index: math.MaxUint64}}
	for name, b := range devices(t) {
		for _, dims := range [][]int{{10, 10, 1}, {33}, {64, 64, 3}} { // some blocks are cut
			exec, err := graph.NewExec(b, func(counters, draw *graph.Node) (*graph.Node, *graph.Node) {
				return diffusion.NormalNoise(counters, draw, dims...), diffusion.UniformNoise(counters, draw, dims...)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, draw := range []uint32{0, 1, math.MaxUint32} {
				t.Run(fmt.Sprint(name, dims, draw), func(t *testing.T) {
					normal, uniform, err := exec.Call2(counterWords(counters), draw)
					if err != nil {
						t.Fatal(err)
					}
					compareNoise(t, counters, draw, tensors.MustCopyFlatData[float32](normal), tensors.MustCopyFlatData[float32](uniform))
				})
			}
		}
	}
}

func compareNoise(t *testing.T, counters []noise.Counter, draw uint32, normal, uniform []float32) {
	t.Helper()
	size := len(normal) / len(counters)
	blocks := (size + 3) / 4
	want := make([]float32, size)
	worst := 0.0
	for i, c := range counters {
		c.Normal(draw, want)
		for j := range size {
			w := c.Words()
			word := noise.Philox4x32([4]uint32{uint32(j % blocks), draw, w[2], w[3]}, c.Key)[j/blocks]
			if got := uniform[i*size+j]; got != noise.Unit(word) {
				t.Fatalf("image %d, number %d: uniform %v, want %v of the word %#x", i, j, got, noise.Unit(word), word)
			}
			worst = max(worst, math.Abs(float64(normal[i*size+j])-float64(want[j])))
		}
	}
	t.Logf("normal numbers up to %.2g from the host's", worst)
	if worst > 3e-6 {
		t.Errorf("normal numbers are %v from the host's, want at most 3e-6", worst)
	}
}

// What a device takes for the noise of a batch, compiling apart.
func BenchmarkNormalNoise(b *testing.B) {
	for _, dims := range [][]int{{448, 10, 10, 1}, {448, 64, 64, 1}, {16, 128, 128, 3}} {
		b.Run(fmt.Sprint(dims), func(b *testing.B) {
			exec, err := graph.NewExec(backendtest.Open(b), func(counters, draw *graph.Node) *graph.Node {
				return diffusion.NormalNoise(counters, draw, dims[1:]...)
			})
			if err != nil {
				b.Fatal(err)
			}
			var counters []noise.Counter
			n := 1
			for i := range dims[0] {
				counters = append(counters, noise.NewCounter(1, 2, uint64(i)))
			}
			for _, d := range dims {
				n *= d
			}
			words := counterWords(counters)
			call := func() {
				out, err := exec.Call1(words, uint32(1))
				if err != nil {
					b.Fatal(err)
				}
				out.MustFinalizeAll()
			}
			begun := time.Now()
			call()
			compiling := time.Since(begun)
			b.SetBytes(int64(4 * n))
			for b.Loop() {
				call()
			}
			b.ReportMetric(compiling.Seconds(), "s-to-compile")
		})
	}
}
