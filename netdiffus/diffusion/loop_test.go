package diffusion_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// recordedNetwork returns the small UNet of the recorded loops and its weights.
func recordedNetwork(t *testing.T) (unet.Config, *model.Store) {
	t.Helper()
	c := unet.Config{
		ImageSize: 10, Channels: 32, LearnSigma: true, ResBlocks: 1, Attention: []int{10},
		ChannelMult: []float64{1, 2}, Classes: 3, Heads: 4,
	}
	weights := golden.Open(t, "unet1_weights.npz")
	store := model.NewStore()
	for _, p := range c.Params() {
		if err := p.Create(store.RootScope(), p.FromPyTorch(weights.Float32s(t, p.PyTorchName()))); err != nil {
			t.Fatal(err)
		}
	}
	return c, store
}

// Whole sampling loops with a real network, against guided-diffusion's
// p_sample_loop and ddim_sample_loop with the same noise: the image and the
// predicted clean image of every step.
func TestGoldenLoops(t *testing.T) {
	network, store := recordedNetwork(t)
	f := golden.Open(t, "sampling_loops.npz")
	for _, c := range []struct {
		name      string
		steps     int
		make      func(int) (schedule.Schedule, error)
		respacing string
		rescale   bool
		sampler   diffusion.Sampler
		// Tolerances of the images and of the clean images: eight times the error
		// of the reference in float32. It is largest for DDIM, which adds no noise.
		image, clean float64
	}{
		{"p_T10", 10, schedule.Cosine, "", false, diffusion.Ancestral, 2.2e-5, 4.1e-5},
		{"ddim_T10_eta0", 10, schedule.Cosine, "", false, diffusion.DDIM(0), 7.1e-4, 1e-3},
		{"ddim_T10_eta0.7", 10, schedule.Cosine, "", false, diffusion.DDIM(0.7), 2.2e-5, 1.3e-4},
		{"p_T100_spaced10_rescaled", 100, schedule.Cosine, "10", true, diffusion.Ancestral, 1.1e-4, 1.2e-4},
		{"ddim_T100_ddim10", 100, schedule.Linear, "ddim10", false, diffusion.DDIM(0), 3.7e-5, 2.7e-4},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "ddim_T10_eta0.7" || c.name == "ddim_T100_ddim10" {
				longtest.Only(t, "is of the parts of the other loops")
			}
			s, err := c.make(c.steps)
			if err != nil {
				t.Fatal(err)
			}
			if s, err = s.Respace(c.respacing); err != nil {
				t.Fatal(err)
			}
			m := diffusion.Model{Network: network.Graph, Schedule: s, Variance: diffusion.LearnedRange{}, RescaleTimesteps: c.rescale}
			step, err := model.NewExec(backendtest.Open(t), store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
				next, x0 := diffusion.Step(scope, diffusion.ClipX0(m.Denoise, s), c.sampler, s, in[0], in[1], in[2], in[3])
				return []*graph.Node{next, x0}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer step.Finalize()

			x, y := tensor(t, f, c.name+"_x_T"), index(t, f, c.name+"_y")
			noise := rows(tensor(t, f, c.name+"_noise"))
			var trajectory, clean []float32
			for k := range s.Len() {
				results, err := step.Call(x, steps(s.Len()-1-k, y), y, noise(k))
				if err != nil {
					t.Fatal(err)
				}
				x = results[0]
				trajectory = append(trajectory, tensors.MustCopyFlatData[float32](results[0])...)
				clean = append(clean, tensors.MustCopyFlatData[float32](results[1])...)
			}
			shape := append([]int{s.Len()}, x.Shape().Dimensions...)
			compare(t, f, c.name+"_trajectory", tensors.FromFlatDataAndDimensions(trajectory, shape...), 0, c.image)
			compare(t, f, c.name+"_pred_xstart", tensors.FromFlatDataAndDimensions(clean, shape...), 0, c.clean)
			compare(t, f, c.name+"_final", x, 0, c.image)
		})
	}
}

// Bits per dimension with a real network, against guided-diffusion's
// calc_bpd_loop with the same noise.
func TestGoldenBitsPerDim(t *testing.T) {
	network, store := recordedNetwork(t)
	f := golden.Open(t, "sampling_loops.npz")
	s, err := schedule.Cosine(10)
	if err != nil {
		t.Fatal(err)
	}
	m := diffusion.Model{Network: network.Graph, Schedule: s, Variance: diffusion.LearnedRange{}}
	measure, err := model.NewExec(backendtest.Open(t), store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		b := diffusion.BitsPerDim(scope, diffusion.ClipX0(m.Denoise, s), s, in[0], in[1], in[2], in[3])
		return []*graph.Node{b.VLB, b.X0MSE, b.EpsMSE, diffusion.PriorVLB(s, in[0])}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer measure.Finalize()

	x0, y := tensor(t, f, "bpd_x_start"), index(t, f, "bpd_y")
	noise := rows(tensor(t, f, "bpd_noise"))
	images := x0.Shape().Dimensions[0]
	// The recording holds, for each image, the steps from the noisiest on.
	columns := map[string][]float32{}
	total := make([]float32, images)
	for k := range s.Len() {
		results, err := measure.Call(x0, steps(s.Len()-1-k, y), y, noise(k))
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range []string{"bpd_vb", "bpd_xstart_mse", "bpd_mse", "bpd_prior_bpd"} {
			values := tensors.MustCopyFlatData[float32](results[i])
			if key == "bpd_prior_bpd" {
				if k == 0 {
					compare(t, f, key, results[i], 0, 2e-9)
					add(total, values)
				}
				continue
			}
			columns[key] = append(columns[key], values...)
			if key == "bpd_vb" {
				add(total, values)
			}
		}
	}
	// The reference's float32 errors times eight; that of the bound is the
	// decoder's, where the probability of a bin is a small difference.
	for key, abs := range map[string]float64{"bpd_vb": 6.4e-3, "bpd_xstart_mse": 1.8e-5, "bpd_mse": 2.3e-6} {
		byImage := make([]float32, 0, len(columns[key]))
		for i := range images {
			for k := range s.Len() {
				byImage = append(byImage, columns[key][k*images+i])
			}
		}
		compare(t, f, key, tensors.FromFlatDataAndDimensions(byImage, images, s.Len()), 0, abs)
	}
	compare(t, f, "bpd_total_bpd", tensors.FromFlatDataAndDimensions(total, images), 0, 6.4e-3)
}

// steps returns step t for each image of a batch of y's size.
func steps(t int, y *tensors.Tensor) *tensors.Tensor {
	all := make([]int32, y.Shape().Dimensions[0])
	for i := range all {
		all[i] = int32(t)
	}
	return tensors.FromFlatDataAndDimensions(all, len(all))
}

// rows returns the i-th part of x along its first axis.
func rows(x *tensors.Tensor) func(i int) *tensors.Tensor {
	flat, shape := tensors.MustCopyFlatData[float32](x), x.Shape().Dimensions[1:]
	size := len(flat) / x.Shape().Dimensions[0]
	return func(i int) *tensors.Tensor {
		return tensors.FromFlatDataAndDimensions(flat[i*size:(i+1)*size], shape...)
	}
}

func add(sum, values []float32) {
	for i, v := range values {
		sum[i] += v
	}
}
