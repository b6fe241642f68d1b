// Package diffusion builds the computation graphs of a diffusion process: it adds
// noise to images, converts a network's output to an estimate of the clean image,
// computes training losses, and takes the sampling steps from noise to image. The
// numbers equal those of OpenAI's guided-diffusion (commit 22e0df8); anything that
// guided-diffusion lacks cites its own source.
//
// Images are [B,H,W,C] float32 with values in [-1,1], channels last. The time step
// t is [B] int32, an index into the schedule in use (respaced or not); classes y
// are [B] int32, or nil for a model without classes. Noise is an argument, so that
// a step can be tested and repeated. Functions that take no network accept images
// of any rank from 2 up. Functions that build graphs panic where shapes do not
// match; GoMLX's Exec returns such a panic as an error.
//
// Parts are combined by wrapping. A Model's Denoise method is a Denoiser, and so
// are ClipX0(d, …), Guide(d, …) and ConditionMean(d, …); a Sampler computes the
// next, less noisy image from a Denoiser's Prediction:
//
//	d := diffusion.ClipX0(diffusion.Guide(m.Denoise, 2, nullClass), m.Schedule)
//	next, x0 := diffusion.Step(scope, d, diffusion.DDIM(0), m.Schedule, x, t, y, noise)
//
// Parameterization, LogVariance, Objective, Weighting, Timesteps, Denoiser and
// Sampler can all be implemented outside of this package.
package diffusion

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Network builds the trained network. It takes images x [B,H,W,C], times t [B]
// float32 as schedule.Schedule.NetworkTimes returns them, and classes y [B] int32
// or nil. It returns [B,H,W,C], or [B,H,W,2C] where the variance is learned: the
// second C channels are then the input of LogVariance.Compute.
type Network func(scope *model.Scope, x, t, y *graph.Node) *graph.Node

// Denoiser predicts the clean image and the distribution of x_{t-1} from the noisy
// images x [B,H,W,C] at steps t [B] int32 of its schedule, for classes y [B] int32
// or nil.
type Denoiser func(scope *model.Scope, x, t, y *graph.Node) Prediction

// Prediction is a Denoiser's result for noisy images x_t. All nodes have the shape
// of the images, except Output.
type Prediction struct {
	X0     *graph.Node // estimate of the clean image x₀
	Eps    *graph.Node // the noise ε in x_t if X0 is the clean image
	Mean   *graph.Node // mean of p(x_{t-1} | x_t)
	Var    *graph.Node // variance of p(x_{t-1} | x_t); may be 0 at t = 0
	LogVar *graph.Node // log of the variance, finite at t = 0 too

	// MeanPredicted reports that Mean comes from the network's output and not from
	// X0 (see MeanParameterization): MapX0 and ClipX0 leave it unchanged.
	MeanPredicted bool

	// LastX0 is the X0 of the previous sampling step, t+1, for multistep samplers;
	// nil where there is none. WithLastX0 sets it; other Denoisers leave it nil.
	LastX0 *graph.Node

	// Output is the network's output, nil for a Denoiser without a network.
	Output *graph.Node
}

// Sampler computes the next image of a sampling loop from the prediction p for x at
// steps t [B] int32 of s; noise is standard normal, of x's shape. For Ancestral and
// DDIM the next image is x_{t-1}; that of the last step, t = 0, is the sample.
type Sampler func(s schedule.Schedule, p Prediction, x, t, noise *graph.Node) *graph.Node
