package unet

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// gflopPerImage is what the reference's network computes forward, in 10⁹
// multiplications and additions, counting convolutions the direct way; backward it
// is twice that.
const gflopPerImage = 1.51

// The machine's own speed, to compare the others with: the product of one of the
// reference's convolutions at batch 4, and a large one.
func BenchmarkPeak(b *testing.B) {
	for _, s := range [][3]int{{400, 1152, 128}, {2048, 2048, 2048}} {
		b.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(b *testing.B) {
			exec := model.MustNewExec(backendtest.Open(b), model.NewStore(), func(_ *model.Scope, x, w *graph.Node) *graph.Node {
				return graph.MatMul(x, w)
			})
			timeCalls(b, exec, 2e-9*float64(s[0]*s[1]*s[2]), normal(s[0], s[1]), normal(s[1], s[2]))
		})
	}
}

// Batches of the reference's network.
var batches = []int{4, 8, 16, 32, 64}

func BenchmarkForward(b *testing.B) {
	for _, batch := range batches {
		b.Run(fmt.Sprintf("b%d", batch), func(b *testing.B) {
			exec := model.MustNewExec(backendtest.Open(b), newStore(b), reference.Graph)
			timeCalls(b, exec, gflopPerImage*float64(batch), arguments(batch)...)
		})
	}
}

// Forward and backward, without an optimiser.
func BenchmarkGradient(b *testing.B) {
	for _, batch := range batches {
		b.Run(fmt.Sprintf("b%d", batch), func(b *testing.B) {
			exec := model.MustNewExec(backendtest.Open(b), newStore(b), func(scope *model.Scope, x, t, y *graph.Node) []*graph.Node {
				loss := graph.ReduceAllMean(graph.Square(reference.Graph(scope, x, t, y)))
				return scope.BuildTrainableVariablesGradientsGraph(loss)
			})
			timeCalls(b, exec, 3*gflopPerImage*float64(batch), arguments(batch)...)
		})
	}
}

func newStore(b *testing.B) *model.Store {
	store := model.NewStore()
	if err := reference.Create(store.RootScope(), 1); err != nil {
		b.Fatal(err)
	}
	return store
}

// arguments are x, t and y.
func arguments(batch int) []any {
	return []any{normal(batch, 10, 10, 1), make([]float32, batch), make([]int32, batch)}
}

func normal(dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := make([]float32, n)
	noise.Normal(noise.Stream(1), x)
	return tensors.FromFlatDataAndDimensions(x, dims...)
}

func timeCalls(b *testing.B, exec *model.Exec, gflop float64, args ...any) {
	call := func() {
		out, err := exec.Call(args...)
		if err != nil {
			b.Fatal(err)
		}
		for _, o := range out {
			o.MustFinalizeAll()
		}
	}
	call() // compiles
	for b.Loop() {
		call()
	}
	b.ReportMetric(gflop*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
}
