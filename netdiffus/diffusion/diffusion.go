// Package diffusion builds the graphs of a diffusion process: noising an image,
// what the network's output says about the clean one, the losses, and the steps
// back from noise to image. Numbers are those of OpenAI's guided-diffusion
// (commit 22e0df8); what it does not have names its own source.
//
// Images are [B,H,W,C] float32 with values in [-1,1], channels last. Time t is
// [B] int32, an index into the schedule at hand (respaced or not); classes y
// are [B] int32, or nil for a model without classes. Noise comes in as an
// argument, so that a step can be tested and repeated. The functions that take
// no network work for any rank of 2 and more.
//
// Parts are joined by wrapping. A Model's Denoise is a Denoiser; so are
// ClipX0(d, …), Guide(d, …) and ConditionMean(d, …); a Sampler turns what a
// Denoiser says into the next, less noisy image:
//
//	d := diffusion.ClipX0(diffusion.Guide(m.Denoise, 2, nullClass), m.Schedule)
//	next, x0 := diffusion.Step(scope, d, diffusion.DDIM(0), m.Schedule, x, t, y, noise)
package diffusion

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Network is the part that learns. It takes x [B,H,W,C], the times as the
// network sees them t [B] float32 (schedule.NetworkTimes) and y [B] int32 or
// nil, and gives [B,H,W,C], or [B,H,W,2C] where the variance is learned too:
// the second half of the channels is its part.
type Network func(scope *model.Scope, x, t, y *graph.Node) *graph.Node

// Denoiser says what it makes of the noisy image x [B,H,W,C] at step t [B]
// int32 of its schedule, for classes y [B] int32 or nil.
type Denoiser func(scope *model.Scope, x, t, y *graph.Node) Prediction

// Prediction is what a Denoiser says about a noisy image x_t. All nodes have
// the image's shape, but Out.
type Prediction struct {
	X0     *graph.Node // x₀, the clean image
	Eps    *graph.Node // ε, the noise that X0 implies
	Mean   *graph.Node // mean of p(x_{t-1} | x_t)
	Var    *graph.Node // its variance; may be 0 at t = 0
	LogVar *graph.Node // its log variance, finite at t = 0 too

	// Last is the X0 of the step before, at t+1, for samplers that remember; nil
	// where there was none or nobody kept it. A Denoiser leaves it nil.
	Last *graph.Node

	// Out is the network's own output, nil where there is none.
	Out *graph.Node

	// ownMean says that Mean is the network's own word, not derived from X0.
	ownMean bool
}

// Sampler is one step of a way through the schedule: the next image from a
// prediction for x at step t, with standard normal noise of x's shape. For
// Ancestral and DDIM the next image is x_{t-1}; the last step, t = 0, gives the
// finished image.
type Sampler func(s schedule.Schedule, p Prediction, x, t, noise *graph.Node) *graph.Node
