package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// QSample returns x_t = √ᾱ_t x0 + √(1-ᾱ_t) noise, a draw of q(x_t | x₀) where noise
// is standard normal (Ho et al. 2020, eq. 4). It panics where noise has another
// shape than x0.
func QSample(s schedule.Schedule, x0, t, noise *Node) *Node {
	if !noise.Shape().Equal(x0.Shape()) {
		exceptions.Panicf("diffusion: noise is %s for images %s", noise.Shape(), x0.Shape())
	}
	return Add(
		Mul(gatherFunc(s, sqrtAlphaBar, t, x0), x0),
		Mul(gatherFunc(s, sqrtOneMinusAlphaBar, t, x0), noise))
}

// QMoments returns the mean, variance and log variance of q(x_t | x0), each of x0's
// shape (Ho et al. 2020, eq. 4).
func QMoments(s schedule.Schedule, x0, t *Node) (mean, variance, logVar *Node) {
	mean = Mul(gatherFunc(s, sqrtAlphaBar, t, x0), x0)
	variance = gatherFunc(s, func(alphaBar float64) float64 { return 1 - alphaBar }, t, x0)
	logVar = gatherFunc(s, func(alphaBar float64) float64 { return math.Log(1 - alphaBar) }, t, x0)
	return mean, BroadcastToShape(variance, x0.Shape()), BroadcastToShape(logVar, x0.Shape())
}

// Posterior returns the mean, variance and log variance of q(x_{t-1} | x_t, x0),
// each of x's shape (Ho et al. 2020, eq. 6 and 7). At t = 0 the variance is 0 and
// the log variance is clipped to that of t = 1.
func Posterior(s schedule.Schedule, x0, x, t *Node) (mean, variance, logVar *Node) {
	mean = posteriorMean(s, x0, x, t)
	variance, logVar = FixedSmall{}.Compute(s, nil, x, t)
	return mean, variance, logVar
}

// EpsFromX0 returns the noise in x if its clean image is x0: QSample solved for the
// noise.
func EpsFromX0(s schedule.Schedule, x0, x, t *Node) *Node {
	return Div(
		Sub(Mul(gatherFunc(s, sqrtRecipAlphaBar, t, x), x), x0),
		gatherFunc(s, sqrtRecipAlphaBarMinusOne, t, x))
}

// X0FromEps returns the clean image of x if the noise in it is eps: QSample solved
// for x0.
func X0FromEps(s schedule.Schedule, eps, x, t *Node) *Node {
	return Sub(
		Mul(gatherFunc(s, sqrtRecipAlphaBar, t, x), x),
		Mul(gatherFunc(s, sqrtRecipAlphaBarMinusOne, t, x), eps))
}

// posteriorMean returns the mean of q(x_{t-1} | x_t, x0).
func posteriorMean(s schedule.Schedule, x0, x, t *Node) *Node {
	return Add(
		Mul(gatherTable(s.PosteriorMeanCoef1(), t, x), x0),
		Mul(gatherTable(s.PosteriorMeanCoef2(), t, x), x))
}

func sqrtAlphaBar(alphaBar float64) float64         { return math.Sqrt(alphaBar) }
func sqrtOneMinusAlphaBar(alphaBar float64) float64 { return math.Sqrt(1 - alphaBar) }
func sqrtRecipAlphaBar(alphaBar float64) float64    { return math.Sqrt(1 / alphaBar) }

// sqrtRecipAlphaBarMinusOne returns √(1/ᾱ - 1) = √(1-ᾱ) / √ᾱ, the ratio of noise to
// signal in x_t.
func sqrtRecipAlphaBarMinusOne(alphaBar float64) float64 { return math.Sqrt(1/alphaBar - 1) }

// gatherFunc returns f(ᾱ_t) for each step of t [B], shaped [B,1,…] to broadcast
// over x [B,…].
func gatherFunc(s schedule.Schedule, f func(alphaBar float64) float64, t, x *Node) *Node {
	return gatherTable(mapTable(s.AlphaBar, f), t, x)
}

// gatherTable returns table[t] for each step of t [B], shaped [B,1,…] to broadcast
// over x [B,…]. The table is rounded to float32 only here, after all arithmetic.
func gatherTable(table []float64, t, x *Node) *Node {
	return Reshape(gatherVector(toFloat32(table), t, x), broadcastDims(x)...)
}

// gatherVector returns table[t] for each step of t [B]: [B]. It panics where t is
// not one integer for each image of x.
func gatherVector(table []float32, t, x *Node) *Node {
	if t.Rank() != 1 || !t.DType().IsInt() || x.Rank() < 2 || t.Shape().Dim(0) != x.Shape().Dim(0) {
		exceptions.Panicf("diffusion: want one integer step for each image, got t %s for x %s", t.Shape(), x.Shape())
	}
	return Gather(Const(x.Graph(), table), InsertAxes(t, -1))
}

// broadcastDims returns the dimensions [B,1,…], of x's rank, of a batch of numbers
// that broadcasts over x [B,…].
func broadcastDims(x *Node) []int {
	dims := make([]int, x.Rank())
	for i := range dims {
		dims[i] = 1
	}
	dims[0] = x.Shape().Dim(0)
	return dims
}

// mapTable returns f of each value.
func mapTable(values []float64, f func(float64) float64) []float64 {
	table := make([]float64, len(values))
	for i, v := range values {
		table[i] = f(v)
	}
	return table
}

func toFloat32(table []float64) []float32 {
	rounded := make([]float32, len(table))
	for i, v := range table {
		rounded[i] = float32(v)
	}
	return rounded
}
