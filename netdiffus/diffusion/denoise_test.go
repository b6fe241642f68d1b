package diffusion_test

import (
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// With a denoiser that returns the true clean image, DDIM steps back along the path
// of QSample and DDIMReverse forward along it; DDIM(1) equals Ancestral.
func TestOracleFollowsQSample(t *testing.T) {
	s, err := schedule.Cosine(5)
	if err != nil {
		t.Fatal(err)
	}
	inputs := []*tensors.Tensor{
		tensors.FromValue([]int32{0, 1, 2, 3}), // t
		tensors.FromValue([]int32{0, 0, 1, 2}), // t-1; t = 0 has none before it
		tensors.FromValue([]int32{1, 2, 3, 4}), // t+1
		column(0.5, -0.25, 1, 0), column(-1, 2, 0.5, 1), column(1, 1, -1, 0.5),
	}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		step, prev, next, x0, noise, fresh := in[0], in[1], in[2], in[3], in[4], in[5]
		oracle := func(_ *model.Scope, x, step, _ *graph.Node) diffusion.Prediction {
			return diffusion.FromX0(s, x0, x, step)
		}
		x := diffusion.QSample(s, x0, step, noise)
		advance := func(sampler diffusion.Sampler) *graph.Node {
			image, _ := diffusion.Step(nil, oracle, sampler, s, x, step, nil, fresh)
			return image
		}
		final := graph.Equal(step, graph.ZerosLike(step))
		prevX := graph.Where(graph.InsertAxes(final, -1), x0, diffusion.QSample(s, x0, prev, noise))
		return outputs{
			"DDIM":                graph.Sub(advance(diffusion.DDIM(0)), prevX),
			"DDIMReverse":         graph.Sub(advance(diffusion.DDIMReverse), diffusion.QSample(s, x0, next, noise)),
			"DDIM(1) - Ancestral": graph.Sub(advance(diffusion.DDIM(1)), advance(diffusion.Ancestral)),
		}
	})
	for name, difference := range got {
		near(t, name, difference, 0, 0, 0, 0)
	}
}

// The network's times are the steps of the original schedule, rescaled on demand.
func TestNetworkTime(t *testing.T) {
	whole, err := schedule.Cosine(100)
	if err != nil {
		t.Fatal(err)
	}
	s, err := whole.Respace("3")
	if err != nil {
		t.Fatal(err)
	}
	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1, 2}), column(0, 0, 0)}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		var seen *graph.Node
		m := diffusion.Model{Schedule: s, RescaleTimesteps: true, Network: func(_ *model.Scope, x, step, _ *graph.Node) *graph.Node {
			seen = step
			return x
		}}
		m.Denoise(nil, in[1], in[0], nil)
		return outputs{"plain": diffusion.NetworkTime(s, false, in[1], in[0]), "rescaled": seen}
	})
	near(t, "plain", got["plain"], 0, 50, 99)
	near(t, "rescaled", got["rescaled"], 0, 500, 990)
}

// Arguments of wrong shapes panic with a message that names the shapes.
func TestShapesAreChecked(t *testing.T) {
	s := twoSteps(t)
	for name, c := range map[string]struct {
		model diffusion.Model
		steps any
		want  string
	}{
		"learned variance without its channels": {
			diffusion.Model{Schedule: s, Variance: diffusion.LearnedRange{}}, []int32{0, 1}, "network output is (Float32)[2, 3] for images (Float32)[2, 3], want (Float32)[2, 6]"},
		"one step for two images":     {diffusion.Model{Schedule: s}, []int32{0}, "one integer step for each image"},
		"steps that are not integers": {diffusion.Model{Schedule: s}, []float32{0, 1}, "one integer step for each image"},
	} {
		exec := graph.MustNewExec(backendtest.Open(t), func(x, step *graph.Node) *graph.Node {
			m := c.model
			m.Network = constant(x)
			return m.Denoise(nil, x, step, nil).X0
		})
		_, err := exec.Call([][]float32{{0, 1, 2}, {3, 4, 5}}, c.steps)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		exec.Finalize()
	}
}
