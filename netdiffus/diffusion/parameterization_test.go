package diffusion_test

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// twoSteps returns a schedule for computing by hand: √ᾱ and √(1-ᾱ) are 0.8 and
// 0.6 at t = 0, and 0.6 and 0.8 at t = 1.
func twoSteps(t *testing.T) schedule.Schedule {
	t.Helper()
	s, err := schedule.FromBeta([]float64{0.36, 0.4375})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// column returns a batch of images of one pixel.
func column(values ...float32) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(values, len(values), 1)
}

// near fails where got differs from want beyond float32's precision.
func near(t *testing.T, name string, got *tensors.Tensor, want ...float64) {
	t.Helper()
	values := tensors.MustCopyFlatData[float32](got)
	if len(values) != len(want) {
		t.Errorf("%s: %v, want %v", name, values, want)
		return
	}
	for i, w := range want {
		if !(math.Abs(float64(values[i])-w) <= 2e-6*max(1, math.Abs(w))) {
			t.Errorf("%s: %v, want %v", name, values, want)
			return
		}
	}
}

// v-prediction computed by hand for x₀ = 0.5 and ε = -1 (Salimans & Ho 2022):
// x = 0.8·0.5 - 0.6 = -0.2 and v = -0.8 - 0.6·0.5 = -1.1 at t = 0;
// x = 0.6·0.5 - 0.8 = -0.5 and v = -0.6 - 0.8·0.5 = -1 at t = 1.
func TestVelocity(t *testing.T) {
	s := twoSteps(t)
	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1}), column(0.5, 0.5), column(-1, -1)}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		step, x0, noise := in[0], in[1], in[2]
		x := diffusion.QSample(s, x0, step, noise)
		v := diffusion.Velocity{}.Target(s, x0, x, step, noise)
		m := diffusion.Model{Network: constant(v), Schedule: s, Parameterization: diffusion.Velocity{}}
		p := m.Denoise(nil, x, step, nil)
		return outputs{"x": x, "v": v, "x0": p.X0, "eps": p.Eps, "mse": m.Loss(nil, x0, step, nil, noise).MSE}
	})
	near(t, "x", got["x"], -0.2, -0.5)
	near(t, "v", got["v"], -1.1, -1)
	near(t, "x0", got["x0"], 0.5, 0.5)
	near(t, "eps", got["eps"], -1, -1)
	near(t, "mse", got["mse"], 0, 0)
}

// For every parameterization X0 of the target is the clean image, and an error of
// the output changes the clean image by the factor of ErrorScale.
func TestParameterizationsInvertTheirTarget(t *testing.T) {
	s := twoSteps(t)
	for name, param := range map[string]diffusion.Parameterization{
		"epsilon": diffusion.Epsilon{}, "start": diffusion.Start{},
		"previous": diffusion.Previous{}, "velocity": diffusion.Velocity{},
	} {
		inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1}), column(0.5, -0.25), column(-1, 2)}
		got := compute(t, inputs, func(in []*graph.Node) outputs {
			step, x0, noise := in[0], in[1], in[2]
			x := diffusion.QSample(s, x0, step, noise)
			target := param.Target(s, x0, x, step, noise)
			off := param.X0(s, graph.AddScalar(target, 0.125), x, step)
			return outputs{"x0": param.X0(s, target, x, step), "off": graph.Square(graph.Sub(off, x0))}
		})
		near(t, name+" x0", got["x0"], 0.5, -0.25)
		scale := param.ErrorScale(s)
		near(t, name+" error", got["off"], 0.125*0.125/scale[0], 0.125*0.125/scale[1])
	}
}
