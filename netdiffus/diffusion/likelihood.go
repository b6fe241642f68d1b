package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// NormalKL returns the divergence KL(N(mean1, e^logVar1) ‖ N(mean2, e^logVar2)) of
// each element, in nats. The arguments have one shape, or broadcast to one.
func NormalKL(mean1, logVar1, mean2, logVar2 *Node) *Node {
	logRatio := Sub(logVar1, logVar2)
	meanTerm := Mul(Square(Sub(mean1, mean2)), Exp(Neg(logVar2)))
	varianceTerm := AddScalar(Sub(Exp(logRatio), logRatio), -1)
	return MulScalar(Add(varianceTerm, meanTerm), 0.5)
}

// DecoderLogLikelihood returns the log-likelihood of each element, in nats, of x in
// [-1,1] under a Gaussian of the given mean and log standard deviation, discretized
// to bins of ±1/255 around x (as for 8-bit images; Ho et al. 2020, eq. 13). The
// outermost bins extend to infinity. The result is at least log 1e-12.
func DecoderLogLikelihood(x, mean, logStd *Node) *Node {
	centred, precision := Sub(x, mean), Exp(Neg(logStd)) // 1/σ
	upper := normalCDF(Mul(precision, AddScalar(centred, 1.0/255)))
	lower := normalCDF(Mul(precision, AddScalar(centred, -1.0/255)))
	clippedLog := func(p *Node) *Node { return Log(MaxScalar(p, 1e-12)) }
	edge := func(v float32) *Node { return Scalar(x.Graph(), x.DType(), v) }
	return Where(LessThan(x, edge(-0.999)), clippedLog(upper),
		Where(GreaterThan(x, edge(0.999)), clippedLog(OneMinus(lower)),
			clippedLog(Sub(upper, lower))))
}

// normalCDF returns the tanh approximation of the standard normal distribution
// function (Page 1977) that guided-diffusion uses.
func normalCDF(x *Node) *Node {
	cubic := Add(x, MulScalar(Mul(x, Square(x)), 0.044715))
	return MulScalar(AddScalar(Tanh(MulScalar(cubic, math.Sqrt(2/math.Pi))), 1), 0.5)
}

// VLB returns the variational bound's term of step t [B] for the prediction p of x,
// [B], in bits per dimension: KL(q(x_{t-1} | x_t, x0) ‖ p(x_{t-1} | x_t)), or, at
// t = 0, the decoder's negative log-likelihood of x0 (Ho et al. 2020, eq. 5).
func VLB(s schedule.Schedule, p Prediction, x0, x, t *Node) *Node {
	mean, _, logVar := Posterior(s, x0, x, t)
	kl := bitsPerDim(NormalKL(mean, logVar, p.Mean, p.LogVar))
	nll := bitsPerDim(Neg(DecoderLogLikelihood(x0, p.Mean, MulScalar(p.LogVar, 0.5))))
	return Where(Equal(t, ZerosLike(t)), nll, kl)
}

// PriorVLB returns the bound's term of the prior, [B], in bits per dimension:
// KL(q(x_{T-1} | x0) ‖ N(0, 1)). It does not depend on the network.
func PriorVLB(s schedule.Schedule, x0 *Node) *Node {
	// The divergence is (ᾱ x0² - ᾱ - log(1-ᾱ))/2. Its last two terms nearly cancel,
	// beyond float32's precision, so their sum is computed on the host.
	ab := s.AlphaBar[s.Len()-1]
	return bitsPerDim(MulScalar(AddScalar(MulScalar(Square(x0), ab), -ab-math.Log1p(-ab)), 0.5))
}

// BoundTerm is a Denoiser's term of the variational bound and its errors at one
// step, each [B].
type BoundTerm struct {
	VLB    *Node // the step's term of the bound, in bits per dimension
	X0MSE  *Node // squared error of the clean image, mean over the image
	EpsMSE *Node // squared error of the noise, mean over the image
}

// BitsPerDim evaluates d at steps t [B] int32 on clean images x0 [B,H,W,C] with the
// noise added, for classes y [B] int32 or nil. The model's bits per dimension are
// the sum of VLB over all steps of the schedule plus PriorVLB; guided-diffusion
// clips d (calc_bpd_loop).
func BitsPerDim(scope *model.Scope, d Denoiser, s schedule.Schedule, x0, t, y, noise *Node) BoundTerm {
	x := QSample(s, x0, t, noise)
	p := d(scope, x, t, y)
	return BoundTerm{
		VLB:    VLB(s, p, x0, x, t),
		X0MSE:  perImage(Square(Sub(p.X0, x0))),
		EpsMSE: perImage(Square(Sub(p.Eps, noise))),
	}
}

// bitsPerDim converts nats [B,…] to bits and returns the mean over each image: [B].
func bitsPerDim(nats *Node) *Node { return MulScalar(perImage(nats), 1/math.Ln2) }

// perImage returns the mean over each image of x [B,…]: [B].
func perImage(x *Node) *Node {
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i + 1
	}
	return ReduceMean(x, axes...)
}
