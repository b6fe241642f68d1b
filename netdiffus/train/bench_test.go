package train

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Cost of the network at the reference's flags, from the shapes of its
// convolutions and products: a forward pass of one sample. Training does three
// times that.
const forwardFLOP = 1.51e9

// reference is a run at the reference's flags, 14 classes, ready to step.
func reference(b *testing.B, size int) (*trainer, []inputs, []int32, []float32) {
	b.Helper()
	cfg := netdiffus.Reference()
	cfg.Training.BatchSize = size
	set := &dataset.Set{Classes: strings.Split("abcdefghijklmn", ""), Images: imaging.New(size, 10, 10, 1), Labels: make([]int, size)}
	r, err := newTrainer(b.Context(), backendtest.Open(b), cfg, data{set: set}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	parts, t, weight := r.parts(r.feed.draw(b.Context(), 0))
	if err := r.prog.compile(parts); err != nil {
		b.Fatal(err)
	}
	return r, parts, t, weight
}

// BenchmarkStep measures the training step at the reference's flags and, in the
// same run, the machine's own peak at the matrix product that its commonest
// convolution comes to (400x1152x128) and at a large one (2048^3).
func BenchmarkStep(b *testing.B) {
	for _, size := range []int{4, 64} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			if testing.Short() && size > 4 {
				b.Skip("slow")
			}
			r, parts, t, weight := reference(b, size)
			if _, _, err := r.train(parts, t, weight); err != nil { // moves the state to the device
				b.Fatal(err)
			}
			for b.Loop() {
				if _, _, err := r.train(parts, t, weight); err != nil {
					b.Fatal(err)
				}
			}
			step := b.Elapsed().Seconds() / float64(b.N)
			rate := 3 * forwardFLOP * float64(size) / step / 1e9
			b.ReportMetric(step, "s/step")
			b.ReportMetric(rate, "GFLOP/s")
			b.ReportMetric(rate/productRate(b, 400, 1152, 128), "of_400x1152x128")
			b.ReportMetric(rate/productRate(b, 2048, 2048, 2048), "of_2048^3")
		})
	}
}

// BenchmarkBatch measures what the host does for a step: drawing the batch.
func BenchmarkBatch(b *testing.B) {
	set := &dataset.Set{Classes: []string{"a"}, Images: imaging.New(1000, 10, 10, 1), Labels: make([]int, 1000)}
	f := &feed{set: set, size: 64, classes: 1, order: order{n: 1000}}
	step := 0
	for b.Loop() {
		f.draw(b.Context(), step)
		step++
	}
}

// productRate is the best of some seconds of float32 products [m,k]·[k,n] on
// the device, in GFLOP/s.
func productRate(b *testing.B, m, k, n int) float64 {
	b.Helper()
	device := backendtest.Open(b)
	best := time.Duration(0)
	product, arguments := compileProduct(b, device, m, k, n)
	for start := time.Now(); time.Since(start) < 2*time.Second; {
		begin := time.Now()
		if _, err := product.Call(arguments...); err != nil {
			b.Fatal(err)
		}
		if took := time.Since(begin); best == 0 || took < best {
			best = took
		}
	}
	return 2 * float64(m) * float64(k) * float64(n) / best.Seconds() / 1e9
}

// compileProduct makes the program of one product, and its arguments on the
// device.
func compileProduct(b *testing.B, device compute.Backend, m, k, n int) (*graph.Exec, []any) {
	b.Helper()
	ones := func(dims ...int) any {
		t, err := graph.CallOnce(device, func(g *graph.Graph) *graph.Node {
			return graph.Ones(g, shapes.Make(dtypes.Float32, dims...))
		})
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	exec, err := graph.NewExec(device, func(x, y *graph.Node) *graph.Node { return graph.Dot(x, y).Product() })
	if err != nil {
		b.Fatal(err)
	}
	arguments := []any{ones(m, k), ones(k, n)}
	if _, err := exec.Call(arguments...); err != nil {
		b.Fatal(err)
	}
	return exec, arguments
}
