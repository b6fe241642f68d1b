package diffusion_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// Every loss with every parameterisation and variance, and its gradient with
// respect to the network's output, against guided-diffusion's training_losses.
func TestGoldenLosses(t *testing.T) {
	f := golden.Open(t, "diffusion_losses.npz")
	for name, s := range recorded(t) {
		inputs := []*tensors.Tensor{
			index(t, f, name+"_t"), tensor(t, f, name+"_x_start"), tensor(t, f, name+"_noise"),
		}
		parts := []string{"EPSILON", "START_X", "PREVIOUS_X"}
		for _, part := range parts {
			inputs = append(inputs, tensor(t, f, name+"_model_output_"+part))
		}
		got := compute(t, inputs, func(in []*graph.Node) outputs {
			o := outputs{}
			for i, part := range parts {
				for variance := range variances {
					for objective := range objectives {
						prefix := name + "_" + objective + "_" + part + "_" + variance
						for k, node := range lossCase(in[0], in[1], in[2], in[3+i], diffusion.Model{
							Schedule: s, Parameterization: parameterizations[part], Variance: variances[variance], Objective: objectives[objective],
						}, f.Has(prefix+"_grad")) {
							o[prefix+k] = node
						}
					}
				}
			}
			return o
		})
		// 3 parameterisations, 4 variances and 4 losses; gradients of some.
		count := 0
		for _, key := range f.Keys() {
			if _, ok := got[key]; ok {
				count++
			}
		}
		if want := 12 + 24 + 48 + 18; count != want || len(got) != want {
			t.Errorf("%s: %d of %d arrays recorded, want %d of each", name, count, len(got), want)
		}
		for key, value := range got {
			if strings.HasSuffix(key, "_grad") {
				// The gradient of a divergence has 4e-5 of float32 error in
				// the reference itself.
				compare(t, f, key, value, 1e-4, 0)
				continue
			}
			// A divergence near 0 is the difference of terms near 1.
			scale := 1.0
			switch {
			case strings.Contains(key, "RESCALED_KL"):
				scale = float64(s.Len())
			case strings.Contains(key, "RESCALED_MSE"):
				scale = float64(s.Len()) / 1000
			}
			compare(t, f, key, value, tight, 3e-7*scale)
		}
	}
}

// lossCase returns the results of one recorded case: the terms of m's loss for the
// network's output out, and the gradient of the batch's mean loss with respect to
// out.
func lossCase(step, x0, noise, out *graph.Node, m diffusion.Model, gradient bool) outputs {
	channels := x0.Shape().Dim(-1)
	switch m.Variance.(type) {
	case diffusion.Learned:
		// The recordings use a log variance of about -3.
		zero := graph.ZerosLike(x0)
		out = graph.Add(out, graph.Concatenate([]*graph.Node{zero, graph.AddScalar(zero, -3)}, -1))
	case diffusion.FixedSmall, diffusion.FixedLarge:
		out = graph.SliceAxis(out, -1, graph.AxisRange(0, channels))
	}
	m.Network = constant(out)
	l := m.Loss(nil, x0, step, nil, noise)
	o := outputs{"_loss": l.Total}
	if l.MSE != nil {
		o["_mse"] = l.MSE
		if l.VLB != nil {
			o["_vb"] = l.VLB
		}
	}
	if gradient {
		o["_grad"] = graph.Gradient(graph.ReduceAllMean(l.Total), out)[0]
	}
	return o
}

// Min-SNR weights by hand (Hang et al. 2023): SNR is 16/9 and 9/16, γ is 1.
func TestMinSNR(t *testing.T) {
	s := twoSteps(t)
	for name, c := range map[string]struct {
		param diffusion.Parameterization
		want  []float64
	}{
		"epsilon":  {diffusion.Epsilon{}, []float64{9. / 16, 1}},                          // min(SNR,γ)/SNR
		"start":    {diffusion.Start{}, []float64{1, 9. / 16}},                            // min(SNR,γ)
		"velocity": {diffusion.Velocity{}, []float64{0.36, 0.36}},                         // min(SNR,γ)/(SNR+1)
		"previous": {diffusion.Previous{}, []float64{1, 9. / 16 / (0.546875 * 0.546875)}}, // min(SNR,γ)/coefficient²
	} {
		for i, w := range diffusion.MinSNR(1)(s, c.param) {
			if math.Abs(w-c.want[i]) > 1e-12 {
				t.Errorf("%s: weight of step %d is %v, want %v", name, i, w, c.want[i])
			}
		}
	}

	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1}), column(0.5, 0.5), column(-1, 2)}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		m := diffusion.Model{Network: constant(graph.ZerosLike(in[1])), Schedule: s, Weight: diffusion.MinSNR(1)}
		l := m.Loss(nil, in[1], in[0], nil, in[2])
		return outputs{"mse": l.MSE, "total": l.Total}
	})
	near(t, "mse", got["mse"], 1, 4)
	near(t, "weighted", got["total"], 9./16, 4)
}
