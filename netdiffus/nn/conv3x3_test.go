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

// Every form gives the convolution and its gradients as computed in float64: what differs,
// relative to the largest value, is float32's rounding of sums.
func TestConvolutionForms(t *testing.T) {
	const in, out = 8, 6
	for _, size := range [][3]int{{2, 10, 10}, {3, 5, 5}, {1, 8, 7}, {1, 16, 3}, {1, 23, 1}} {
		b, h, w := size[0], size[1], size[2]
		r := noise.Stream(1)
		x, kernel, target := random(r, b, h, w, in), random(r, 3, 3, in, out), random(r, b, h, w, out)
		want := exactly(x, kernel, target)
		for _, f := range []form{direct, im2col, winograd} {
			got := gradients(t, x, kernel, target, func(x, w *graph.Node) *graph.Node {
				return conv3x3(x, w, forms{f, f, f})
			})
			for i, name := range []string{"output", "gradient of x", "gradient of w"} {
				d := difference(got[i], want[i]) / difference(want[i], tensors.FromShape(want[i].Shape()))
				limit := 1e-6
				if f.name == winograd.name {
					limit = 5e-6
				}
				if !(d < limit) {
					t.Errorf("%v %s: %s differs by %.2g, want at most %.2g", size, f.name, name, d, limit)
				}
			}
		}
	}
}

// exactly returns what gradients does, computed in float64.
func exactly(x, w, target *tensors.Tensor) []*tensors.Tensor {
	d, out := x.Shape().Dimensions, w.Shape().Dim(3)
	y, dx, dw := make([]float64, target.Size()), make([]float64, x.Size()), make([]float64, w.Size())
	xs, ws, ts := tensors.MustCopyFlatData[float32](x), tensors.MustCopyFlatData[float32](w), tensors.MustCopyFlatData[float32](target)
	// each calls do with the indices of every product of the convolution.
	each := func(do func(y, x, w int)) {
		for b := range d[0] {
			for i := range d[1] {
				for j := range d[2] {
					for k := range 9 {
						row, column := i+k/3-1, j+k%3-1
						if row < 0 || row >= d[1] || column < 0 || column >= d[2] {
							continue
						}
						for c := range d[3] {
							for o := range out {
								do(((b*d[1]+i)*d[2]+j)*out+o, ((b*d[1]+row)*d[2]+column)*d[3]+c, (k*d[3]+c)*out+o)
							}
						}
					}
				}
			}
		}
	}
	each(func(yi, xi, wi int) { y[yi] += float64(xs[xi]) * float64(ws[wi]) })
	each(func(yi, xi, wi int) {
		v := 2 * (y[yi] - float64(ts[yi]))
		dx[xi] += v * float64(ws[wi])
		dw[wi] += v * float64(xs[xi])
	})
	var all []*tensors.Tensor
	for i, values := range [][]float64{y, dx, dw} {
		rounded := make([]float32, len(values))
		for j, v := range values {
			rounded[j] = float32(v)
		}
		all = append(all, tensors.FromFlatDataAndDimensions(rounded, []*tensors.Tensor{target, x, w}[i].Shape().Dimensions...))
	}
	return all
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
