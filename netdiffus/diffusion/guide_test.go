package diffusion_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
)

// byClass is a network whose output is y for the image and y/2 for the variance.
func byClass(_ *model.Scope, x, _, y *graph.Node) *graph.Node {
	image := graph.BroadcastToDims(graph.InsertAxes(graph.ConvertDType(y, dtypes.Float32), -1), x.Shape().Dimensions...)
	return graph.Concatenate([]*graph.Node{image, graph.DivScalar(image, 2)}, -1)
}

// Classifier-free guidance by hand (Ho & Salimans 2022): the noise is y for a
// class and 3 for the null class, so guided by scale 2 it is 3 + 2(y-3) = 2y-3.
func TestGuide(t *testing.T) {
	s := twoSteps(t)
	inputs := []*tensors.Tensor{column(0.5, -0.5), tensors.FromValue([]int32{0, 1}), tensors.FromValue([]int32{1, 2})}
	m := diffusion.Model{Network: byClass, Schedule: s, Variance: diffusion.Learned{}}
	guided := func(scale float64) map[string]*tensors.Tensor {
		return compute(t, inputs, func(in []*graph.Node) outputs {
			p := diffusion.Guide(m.Denoise, scale, 3)(nil, in[0], in[1], in[2])
			c := diffusion.ClipX0(diffusion.Guide(m.Denoise, scale, 3), s)(nil, in[0], in[1], in[2])
			mean, _, _ := diffusion.Posterior(s, p.X0, in[0], in[1])
			return outputs{"eps": p.Eps, "x0": p.X0, "mean": p.Mean, "posterior": mean, "logvar": p.LogVar, "out": p.Output, "clipped": c.X0}
		})
	}
	two := guided(2)
	near(t, "eps", two["eps"], -1, 1)
	near(t, "x0", two["x0"], (0.5+0.6)/0.8, (-0.5-0.8)/0.6)
	near(t, "clipped", two["clipped"], 1, -1)
	near(t, "log variance", two["logvar"], 0.5, 1)
	near(t, "output", two["out"], 1, 0.5, 2, 1)
	for i, want := range tensors.MustCopyFlatData[float32](two["posterior"]) {
		if got := tensors.MustCopyFlatData[float32](two["mean"])[i]; got < want-1e-5 || got > want+1e-5 {
			t.Errorf("mean of image %d is %v, want the posterior's, %v", i, got, want)
		}
	}
	near(t, "scale 1", guided(1)["eps"], 1, 2)
	near(t, "scale 0", guided(0)["eps"], 3, 3)
}

// Where the network predicts the mean, guidance changes that and clipping does not.
func TestGuidePrevious(t *testing.T) {
	s := twoSteps(t)
	inputs := []*tensors.Tensor{column(0.5, -0.5), tensors.FromValue([]int32{0, 1}), tensors.FromValue([]int32{1, 2})}
	m := diffusion.Model{Network: byClass, Schedule: s, Parameterization: diffusion.Previous{}, Variance: diffusion.Learned{}}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		return outputs{"mean": diffusion.ClipX0(diffusion.Guide(m.Denoise, 2, 3), s)(nil, in[0], in[1], in[2]).Mean}
	})
	near(t, "mean", got["mean"], -1, 1)
}

func TestGuideNeedsClasses(t *testing.T) {
	exec := graph.MustNewExec(backendtest.Open(t), func(x, step *graph.Node) *graph.Node {
		return diffusion.Guide(diffusion.Model{Network: byClass, Schedule: twoSteps(t)}.Denoise, 2, 3)(nil, x, step, nil).X0
	})
	defer exec.Finalize()
	if _, err := exec.Call(column(0.5), []int32{0}); err == nil || !strings.Contains(err.Error(), "guidance needs classes") {
		t.Errorf("error %v, want \"guidance needs classes\"", err)
	}
}

func TestDropLabels(t *testing.T) {
	inputs := []*tensors.Tensor{tensors.FromValue([]int32{0, 1, 2, 1}), tensors.FromValue([]float32{0, 0.1, 0.25, 0.9})}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		return outputs{
			"some": graph.ConvertDType(diffusion.DropLabels(in[0], in[1], 0.25, 3), dtypes.Float32),
			"none": graph.ConvertDType(diffusion.DropLabels(in[0], in[1], 0, 3), dtypes.Float32),
		}
	})
	near(t, "rate 0.25", got["some"], 3, 3, 2, 1)
	near(t, "rate 0", got["none"], 0, 1, 2, 1)
}

// A classifier that gives logits x and -x: log p(0|x) = -log(1+e^{-2x}) has the
// gradient 2/(1+e^{2x}), log p(1|x) the one that makes their weighted sum 0.
func TestClassifierGradient(t *testing.T) {
	s := twoSteps(t)
	classifier := func(_ *model.Scope, x, _, _ *graph.Node) *graph.Node {
		return graph.Concatenate([]*graph.Node{x, graph.Neg(x)}, -1)
	}
	inputs := []*tensors.Tensor{column(0.5, 0.5), tensors.FromValue([]int32{0, 1}), tensors.FromValue([]int32{0, 1})}
	got := compute(t, inputs, func(in []*graph.Node) outputs {
		return outputs{"gradient": diffusion.ClassifierGradient(classifier, s, false, 3)(nil, in[0], in[1], in[2])}
	})
	near(t, "gradient", got["gradient"], 3*2/(1+math.E), -3*2/(1+1/math.E))
}
