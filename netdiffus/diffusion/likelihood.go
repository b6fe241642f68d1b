package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// NormalKL is the divergence KL(N(mean1, e^logVar1) ‖ N(mean2, e^logVar2)) of
// each element, in nats.
func NormalKL(mean1, logVar1, mean2, logVar2 *Node) *Node {
	ratio := Sub(logVar1, logVar2)
	apart := Mul(Square(Sub(mean1, mean2)), Exp(Neg(logVar2)))
	widths := AddScalar(Sub(Exp(ratio), ratio), -1)
	return MulScalar(Add(widths, apart), 0.5)
}

// DecoderLogLikelihood is the log-likelihood, in nats and for each element, of
// x in [-1,1] under a Gaussian of the given mean and log standard deviation,
// discretised to bins of ±1/255 around x (as for 8-bit images; Ho et al. 2020,
// eq. 13). The outermost bins are open. It is never below log 1e-12.
func DecoderLogLikelihood(x, mean, logStd *Node) *Node {
	centred, precision := Sub(x, mean), Exp(Neg(logStd))
	upper := normalCDF(Mul(precision, AddScalar(centred, 1.0/255)))
	lower := normalCDF(Mul(precision, AddScalar(centred, -1.0/255)))
	floored := func(p *Node) *Node { return Log(MaxScalar(p, 1e-12)) }
	edge := func(v float32) *Node { return Scalar(x.Graph(), x.DType(), v) }
	return Where(LessThan(x, edge(-0.999)), floored(upper),
		Where(GreaterThan(x, edge(0.999)), floored(OneMinus(lower)),
			floored(Sub(upper, lower))))
}

// normalCDF is the tanh approximation of the standard normal distribution
// function (Page 1977) that guided-diffusion uses.
func normalCDF(x *Node) *Node {
	cubic := Add(x, MulScalar(Mul(x, Square(x)), 0.044715))
	return MulScalar(AddScalar(Tanh(MulScalar(cubic, math.Sqrt(2/math.Pi))), 1), 0.5)
}

// VLB is the term of the variational bound for step t, [B], in bits per
// dimension: KL(q(x_{t-1} | x_t, x0) ‖ p(x_{t-1} | x_t)), or, at t = 0, the
// decoder's negative log-likelihood of x0.
func VLB(s schedule.Schedule, p Prediction, x0, x, t *Node) *Node {
	mean, _, logVar := Posterior(s, x0, x, t)
	kl := bits(NormalKL(mean, logVar, p.Mean, p.LogVar))
	nll := bits(Neg(DecoderLogLikelihood(x0, p.Mean, MulScalar(p.LogVar, 0.5))))
	return Where(Equal(t, ZerosLike(t)), nll, kl)
}

// PriorVLB is the bound's last term, [B], in bits per dimension: how far
// q(x_{T-1} | x0) is from standard normal noise. It holds nothing to train.
func PriorVLB(s schedule.Schedule, x0 *Node) *Node {
	// The divergence is (ᾱ x0² - ᾱ - log(1-ᾱ))/2. Its last two terms all but
	// cancel, more than float32 can say.
	ab := s.AlphaBar[s.Len()-1]
	return bits(MulScalar(AddScalar(MulScalar(Square(x0), ab), -ab-math.Log1p(-ab)), 0.5))
}

// Bits is what BitsPerDim measures at one step, each [B].
type Bits struct {
	VLB    *Node // the step's term of the bound, bits per dimension
	X0MSE  *Node // squared error of the clean image, mean over the image
	EpsMSE *Node // squared error of the noise, mean over the image
}

// BitsPerDim measures d at step t [B] on clean images x0 [B,H,W,C] noised by
// noise. The model's bits per dimension are the sum of VLB over all steps of
// the schedule plus PriorVLB; it is customary to clip d.
func BitsPerDim(scope *model.Scope, d Denoiser, s schedule.Schedule, x0, t, y, noise *Node) Bits {
	x := QSample(s, x0, t, noise)
	p := d(scope, x, t, y)
	return Bits{
		VLB:    VLB(s, p, x0, x, t),
		X0MSE:  perImage(Square(Sub(p.X0, x0))),
		EpsMSE: perImage(Square(Sub(p.Eps, noise))),
	}
}

// bits is nats [B,…] as bits, mean over each image: [B].
func bits(nats *Node) *Node { return MulScalar(perImage(nats), 1/math.Ln2) }

// perImage is the mean over each image of x [B,…]: [B].
func perImage(x *Node) *Node {
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i + 1
	}
	return ReduceMean(x, axes...)
}
