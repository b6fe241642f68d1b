package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Model is a network and what its output means. Its Denoise is a Denoiser over
// Schedule; to sample in fewer steps than it was trained with, give a copy a
// respaced Schedule.
type Model struct {
	Network          Network
	Schedule         schedule.Schedule
	Parameterization Parameterization // nil means Epsilon{}
	Variance         LogVariance      // nil means FixedLarge{}
	Objective        Objective        // what Loss minimises; zero means MSE
	Weight           Weighting        // of the squared error by step; nil means 1

	// RescaleTimesteps shows the network times as if training had 1000 steps.
	RescaleTimesteps bool
}

// Denoise asks the network about x [B,H,W,C] at step t [B] int32, for classes y
// [B] int32 or nil. X0 is as the network says, not clipped: wrap it in ClipX0 to
// sample.
func (m Model) Denoise(scope *model.Scope, x, t, y *Node) Prediction {
	out := m.Network(scope, x, NetworkTime(m.Schedule, m.RescaleTimesteps, x, t), y)
	mean, v := m.parts(out, x)
	p := m.predict(mean, v, x, t)
	p.Out = out
	return p
}

// NetworkTime is what the network sees for step t [B] of the schedule: [B]
// float32 (schedule.NetworkTimes). x is any batch of as many images.
func NetworkTime(s schedule.Schedule, rescale bool, x, t *Node) *Node {
	return lookUp(s.NetworkTimes(rescale), t, x)
}

// parts splits the network's output into the part that speaks of the image and,
// where the variance is learned, the part that speaks of it (else nil).
func (m Model) parts(out, x *Node) (mean, v *Node) {
	channels := x.Shape().Dim(-1)
	want := x.Shape().Clone()
	if m.variance().Learned() {
		want.Dimensions[want.Rank()-1] = 2 * channels
	}
	if !out.Shape().Equal(want) {
		exceptions.Panicf("diffusion: network gave %s for images %s, want %s", out.Shape(), x.Shape(), want)
	}
	if !m.variance().Learned() {
		return out, nil
	}
	return SliceAxis(out, -1, AxisRange(0, channels)), SliceAxis(out, -1, AxisRange(channels))
}

// predict is the prediction that the parts of the network's output make for x.
func (m Model) predict(mean, v, x, t *Node) Prediction {
	p := Prediction{}.withX0(m.Schedule, m.parameterization().X0(m.Schedule, mean, x, t), x, t)
	if _, ok := m.parameterization().(interface{ ownMean() }); ok {
		p.Mean, p.ownMean = mean, true
	}
	p.Var, p.LogVar = m.variance().Of(m.Schedule, v, x, t)
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

// FromX0 is the prediction of a denoiser that computes the clean image x0
// [B,H,W,C] of x by itself, with the posterior's own variance (FixedSmall).
func FromX0(s schedule.Schedule, x0, x, t *Node) Prediction {
	p := Prediction{}.withX0(s, x0, x, t)
	p.Var, p.LogVar = FixedSmall{}.Of(s, nil, x, t)
	return p
}

// withX0 is p with another clean image, and the noise and mean that follow
// from it.
func (p Prediction) withX0(s schedule.Schedule, x0, x, t *Node) Prediction {
	p.X0 = x0
	p.Eps = EpsFromX0(s, x0, x, t)
	if !p.ownMean {
		p.Mean = posteriorMean(s, x0, x, t)
	}
	return p
}

// MapX0 is d with f over its clean image, of the image's shape both ways
// (denoised_fn in guided-diffusion).
func MapX0(d Denoiser, s schedule.Schedule, f func(x0 *Node) *Node) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		p := d(scope, x, t, y)
		return p.withX0(s, f(p.X0), x, t)
	}
}

// ClipX0 is d with its clean image held within [-1,1], where images live.
// It goes outside Guide, which moves the clean image on from where it is and
// would leave [-1,1] again.
func ClipX0(d Denoiser, s schedule.Schedule) Denoiser {
	return MapX0(d, s, func(x0 *Node) *Node { return MaxScalar(MinScalar(x0, 1), -1) })
}
