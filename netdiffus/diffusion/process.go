package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// QSample is x_t for a clean image: √ᾱ_t x0 + √(1-ᾱ_t) noise (Ho et al. 2020,
// eq. 4).
func QSample(s schedule.Schedule, x0, t, noise *Node) *Node {
	if !noise.Shape().Equal(x0.Shape()) {
		exceptions.Panicf("diffusion: noise is %s for images %s", noise.Shape(), x0.Shape())
	}
	return Add(
		Mul(at(s, t, x0, signal), x0),
		Mul(at(s, t, x0, spread), noise))
}

// QMoments are the mean, variance and log variance of q(x_t | x0), each of
// x0's shape.
func QMoments(s schedule.Schedule, x0, t *Node) (mean, variance, logVar *Node) {
	mean = Mul(at(s, t, x0, signal), x0)
	variance = at(s, t, x0, func(s schedule.Schedule, t int) float64 { return 1 - s.AlphaBar[t] })
	logVar = at(s, t, x0, func(s schedule.Schedule, t int) float64 { return math.Log(1 - s.AlphaBar[t]) })
	return mean, BroadcastToShape(variance, x0.Shape()), BroadcastToShape(logVar, x0.Shape())
}

// Posterior is the mean, variance and log variance of q(x_{t-1} | x_t, x0),
// each of x's shape (Ho et al. 2020, eq. 6 and 7). At t = 0 the variance is 0
// and the log variance is clipped to that of t = 1.
func Posterior(s schedule.Schedule, x0, x, t *Node) (mean, variance, logVar *Node) {
	mean = posteriorMean(s, x0, x, t)
	variance, logVar = FixedSmall{}.Of(s, nil, x, t)
	return mean, variance, logVar
}

// EpsFromX0 is the noise in x if its clean image is x0.
func EpsFromX0(s schedule.Schedule, x0, x, t *Node) *Node {
	return Div(
		Sub(Mul(at(s, t, x, unscale), x), x0),
		at(s, t, x, noiseToSignal))
}

// X0FromEps is the clean image of x if the noise in it is eps.
func X0FromEps(s schedule.Schedule, eps, x, t *Node) *Node {
	return Sub(
		Mul(at(s, t, x, unscale), x),
		Mul(at(s, t, x, noiseToSignal), eps))
}

func posteriorMean(s schedule.Schedule, x0, x, t *Node) *Node {
	return Add(
		Mul(gather(s.PosteriorMeanCoef1(), t, x), x0),
		Mul(gather(s.PosteriorMeanCoef2(), t, x), x))
}

// The factors of the process at step t, for at.
func signal(s schedule.Schedule, t int) float64        { return math.Sqrt(s.AlphaBar[t]) }
func spread(s schedule.Schedule, t int) float64        { return math.Sqrt(1 - s.AlphaBar[t]) }
func unscale(s schedule.Schedule, t int) float64       { return math.Sqrt(1 / s.AlphaBar[t]) }
func noiseToSignal(s schedule.Schedule, t int) float64 { return math.Sqrt(1/s.AlphaBar[t] - 1) }

// at is f for each of the batch's steps t [B], shaped [B,1,…] to go with x.
func at(s schedule.Schedule, t, x *Node, f func(s schedule.Schedule, t int) float64) *Node {
	table := make([]float64, s.Len())
	for i := range table {
		table[i] = f(s, i)
	}
	return gather(table, t, x)
}

// gather picks the table's entries for t [B] and shapes them [B,1,…] to go with
// x [B,…]. The table is cast to float32 only here, after all arithmetic.
func gather(table []float64, t, x *Node) *Node {
	shape := make([]int, x.Rank())
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = x.Shape().Dim(0)
	return Reshape(lookUp(toFloat32(table), t, x), shape...)
}

// lookUp picks the table's entries for t: [B].
func lookUp(table []float32, t, x *Node) *Node {
	if t.Rank() != 1 || !t.DType().IsInt() || x.Rank() < 2 || t.Shape().Dim(0) != x.Shape().Dim(0) {
		exceptions.Panicf("diffusion: want one integer step for each image, got t %s for x %s", t.Shape(), x.Shape())
	}
	return Gather(Const(x.Graph(), table), InsertAxes(t, -1))
}

func toFloat32(table []float64) []float32 {
	cast := make([]float32, len(table))
	for i, v := range table {
		cast[i] = float32(v)
	}
	return cast
}
