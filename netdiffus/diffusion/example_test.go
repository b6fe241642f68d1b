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
