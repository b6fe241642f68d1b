package diffusion_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Example samples an image in four steps of a schedule of a thousand, with one call
// of a compiled graph for each.
func Example() {
	device, err := backend.Open(context.Background(), "go")
	if err != nil {
		panic(err)
	}
	whole, err := schedule.Cosine(1000)
	if err != nil {
		panic(err)
	}
	s, err := whole.Respace("4")
	if err != nil {
		panic(err)
	}
	m := diffusion.Model{
		// Instead of a trained network: it predicts that every pixel is 0.5.
		Network: func(_ *model.Scope, x, _, _ *graph.Node) *graph.Node {
			return graph.AddScalar(graph.ZerosLike(x), 0.5)
		},
		Schedule:         s,
		Parameterization: diffusion.Start{},
	}
	d := diffusion.ClipX0(m.Denoise, s)
	step := graph.MustNewExec(device, func(x, t, noise *graph.Node) *graph.Node {
		next, _ := diffusion.Step(nil, d, diffusion.DDIM(0), s, x, t, nil, noise)
		return next
	})

	noise := tensors.FromValue([][]float32{{1.5, -0.5}}) // an image of two pixels
	x := noise
	for t := s.Len() - 1; t >= 0; t-- {
		x = step.MustCall1(x, []int32{int32(t)}, noise)
		fmt.Printf("%.3f\n", x.Value())
	}
	// Output:
	// [[1.550 -0.186]]
	// [[1.193 0.177]]
	// [[0.510 0.497]]
	// [[0.500 0.500]]
}

// ExampleGuide guides a class-conditional model and clips the result. The classes are 0
// and 1; 2 is the null class.
func ExampleGuide() {
	device, err := backend.Open(context.Background(), "go")
	if err != nil {
		panic(err)
	}
	s, err := schedule.Cosine(10)
	if err != nil {
		panic(err)
	}
	m := diffusion.Model{
		// Instead of a trained network: its clean images have the value y/4.
		Network: func(_ *model.Scope, x, _, y *graph.Node) *graph.Node {
			value := graph.DivScalar(graph.ConvertDType(y, x.DType()), 4)
			return graph.BroadcastToDims(graph.InsertAxes(value, -1), x.Shape().Dimensions...)
		},
		Schedule:         s,
		Parameterization: diffusion.Start{},
	}
	x0 := func(d diffusion.Denoiser) any {
		exec := graph.MustNewExec(device, func(x, t, y *graph.Node) *graph.Node {
			return d(nil, x, t, y).X0
		})
		defer exec.Finalize()
		images := [][]float32{{0.1}, {0.2}} // two images of one pixel
		return exec.MustCall1(images, []int32{5, 5}, []int32{0, 1}).Value()
	}
	fmt.Println("model:  ", x0(m.Denoise))
	guided := diffusion.Guide(m.Denoise, 4, 2)
	fmt.Println("guided: ", x0(guided))
	fmt.Println("clipped:", x0(diffusion.ClipX0(guided, s)))
	// Output:
	// model:   [[0] [0.25]]
	// guided:  [[-1.5] [-0.5]]
	// clipped: [[-1] [-0.5]]
}

// An Objective is a function: this one adds two of the package's.
func ExampleObjective() {
	_ = diffusion.Model{
		Objective: func(e diffusion.Evaluation) diffusion.Losses {
			mse, bound := diffusion.MSE(e), diffusion.KL(e)
			total := graph.Add(mse.Total, graph.MulScalar(bound.Total, 0.001))
			return diffusion.Losses{Total: total, MSE: mse.MSE, VLB: bound.VLB}
		},
	}
}
