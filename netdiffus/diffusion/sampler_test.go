package diffusion_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// Single sampling steps with a fixed network output, against guided-diffusion's
// p_sample, ddim_sample and ddim_reverse_sample, with and without a classifier.
func TestGoldenSteps(t *testing.T) {
	f := golden.Open(t, "sampling_steps.npz")
	for name, s := range recorded(t) {
		inputs := []*tensors.Tensor{
			index(t, f, name+"_t"), tensor(t, f, name+"_x_t"), tensor(t, f, name+"_noise"),
			tensor(t, f, name+"_model_output"), tensor(t, f, name+"_cond_grad"),
		}
		got := compute(t, inputs, func(in []*graph.Node) outputs {
			step, x, noise, out, grad := in[0], in[1], in[2], in[3], in[4]
			raw := func(variance string) diffusion.Denoiser {
				return diffusion.Model{Network: fixedOutput(out, variances[variance]), Schedule: s, Variance: variances[variance]}.Denoise
			}
			clipped := func(variance string) diffusion.Denoiser { return diffusion.ClipX0(raw(variance), s) }
			classifier := func(_ *model.Scope, _, _, _ *graph.Node) *graph.Node { return grad }
			sample := func(d diffusion.Denoiser, sampler diffusion.Sampler) *graph.Node {
				next, _ := diffusion.Step(nil, d, sampler, s, x, step, nil, noise)
				return next
			}
			d := clipped("LEARNED_RANGE")
			o := outputs{
				name + "_LEARNED_RANGE_p_sample": sample(d, diffusion.Ancestral),
				name + "_FIXED_LARGE_p_sample":   sample(clipped("FIXED_LARGE"), diffusion.Ancestral),
				name + "_FIXED_SMALL_p_sample":   sample(clipped("FIXED_SMALL"), diffusion.Ancestral),
				name + "_p_sample_noclip":        sample(raw("LEARNED_RANGE"), diffusion.Ancestral),
				name + "_p_sample_guided":        sample(diffusion.ConditionMean(d, classifier), diffusion.Ancestral),
				name + "_ddim_eta0.0":            sample(d, diffusion.DDIM(0)),
				name + "_ddim_eta0.5":            sample(d, diffusion.DDIM(0.5)),
				name + "_ddim_eta1.0":            sample(d, diffusion.DDIM(1)),
				name + "_ddim_reverse":           sample(d, diffusion.DDIMReverse),
				name + "_ddim_guided":            sample(diffusion.ConditionScore(d, s, classifier), diffusion.DDIM(0)),
			}
			_, o[name+"_pred_xstart"] = diffusion.Step(nil, d, diffusion.Ancestral, s, x, step, nil, noise)
			return o
		})
		if len(got) != 11 {
			t.Errorf("%s: %d arrays compared, want 11", name, len(got))
		}
		for key, value := range got {
			compare(t, f, key, value, tight, 0)
		}
	}
}
