package nn

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// The machine's own float32 speed, to compare the others with: a product
// as in the reference's network at batch 4, and a large one.
func BenchmarkPeak(b *testing.B) {
	for _, s := range [][3]int{{400, 1152, 128}, {2048, 2048, 2048}} {
		b.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(b *testing.B) {
			r := noise.Stream(1)
			timeGraph(b, 2*s[0]*s[1]*s[2], func(x, w *graph.Node) *graph.Node {
				return graph.MatMul(x, w)
			}, random(r, s[0], s[1]), random(r, s[1], s[2]))
		})
	}
}

// The three convolutions of training in each form, at the shapes of the reference's
// network, from which chooseForms was made. The speed counts the direct way's
// operations, so Winograd's can exceed the peak.
func BenchmarkConv3x3(b *testing.B) {
	for _, batch := range []int{4, 8, 64} {
		for _, s := range [][3]int{{10, 128, 128}, {10, 256, 128}, {5, 256, 256}, {5, 512, 256}, {16, 128, 128}, {32, 64, 64}, {64, 32, 32}, {64, 128, 128}} {
			size, in, out := s[0], s[1], s[2]
			r := noise.Stream(1)
			x, w := random(r, batch, size, size, in), random(r, 3, 3, in, out)
			v := random(r, batch, size, size, out)
			flop := 2 * 9 * batch * size * size * in * out
			for _, f := range []form{direct, im2col, winograd} {
				name := fmt.Sprintf("%dx%d-%d-%d/b%d/%%s/%s", size, size, in, out, batch, f.name)
				b.Run(fmt.Sprintf(name, "forward"), func(b *testing.B) { timeGraph(b, flop, f.apply, x, w) })
				b.Run(fmt.Sprintf(name, "gradX"), func(b *testing.B) { timeGraph(b, flop, f.gradX, v, w) })
				b.Run(fmt.Sprintf(name, "gradW"), func(b *testing.B) { timeGraph(b, flop, f.gradW, x, v) })
			}
		}
	}
}

// timeGraph times f's graph and reports its speed.
func timeGraph(b *testing.B, flop int, f func(x, w *graph.Node) *graph.Node, x, w *tensors.Tensor) {
	exec := model.MustNewExec(backendtest.Open(b), model.NewStore(), func(_ *model.Scope, x, w *graph.Node) *graph.Node { return f(x, w) })
	run := func() {
		out, err := exec.Call(x, w)
		if err != nil {
			b.Fatal(err)
		}
		out[0].MustFinalizeAll()
	}
	run() // compiles
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(flop)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
