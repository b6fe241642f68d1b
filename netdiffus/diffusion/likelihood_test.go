package diffusion_test

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// The likelihood functions against guided-diffusion's losses.py.
func TestGoldenLikelihood(t *testing.T) {
	f := golden.Open(t, "likelihood.npz")
	var inputs []*tensors.Tensor
	for _, key := range []string{
		"dgll_x", "dgll_means", "dgll_log_scales", "kl_mean1", "kl_logvar1", "kl_mean2", "kl_logvar2", "cdf_x",
	} {
		inputs = append(inputs, tensor(t, f, key))
	}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		return outputs{
			"dgll": diffusion.DecoderLogLikelihood(in[0], in[1], in[2]),
			"kl":   diffusion.NormalKL(in[3], in[4], in[5], in[6]),
			"cdf":  diffusion.NormalCDF(in[7]),
		}
	})
	compare(t, f, "kl", got["kl"], tight, 1e-6)
	compare(t, f, "cdf", got["cdf"], 0, 1e-6)

	// dgll__ok marks where float32 resolves the bin's probability; 9e-3 is eight
	// times the reference's own error there.
	resolved, want := f.Ints(t, "dgll__ok"), f.Floats(t, "dgll")
	for i, v := range tensors.MustCopyFlatData[float32](got["dgll"]) {
		if d := math.Abs(float64(v) - want[i]); resolved[i] == 1 && !(d <= 9e-3) {
			t.Errorf("decoder log-likelihood %d = %v, want %v", i, v, want[i])
		}
		if !(v <= 0 && v >= -27.64) {
			t.Errorf("decoder log-likelihood %d = %v, want within [log 1e-12, 0]", i, v)
		}
	}
}

// The decoder's gradient is finite for any mean and any standard deviation: it is
// computed for every step, also where VLB does not use it.
func TestDecoderGradientIsFinite(t *testing.T) {
	image := func(values ...float32) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(values, 1, len(values))
	}
	inputs := []*tensors.Tensor{
		image(-1, 1, 0, 0.5, 0.2),
		image(5000, -5000, 1e6, 0.5, 0.2),
		image(-4, -4, -20, -12, 20),
	}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		l := diffusion.DecoderLogLikelihood(in[0], in[1], in[2])
		grads := graph.Gradient(graph.ReduceAllSum(l), in[1], in[2])
		return outputs{"value": l, "mean": grads[0], "std": grads[1]}
	})
	for name, values := range got {
		for i, v := range tensors.MustCopyFlatData[float32](values) {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("%s of element %d is %v", name, i, v)
			}
		}
	}
}
