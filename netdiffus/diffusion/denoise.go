package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Model is a network and the meaning of its output. Its Denoise method is a
// Denoiser over Schedule; to sample in fewer steps than it was trained with, give a
// copy a respaced Schedule.
type Model struct {
	Network          Network
	Schedule         schedule.Schedule
	Parameterization Parameterization // nil means Epsilon{}
	Variance         LogVariance      // nil means FixedLarge{}
	Objective        Objective        // what Loss computes; nil means MSE
	Weight           Weighting        // of each step's squared error; nil means 1

	// RescaleTimesteps scales the network's times to [0,1000) whatever the number of
	// steps (schedule.Schedule.NetworkTimes).
	RescaleTimesteps bool
}

// Denoise evaluates the network on images x [B,H,W,C] at steps t [B] int32, for
// classes y [B] int32 or nil. The prediction's X0 is not clipped: wrap Denoise in
// ClipX0 to sample. It panics where the network's output has another shape than the
// images and the variance call for.
func (m Model) Denoise(scope *model.Scope, x, t, y *Node) Prediction {
	out := m.Network(scope, x, NetworkTime(m.Schedule, m.RescaleTimesteps, x, t), y)
	image, v := m.splitOutput(out, x)
	p := m.predict(image, v, x, t)
	p.Output = out
	return p
}

// NetworkTime returns the network's times [B] float32 for steps t [B] int32 of s
// (schedule.Schedule.NetworkTimes). x is any batch [B,…]; it panics where t is not
// one integer for each image of x.
func NetworkTime(s schedule.Schedule, rescale bool, x, t *Node) *Node {
	return gatherVector(s.NetworkTimes(rescale), t, x)
}

// splitOutput splits the network's output for x into the channels of the
// parameterization and, where the variance is learned, those of the variance (else
// nil).
func (m Model) splitOutput(out, x *Node) (image, v *Node) {
	channels := x.Shape().Dim(-1)
	want := x.Shape().Clone()
	learned := m.variance().Learned()
	if learned {
		want.Dimensions[want.Rank()-1] = 2 * channels
	}
	if !out.Shape().Equal(want) {
		exceptions.Panicf("diffusion: network output is %s for images %s, want %s", out.Shape(), x.Shape(), want)
	}
	if !learned {
		return out, nil
	}
	return SliceAxis(out, -1, AxisRange(0, channels)), SliceAxis(out, -1, AxisRange(channels))
}

// predict returns the prediction for x that the two parts of the network's output
// determine.
func (m Model) predict(image, v, x, t *Node) Prediction {
	p := Prediction{}.withX0(m.Schedule, m.parameterization().X0(m.Schedule, image, x, t), x, t)
	if mp, ok := m.parameterization().(MeanParameterization); ok {
		p.Mean, p.MeanPredicted = mp.Mean(m.Schedule, image, x, t), true
	}
	p.Var, p.LogVar = m.variance().Compute(m.Schedule, v, x, t)
	return p
}

func (m Model) parameterization() Parameterization {
	if m.Parameterization == nil {
		return Epsilon{}
	}
	return m.Parameterization
}

func (m Model) variance() LogVariance {
	if m.Variance == nil {
		return FixedLarge{}
	}
	return m.Variance
}

// FromX0 returns the prediction for x [B,H,W,C] at steps t [B] int32 of a denoiser
// that computes the clean image x0, of x's shape, by itself; the variance is that of
// the posterior (FixedSmall).
func FromX0(s schedule.Schedule, x0, x, t *Node) Prediction {
	p := Prediction{}.withX0(s, x0, x, t)
	p.Var, p.LogVar = FixedSmall{}.Compute(s, nil, x, t)
	return p
}

// withX0 returns p with the clean image x0 and the noise and mean that follow from
// it.
func (p Prediction) withX0(s schedule.Schedule, x0, x, t *Node) Prediction {
	p.X0 = x0
	p.Eps = EpsFromX0(s, x0, x, t)
	if !p.MeanPredicted {
		p.Mean = posteriorMean(s, x0, x, t)
	}
	return p
}

// MapX0 returns d with f applied to its clean image, and the noise and mean that
// follow from the result. f keeps the image's shape (denoised_fn in
// guided-diffusion).
func MapX0(d Denoiser, s schedule.Schedule, f func(x0 *Node) *Node) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		p := d(scope, x, t, y)
		return p.withX0(s, f(p.X0), x, t)
	}
}

// ClipX0 returns d with its clean image clipped to [-1,1], the range of images
// (clip_denoised in guided-diffusion). Apply it outside of Guide, which
// extrapolates the clean image and would leave [-1,1] again.
func ClipX0(d Denoiser, s schedule.Schedule) Denoiser {
	return MapX0(d, s, func(x0 *Node) *Node { return MaxScalar(MinScalar(x0, 1), -1) })
}

// WithLastX0 returns d with Prediction.LastX0 set to last, the clean image of the
// previous sampling step as Step returned it. At the first step, where a sampler
// does not use it, last is any image of finite numbers. A nil last means none.
func WithLastX0(d Denoiser, last *Node) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		p := d(scope, x, t, y)
		p.LastX0 = last
		return p
	}
}
