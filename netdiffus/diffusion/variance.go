package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// LogVariance says which variance the steps back have.
type LogVariance interface {
	// Learned says that the network has a say: it puts out 2C channels, and
	// the second C are handed to Of.
	Learned() bool

	// Of is the variance and log variance at step t [B], of x's shape. v is
	// the network's part, of x's shape, or nil where it has none.
	Of(s schedule.Schedule, v, x, t *Node) (variance, logVar *Node)
}

// FixedSmall is β̃_t, the variance of q(x_{t-1} | x_t, x₀) (Ho et al. 2020,
// section 3.2). The variance is 0 at t = 0, the log variance is clipped there.
type FixedSmall struct{}

func (FixedSmall) Learned() bool { return false }

func (FixedSmall) Of(s schedule.Schedule, _, x, t *Node) (variance, logVar *Node) {
	return fixed(s.PosteriorVariance(), s.PosteriorLogVariance(), x, t)
}

// FixedLarge is β_t, but β̃_1 at t = 0, which has a better decoder likelihood
// (guided-diffusion's choice).
type FixedLarge struct{}

func (FixedLarge) Learned() bool { return false }

func (FixedLarge) Of(s schedule.Schedule, _, x, t *Node) (variance, logVar *Node) {
	table := append(s.PosteriorVariance()[1:2], s.Beta[1:]...)
	return fixed(table, logs(table), x, t)
}

// Learned takes the network's part as the log variance itself.
type Learned struct{}

func (Learned) Learned() bool { return true }

func (Learned) Of(_ schedule.Schedule, v, _, _ *Node) (variance, logVar *Node) {
	return Exp(v), v
}

// LearnedRange takes the network's part as a place between β̃_t (at -1) and β_t
// (at 1), on the log scale and not held within them (Nichol & Dhariwal 2021,
// eq. 15).
type LearnedRange struct{}

func (LearnedRange) Learned() bool { return true }

func (LearnedRange) Of(s schedule.Schedule, v, x, t *Node) (variance, logVar *Node) {
	low := gather(s.PosteriorLogVariance(), t, x)
	high := gather(logs(s.Beta), t, x)
	share := DivScalar(AddScalar(v, 1), 2)
	logVar = Add(Mul(share, high), Mul(OneMinus(share), low))
	return Exp(logVar), logVar
}

// fixed picks a variance that does not depend on the image.
func fixed(variances, logVars []float64, x, t *Node) (variance, logVar *Node) {
	variance = BroadcastToShape(gather(variances, t, x), x.Shape())
	logVar = BroadcastToShape(gather(logVars, t, x), x.Shape())
	return variance, logVar
}

func logs(values []float64) []float64 {
	table := make([]float64, len(values))
	for i, v := range values {
		table[i] = math.Log(v)
	}
	return table
}
