package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Step returns one step of sampling: the next image, computed by sample from d's
// prediction for x at steps t [B] int32, and the prediction's clean image. x, noise
// and the results are [B,H,W,C]; y is [B] int32 or nil; noise is standard normal and
// needed at every step, although not every sampler uses it. For a multistep sampler
// wrap d in WithLastX0.
func Step(scope *model.Scope, d Denoiser, sample Sampler, s schedule.Schedule, x, t, y, noise *Node) (next, x0 *Node) {
	p := d(scope, x, t, y)
	return sample(s, p, x, t, noise), p.X0
}

// Ancestral draws x_{t-1} from p(x_{t-1} | x_t) (Ho et al. 2020, algorithm 2); at
// t = 0 it returns the mean. It is a Sampler.
func Ancestral(_ schedule.Schedule, p Prediction, _, t, noise *Node) *Node {
	std := Exp(MulScalar(p.LogVar, 0.5))
	return Where(isFinal(t, noise), p.Mean, Add(p.Mean, Mul(std, noise)))
}

// DDIM returns the sampler of Song et al. 2021, eq. 12. With eta 0 it adds no noise,
// so that the starting noise determines the image; with eta 1 it adds as much as
// Ancestral with FixedSmall.
func DDIM(eta float64) Sampler {
	return func(s schedule.Schedule, p Prediction, x, t, noise *Node) *Node {
		prev := s.AlphaBarPrev()
		sigma := make([]float64, s.Len()) // 0 at t = 0, where ᾱ_{t-1} is 1
		for i, ab := range s.AlphaBar {
			sigma[i] = eta * math.Sqrt((1-prev[i])/(1-ab)) * math.Sqrt(1-ab/prev[i])
		}
		epsCoef := make([]float64, s.Len())
		for i := range epsCoef {
			epsCoef[i] = math.Sqrt(max(0, 1-prev[i]-sigma[i]*sigma[i]))
		}
		mean := Add(
			Mul(gatherTable(mapTable(prev, math.Sqrt), t, x), p.X0),
			Mul(gatherTable(epsCoef, t, x), p.Eps))
		return Add(mean, Mul(gatherTable(sigma, t, x), noise))
	}
}

// DDIMReverse is the inverse of DDIM(0): it returns the x_{t+1} from which DDIM(0)
// reaches x, so that a loop from t = 0 upwards encodes an image as noise (Song et
// al. 2021, section 4.3). It is a Sampler that uses no noise.
func DDIMReverse(s schedule.Schedule, p Prediction, x, t, _ *Node) *Node {
	next := s.AlphaBarNext()
	return Add(
		Mul(gatherTable(mapTable(next, sqrtAlphaBar), t, x), p.X0),
		Mul(gatherTable(mapTable(next, sqrtOneMinusAlphaBar), t, x), p.Eps))
}

// isFinal returns booleans of x's shape: whether an image's step of t [B] is 0, the
// last step of sampling, at which no noise is added.
func isFinal(t, x *Node) *Node {
	final := Reshape(Equal(t, ZerosLike(t)), broadcastDims(x)...)
	return BroadcastToDims(final, x.Shape().Dimensions...)
}
