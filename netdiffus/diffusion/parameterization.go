package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Parameterization says what the network's output means. All nodes have the image's
// shape, t is [B].
type Parameterization interface {
	// Target is what the network should say about x = QSample(s, x0, t, noise).
	Target(s schedule.Schedule, x0, x, t, noise *Node) *Node

	// X0 is the clean image that the network's word on x implies.
	X0(s schedule.Schedule, out, x, t *Node) *Node

	// ErrorScale is, for each step, by how much an error of X0 grows as an
	// error of the output, squared: |Δout|² = ErrorScale |Δx₀|². It is what
	// makes weights of the loss comparable between parameterisations.
	ErrorScale(s schedule.Schedule) []float64
}

// Epsilon predicts the noise ε (Ho et al. 2020).
type Epsilon struct{}

func (Epsilon) Target(_ schedule.Schedule, _, _, _, noise *Node) *Node { return noise }

func (Epsilon) X0(s schedule.Schedule, out, x, t *Node) *Node { return X0FromEps(s, out, x, t) }

func (Epsilon) ErrorScale(s schedule.Schedule) []float64 { return s.SNR() }

// Start predicts the clean image x₀ (START_X in guided-diffusion).
type Start struct{}

func (Start) Target(_ schedule.Schedule, x0, _, _, _ *Node) *Node { return x0 }

func (Start) X0(_ schedule.Schedule, out, _, _ *Node) *Node { return out }

func (Start) ErrorScale(s schedule.Schedule) []float64 { return ones(s.Len()) }

// Previous predicts the mean of q(x_{t-1} | x_t, x₀) (PREVIOUS_X in
// guided-diffusion). The output itself is the denoiser's mean: clipping or
// guiding X0 does not move it.
type Previous struct{}

func (Previous) Target(s schedule.Schedule, x0, x, t, _ *Node) *Node {
	return posteriorMean(s, x0, x, t)
}

func (Previous) X0(s schedule.Schedule, out, x, t *Node) *Node {
	coef1, coef2 := s.PosteriorMeanCoef1(), s.PosteriorMeanCoef2()
	share := make([]float64, s.Len())
	for i := range share {
		share[i] = 1 / coef1[i]
		coef2[i] /= coef1[i]
	}
	return Sub(Mul(gather(share, t, x), out), Mul(gather(coef2, t, x), x))
}

func (Previous) ErrorScale(s schedule.Schedule) []float64 {
	coef1 := s.PosteriorMeanCoef1()
	for t, c := range coef1 {
		coef1[t] = c * c
	}
	return coef1
}

// ownMean marks that the output is the mean itself.
func (Previous) ownMean() {}

// Velocity predicts v = √ᾱ_t ε - √(1-ᾱ_t) x₀ (Salimans & Ho 2022, section 4),
// which stays well scaled at both ends of the schedule.
type Velocity struct{}

func (Velocity) Target(s schedule.Schedule, x0, _, t, noise *Node) *Node {
	return Sub(
		Mul(at(s, t, x0, signal), noise),
		Mul(at(s, t, x0, spread), x0))
}

func (Velocity) X0(s schedule.Schedule, out, x, t *Node) *Node {
	return Sub(
		Mul(at(s, t, x, signal), x),
		Mul(at(s, t, x, spread), out))
}

func (Velocity) ErrorScale(s schedule.Schedule) []float64 {
	scale := s.SNR()
	for t := range scale {
		scale[t]++
	}
	return scale
}
