package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Step is one step of sampling: what d makes of x at step t, and the next image
// by sample. All images are [B,H,W,C]; noise is standard normal, and needed at
// every step, though not every sampler uses it.
func Step(scope *model.Scope, d Denoiser, sample Sampler, s schedule.Schedule, x, t, y, noise *Node) (next, x0 *Node) {
	return StepAfter(scope, d, sample, s, nil, x, t, y, noise)
}

// StepAfter is Step for samplers that remember: last is the x0 that the step
// before returned. At the first step it is any image of finite numbers.
func StepAfter(scope *model.Scope, d Denoiser, sample Sampler, s schedule.Schedule, last, x, t, y, noise *Node) (next, x0 *Node) {
	p := d(scope, x, t, y)
	p.Last = last
	return sample(s, p, x, t, noise), p.X0
}

// Ancestral draws x_{t-1} from p(x_{t-1} | x_t) (Ho et al. 2020, algorithm 2).
// It is a Sampler.
func Ancestral(_ schedule.Schedule, p Prediction, _, t, noise *Node) *Node {
	std := Exp(MulScalar(p.LogVar, 0.5))
	return Where(isLast(t, noise), p.Mean, Add(p.Mean, Mul(std, noise)))
}

// DDIM is the sampler of Song et al. 2021, eq. 12. With eta 0 it draws nothing
// and a starting noise has one image; with eta 1 it adds as much noise as
// Ancestral with FixedSmall.
func DDIM(eta float64) Sampler {
	return func(s schedule.Schedule, p Prediction, x, t, noise *Node) *Node {
		prev := s.AlphaBarPrev()
		sigma := make([]float64, s.Len()) // 0 at t = 0, where ᾱ_{t-1} is 1
		for i, ab := range s.AlphaBar {
			sigma[i] = eta * math.Sqrt((1-prev[i])/(1-ab)) * math.Sqrt(1-ab/prev[i])
		}
		direction := make([]float64, s.Len())
		for i := range direction {
			direction[i] = math.Sqrt(max(0, 1-prev[i]-sigma[i]*sigma[i]))
		}
		mean := Add(
			Mul(gather(roots(prev), t, x), p.X0),
			Mul(gather(direction, t, x), p.Eps))
		return Add(mean, Mul(gather(sigma, t, x), noise))
	}
}

// DDIMReverse goes the other way: from x_t to the x_{t+1} that DDIM(0) would
// come from, so that an image becomes the noise that stands for it. It is a
// Sampler that uses no noise; t rises from 0.
func DDIMReverse(s schedule.Schedule, p Prediction, x, t, _ *Node) *Node {
	next := s.AlphaBarNext()
	rest := make([]float64, len(next))
	for i, ab := range next {
		rest[i] = 1 - ab
	}
	return Add(
		Mul(gather(roots(next), t, x), p.X0),
		Mul(gather(roots(rest), t, x), p.Eps))
}

// isLast is whether t [B] is the last step of sampling, 0: boolean, of x's
// shape. No noise is added then.
func isLast(t, x *Node) *Node {
	shape := make([]int, x.Rank())
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = x.Shape().Dim(0)
	return BroadcastToDims(Reshape(Equal(t, ZerosLike(t)), shape...), x.Shape().Dimensions...)
}

func roots(values []float64) []float64 {
	table := make([]float64, len(values))
	for i, v := range values {
		table[i] = math.Sqrt(v)
	}
	return table
}
