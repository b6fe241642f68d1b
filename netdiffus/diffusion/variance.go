package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// LogVariance defines the variance of p(x_{t-1} | x_t).
type LogVariance interface {
	// Learned reports whether the network predicts the variance. The network then
	// outputs 2C channels, of which the second C are passed to Compute.
	Learned() bool

	// Compute returns the variance and its logarithm at steps t [B] int32, both of
	// x's shape. v is the network's output for the variance, of x's shape, or nil
	// where Learned returns false.
	Compute(s schedule.Schedule, v, x, t *Node) (variance, logVar *Node)
}

// FixedSmall is the variance β̃_t of q(x_{t-1} | x_t, x₀) (Ho et al. 2020, section
// 3.2). At t = 0 the variance is 0 and the log variance is clipped to that of
// t = 1.
type FixedSmall struct{}

// Learned implements LogVariance.
func (FixedSmall) Learned() bool { return false }

// Compute implements LogVariance.
func (FixedSmall) Compute(s schedule.Schedule, _, x, t *Node) (variance, logVar *Node) {
	return gatherVariance(s.PosteriorVariance(), s.PosteriorLogVariance(), x, t)
}

// FixedLarge is the variance β_t, except β̃_1 at t = 0, which has a better decoder
// likelihood (guided_diffusion/gaussian_diffusion.py, p_mean_variance).
type FixedLarge struct{}

// Learned implements LogVariance.
func (FixedLarge) Learned() bool { return false }

// Compute implements LogVariance.
func (FixedLarge) Compute(s schedule.Schedule, _, x, t *Node) (variance, logVar *Node) {
	table := append(s.PosteriorVariance()[1:2], s.Beta[1:]...)
	return gatherVariance(table, mapTable(table, math.Log), x, t)
}

// Learned is a variance whose logarithm is the network's output.
type Learned struct{}

// Learned implements LogVariance.
func (Learned) Learned() bool { return true }

// Compute implements LogVariance.
func (Learned) Compute(_ schedule.Schedule, v, _, _ *Node) (variance, logVar *Node) {
	return Exp(v), v
}

// LearnedRange interpolates the log variance between log β̃_t, for an output of -1,
// and log β_t, for an output of 1 (Nichol & Dhariwal 2021, eq. 15). Outputs outside
// [-1,1] extrapolate.
type LearnedRange struct{}

// Learned implements LogVariance.
func (LearnedRange) Learned() bool { return true }

// Compute implements LogVariance.
func (LearnedRange) Compute(s schedule.Schedule, v, x, t *Node) (variance, logVar *Node) {
	low := gatherTable(s.PosteriorLogVariance(), t, x)
	high := gatherTable(mapTable(s.Beta, math.Log), t, x)
	fraction := DivScalar(AddScalar(v, 1), 2)
	logVar = Add(Mul(fraction, high), Mul(OneMinus(fraction), low))
	return Exp(logVar), logVar
}

// gatherVariance returns a variance and log variance that depend on t alone, of x's
// shape.
func gatherVariance(variances, logVars []float64, x, t *Node) (variance, logVar *Node) {
	variance = BroadcastToShape(gatherTable(variances, t, x), x.Shape())
	logVar = BroadcastToShape(gatherTable(logVars, t, x), x.Shape())
	return variance, logVar
}
