package diffusion_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// fixedOutput returns a network whose output is out, without its variance
// channels where v is not learned: the recordings use one output for all variances.
func fixedOutput(out *graph.Node, v diffusion.LogVariance) diffusion.Network {
	if !v.Learned() {
		out = graph.SliceAxis(out, -1, graph.AxisRange(0, out.Shape().Dim(-1)/2))
	}
	return constant(out)
}

// constant returns a network whose output is out for any input.
func constant(out *graph.Node) diffusion.Network {
	return func(_ *model.Scope, _, _, _ *graph.Node) *graph.Node { return out }
}

// The process and the predictions of a fixed network output, against guided-diffusion:
// q_sample, q_mean_variance, q_posterior_mean_variance, _predict_*, _prior_bpd,
// p_mean_variance, condition_mean, condition_score.
func TestGoldenCore(t *testing.T) {
	f := golden.Open(t, "diffusion_core.npz")
	for name, s := range recorded(t) {
		key := func(k string) string { return name + "_" + k }
		inputs := []*tensors.Tensor{
			index(t, f, key("t")),
			tensor(t, f, key("x_start")), tensor(t, f, key("noise")), tensor(t, f, key("x_t")),
			tensor(t, f, key("model_output")), tensor(t, f, key("cond_grad")),
		}
		got := compute(t, inputs, func(in []*graph.Node) outputs {
			step, x0, noise, x, out, grad := in[0], in[1], in[2], in[3], in[4], in[5]
			o := outputs{}
			o["q_sample"] = diffusion.QSample(s, x0, step, noise)
			o["q_mv_mean"], o["q_mv_variance"], o["q_mv_log_variance"] = diffusion.QMoments(s, x0, step)
			o["q_posterior_mean"], o["q_posterior_variance"], o["q_posterior_log_variance_clipped"] =
				diffusion.Posterior(s, x0, x, step)
			o["xstart_from_eps"] = diffusion.X0FromEps(s, noise, x, step)
			o["xstart_from_xprev"] = diffusion.Previous{}.X0(s, noise, x, step)
			o["eps_from_xstart"] = diffusion.EpsFromX0(s, x0, x, step)
			o["prior_bpd"] = diffusion.PriorVLB(s, x0)

			denoiser := func(param, variance string, clip bool) diffusion.Denoiser {
				m := diffusion.Model{Network: fixedOutput(out, variances[variance]), Schedule: s, Parameterization: parameterizations[param], Variance: variances[variance]}
				if clip {
					return diffusion.ClipX0(m.Denoise, s)
				}
				return m.Denoise
			}
			for _, param := range []string{"EPSILON", "START_X", "PREVIOUS_X"} {
				for clip, suffix := range map[bool]string{false: "_clip0_", true: "_clip1_"} {
					p := denoiser(param, "LEARNED_RANGE", clip)(nil, x, step, nil)
					prefix := "pmv_" + param + "_LEARNED_RANGE" + suffix
					o[prefix+"mean"], o[prefix+"pred_xstart"] = p.Mean, p.X0
				}
			}
			for variance := range variances {
				p := denoiser("EPSILON", variance, true)(nil, x, step, nil)
				prefix := "pmv_EPSILON_" + variance + "_clip1_"
				o[prefix+"variance"], o[prefix+"log_variance"] = p.Var, p.LogVar
			}

			classifier := func(_ *model.Scope, _, _, _ *graph.Node) *graph.Node { return grad }
			d := denoiser("EPSILON", "LEARNED_RANGE", true)
			o["condition_mean"] = diffusion.ConditionMean(d, classifier)(nil, x, step, nil).Mean
			p := diffusion.ConditionScore(d, s, classifier)(nil, x, step, nil)
			o["condition_score_pred_xstart"], o["condition_score_mean"] = p.X0, p.Mean

			keyed := outputs{}
			for k, node := range o {
				keyed[key(k)] = node
			}
			return keyed
		})
		if want := 11 + 12 + 8 + 3; len(got) != want {
			t.Errorf("%s: %d arrays compared, want %d", name, len(got), want)
		}
		for k, value := range got {
			abs := 0.0
			if k == key("prior_bpd") {
				abs = 1e-9 // the rounding error left after terms near 1 cancel in the reference
			}
			compare(t, f, k, value, tight, abs)
		}
	}
}
