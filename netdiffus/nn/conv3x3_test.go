package nn

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// XLA's convolution and GoMLX's gradients of it are tested against PyTorch's
// elsewhere; here all forms are tested against them.
func TestConvolutionForms(t *testing.T) {
	const in, out = 8, 6
	for _, size := range [][3]int{{2, 10, 10}, {3, 5, 5}, {1, 8, 7}} {
		b, h, w := size[0], size[1], size[2]
		r := noise.Stream(1)
		x, kernel, target := random(r, b, h, w, in), random(r, 3, 3, in, out), random(r, b, h, w, out)
		want := gradients(t, x, kernel, target, func(x, w *graph.Node) *graph.Node {
			return graph.Convolve(x, w).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
		})
		for _, f := range []form{direct, im2col, winograd} {
			got := gradients(t, x, kernel, target, func(x, w *graph.Node) *graph.Node {
				return conv3x3(x, w, forms{f, f, f})
			})
			for i, name := range []string{"output", "gradient of x", "gradient of w"} {
				// Relative to the largest value, as float32 sums are.
				largest := difference(want[i], tensors.FromShape(want[i].Shape()))
				if d := difference(got[i], want[i]) / largest; !(d < 5e-6) {
					t.Errorf("%v %s: %s differs by %.2g", size, f.name, name, d)
				}
			}
		}
	}
}

// gradients returns conv(x, w) and the gradients, with respect to x and w, of the sum
// of its squared distances to target.
func gradients(t *testing.T, x, w, target *tensors.Tensor, conv func(x, w *graph.Node) *graph.Node) []*tensors.Tensor {
	t.Helper()
	exec := model.MustNewExec(backendtest.Open(t), model.NewStore(), func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		y := conv(in[0], in[1])
		loss := graph.ReduceAllSum(graph.Square(graph.Sub(y, in[2])))
		return append([]*graph.Node{y}, graph.Gradient(loss, in[0], in[1])...)
	})
	out, err := exec.Call(x, w, target)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func random(r *rand.Rand, dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := make([]float32, n)
	noise.Normal(r, x)
	return tensors.FromFlatDataAndDimensions(x, dims...)
}
