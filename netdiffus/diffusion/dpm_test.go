package diffusion_test

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

func TestDPMSolverByHand(t *testing.T) {
	s, err := schedule.FromBeta([]float64{.2, .375, .6}) // ᾱ = .8, .5, .2: λ = ln 2, 0, -ln 2
	if err != nil {
		t.Fatal(err)
	}
	root := func(x float64) float32 { return float32(math.Sqrt(x)) }
	inputs := []*tensors.Tensor{
		tensors.FromValue([]int32{1, 2, 0}),
		column(root(10), root(8), 7), // x
		column(root(5), 0, 3),        // x0
		column(-root(5), 100, 100),   // x0 of the step before
	}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		oracle := func(_ *model.Scope, x, step, _ *graph.Node) diffusion.Prediction {
			return diffusion.FromX0(s, in[2], x, step)
		}
		next, _ := diffusion.Step(nil, diffusion.WithLastX0(oracle, in[3]), diffusion.DPMSolver2M, s, in[1], in[0], nil, in[1])
		first, _ := diffusion.Step(nil, oracle, diffusion.DPMSolver2M, s, in[1], in[0], nil, in[1])
		ddim, _ := diffusion.Step(nil, oracle, diffusion.DDIM(0), s, in[1], in[0], nil, in[1])
		return outputs{"next": next, "without LastX0": graph.Sub(first, ddim)}
	})
	// t = 1: both steps have length ln 2, so D = 3/2 x0 - 1/2 last = 2√5, and
	// x √(.2/.5) + D √.2 = 2 + 2. t = 2 has no step before it: √8 √(.5/.8) = √5.
	// t = 0 ends at x0.
	near(t, "next", got["next"], 4, math.Sqrt(5), 3)
	near(t, "without LastX0", got["without LastX0"], 0, 0, 0)
}

// For normally distributed images the optimal denoiser and the path from noise to
// image are known in closed form. Twice the steps leave half of DDIM's error and a
// quarter of the second-order solver's.
func TestDPMSolverIsOfSecondOrder(t *testing.T) {
	const std = 0.5 // of the images
	whole, err := schedule.Angular(1000)
	if err != nil {
		t.Fatal(err)
	}
	errorOf := func(sampler diffusion.Sampler, steps string) float64 {
		s, err := whole.Respace(steps)
		if err != nil {
			t.Fatal(err)
		}
		table := make([]float32, s.Len())
		for i, ab := range s.AlphaBar { // E[x0|x] = √ᾱ std² / (ᾱ std² + 1-ᾱ) x
			table[i] = float32(math.Sqrt(ab) * std * std / (ab*std*std + 1 - ab))
		}
		exec, err := graph.NewExec(backendtest.Open(t), func(x, last, step *graph.Node) (*graph.Node, *graph.Node) {
			d := func(_ *model.Scope, x, step, _ *graph.Node) diffusion.Prediction {
				factor := graph.Gather(graph.Const(x.Graph(), table), graph.InsertAxes(step, -1))
				return diffusion.FromX0(s, graph.Mul(graph.InsertAxes(factor, -1), x), x, step)
			}
			return diffusion.Step(nil, diffusion.WithLastX0(d, last), sampler, s, x, step, nil, graph.ZerosLike(x))
		})
		if err != nil {
			t.Fatal(err)
		}
		x, last := column(1), column(0)
		for step := s.Len() - 1; step >= 0; step-- {
			out, err := exec.Call(x, last, []int32{int32(step)})
			if err != nil {
				t.Fatal(err)
			}
			x, last = out[0], out[1]
		}
		start := s.AlphaBar[s.Len()-1]
		want := std / math.Sqrt(start*std*std+1-start)
		return math.Abs(float64(tensors.MustCopyFlatData[float32](x)[0]) - want)
	}
	for _, c := range []struct {
		name      string
		sampler   diffusion.Sampler
		low, high float64 // bounds of the errors' ratio
	}{
		{"DDIM", diffusion.DDIM(0), 1.7, 2.4},
		{"DPM-Solver++(2M)", diffusion.DPMSolver2M, 3.2, 5},
	} {
		coarse, fine := errorOf(c.sampler, "20"), errorOf(c.sampler, "40")
		if ratio := coarse / fine; ratio < c.low || ratio > c.high {
			t.Errorf("%s: error %.3g with 20 steps, %.3g with 40: ratio %.2f, want %v to %v", c.name, coarse, fine, ratio, c.low, c.high)
		}
	}
	if two, one := errorOf(diffusion.DPMSolver2M, "80"), errorOf(diffusion.DDIM(0), "80"); two > one/2 {
		t.Errorf("80 steps: error %.3g of second order, %.3g of first", two, one)
	}
}
