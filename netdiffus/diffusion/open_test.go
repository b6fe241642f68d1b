package diffusion_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// The tests of this file implement each of the package's interfaces and function
// types with exported names alone, as a user's package does.

// half is a Parameterization whose output is x₀/2.
type half struct{}

func (half) Target(_ schedule.Schedule, x0, _, _, _ *graph.Node) *graph.Node {
	return graph.DivScalar(x0, 2)
}

func (half) X0(_ schedule.Schedule, out, _, _ *graph.Node) *graph.Node {
	return graph.MulScalar(out, 2)
}

func (half) ErrorScale(s schedule.Schedule) []float64 {
	scale := make([]float64, s.Len())
	for t := range scale {
		scale[t] = 0.25
	}
	return scale
}

// halfMean is half with a mean of its own: the output itself.
type halfMean struct{ half }

func (halfMean) Mean(_ schedule.Schedule, out, _, _ *graph.Node) *graph.Node { return out }

var _ diffusion.MeanParameterization = halfMean{}

// fixed is a LogVariance of the same log variance at every step.
type fixed float64

func (fixed) Learned() bool { return false }

func (v fixed) Compute(_ schedule.Schedule, _, x, _ *graph.Node) (variance, logVar *graph.Node) {
	logVar = graph.AddScalar(graph.ZerosLike(x), float64(v))
	return graph.Exp(logVar), logVar
}

func TestForeignParameterizationAndVariance(t *testing.T) {
	s := twoSteps(t)
	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1}), column(0, 0), column(0.25, 1)}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		step, x, out := in[0], in[1], in[2]
		predict := func(p diffusion.Parameterization) diffusion.Prediction {
			m := diffusion.Model{Network: constant(out), Schedule: s, Parameterization: p, Variance: fixed(-2)}
			return diffusion.ClipX0(m.Denoise, s)(nil, x, step, nil)
		}
		p, own := predict(half{}), predict(halfMean{})
		posterior, _, _ := diffusion.Posterior(s, p.X0, x, step)
		return outputs{
			"x0": p.X0, "log variance": p.LogVar, "mean - posterior": graph.Sub(p.Mean, posterior),
			"own x0": own.X0, "own mean": own.Mean,
		}
	})
	near(t, "x0", got["x0"], 0.5, 1) // the second is clipped
	near(t, "log variance", got["log variance"], -2, -2)
	near(t, "mean - posterior", got["mean - posterior"], 0, 0)
	near(t, "x0 of halfMean", got["own x0"], 0.5, 1)
	near(t, "mean of halfMean", got["own mean"], 0.25, 1) // not clipped
}

// A weighted sum of two of the package's objectives, and one with another distance.
func TestForeignObjectives(t *testing.T) {
	s := twoSteps(t)
	sum := func(e diffusion.Evaluation) diffusion.Losses {
		mse, kl := diffusion.MSE(e), diffusion.KL(e)
		total := graph.Add(mse.Total, graph.MulScalar(kl.Total, 0.1))
		return diffusion.Losses{Total: total, MSE: mse.MSE, VLB: kl.VLB}
	}
	absolute := func(e diffusion.Evaluation) diffusion.Losses {
		return diffusion.Losses{Total: graph.ReduceMean(graph.Abs(graph.Sub(e.Target(), e.Output)), 1)}
	}
	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1}), column(0.5, 0.5), column(-1, 2)}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		loss := func(o diffusion.Objective) diffusion.Losses {
			m := diffusion.Model{Network: constant(graph.ZerosLike(in[1])), Schedule: s, Objective: o}
			return m.Loss(nil, in[1], in[0], nil, in[2])
		}
		l, kl := loss(sum), loss(diffusion.KL)
		return outputs{
			"sum":      graph.Sub(l.Total, graph.MulScalar(kl.Total, 0.1)),
			"absolute": loss(absolute).Total,
		}
	})
	near(t, "sum - 0.1 KL", got["sum"], 1, 4) // ε²
	near(t, "absolute", got["absolute"], 1, 2)
}

func TestForeignWeighting(t *testing.T) {
	s := twoSteps(t)
	double := func(s schedule.Schedule, _ diffusion.Parameterization) []float64 {
		weights := make([]float64, s.Len())
		for t := range weights {
			weights[t] = 2
		}
		return weights
	}
	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1}), column(0.5, 0.5), column(-1, 2)}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		m := diffusion.Model{Network: constant(graph.ZerosLike(in[1])), Schedule: s, Weight: double}
		return outputs{"total": m.Loss(nil, in[1], in[0], nil, in[2]).Total}
	})
	near(t, "total", got["total"], 2, 8)
}

// A Denoiser that predicts the mean by itself, and a Sampler that returns the mean.
func TestForeignDenoiserAndSampler(t *testing.T) {
	s := twoSteps(t)
	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1}), column(3, 3)}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		denoiser := func(_ *model.Scope, x, step, _ *graph.Node) diffusion.Prediction {
			p := diffusion.FromX0(s, x, x, step)
			p.Mean, p.MeanPredicted = graph.DivScalar(x, 2), true
			return p
		}
		mean := func(_ schedule.Schedule, p diffusion.Prediction, _, _, _ *graph.Node) *graph.Node { return p.Mean }
		next, x0 := diffusion.Step(nil, diffusion.ClipX0(denoiser, s), mean, s, in[1], in[0], nil, in[1])
		return outputs{"next": next, "x0": x0}
	})
	near(t, "next", got["next"], 1.5, 1.5)
	near(t, "x0", got["x0"], 1, 1)
}

// cyclic is a Timesteps that returns all steps in turn.
type cyclic struct{ T, Next int }

func (c *cyclic) Draw(_ *rand.Rand, t []int32, weight []float32) {
	for i := range t {
		t[i], weight[i] = int32(c.Next), 1
		c.Next = (c.Next + 1) % c.T
	}
}

func (*cyclic) Observe([]int32, []float64) {}

func TestForeignTimesteps(t *testing.T) {
	var sampler diffusion.Timesteps = &cyclic{T: 3}
	steps, weight := make([]int32, 4), make([]float32, 4)
	sampler.Draw(nil, steps, weight)
	data, err := json.Marshal(sampler)
	if err != nil {
		t.Fatal(err)
	}
	restored := &cyclic{}
	if err := json.Unmarshal(data, restored); err != nil {
		t.Fatal(err)
	}
	restored.Draw(nil, steps[:1], weight[:1])
	if steps[0] != 1 || math.Abs(float64(weight[0])-1) > 0 {
		t.Errorf("after four draws of three steps: step %d with weight %v, want 1 with 1", steps[0], weight[0])
	}
}
