package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Parameterization defines which quantity the network predicts. All nodes have the
// shape of the images, except t [B] int32.
type Parameterization interface {
	// Target returns what the network is trained to output for
	// x = QSample(s, x0, t, noise).
	Target(s schedule.Schedule, x0, x, t, noise *Node) *Node

	// X0 returns the clean image that corresponds to the network's output out for x.
	X0(s schedule.Schedule, out, x, t *Node) *Node

	// ErrorScale returns, for each step of s, the ratio of a squared error of the
	// output to the squared error of X0 that it causes: |Δout|² = ErrorScale |Δx₀|².
	// It makes weights of the loss comparable between parameterizations.
	ErrorScale(s schedule.Schedule) []float64
}

// MeanParameterization is a Parameterization whose output determines the mean of
// p(x_{t-1} | x_t) directly, so that clipping X0 does not change the mean.
type MeanParameterization interface {
	Parameterization

	// Mean returns the mean of p(x_{t-1} | x_t) for the network's output out for x.
	Mean(s schedule.Schedule, out, x, t *Node) *Node
}

// Epsilon predicts the noise ε (Ho et al. 2020, section 3.2).
type Epsilon struct{}

// Target implements Parameterization.
func (Epsilon) Target(_ schedule.Schedule, _, _, _, noise *Node) *Node { return noise }

// X0 implements Parameterization.
func (Epsilon) X0(s schedule.Schedule, out, x, t *Node) *Node { return X0FromEps(s, out, x, t) }

// ErrorScale implements Parameterization.
func (Epsilon) ErrorScale(s schedule.Schedule) []float64 { return s.SNR() }

// Start predicts the clean image x₀ (START_X in guided-diffusion).
type Start struct{}

// Target implements Parameterization.
func (Start) Target(_ schedule.Schedule, x0, _, _, _ *Node) *Node { return x0 }

// X0 implements Parameterization.
func (Start) X0(_ schedule.Schedule, out, _, _ *Node) *Node { return out }

// ErrorScale implements Parameterization.
func (Start) ErrorScale(s schedule.Schedule) []float64 { return ones(s.Len()) }

// Previous predicts the mean of q(x_{t-1} | x_t, x₀) (PREVIOUS_X in
// guided-diffusion). It is a MeanParameterization: clipping X0 does not change the
// mean.
type Previous struct{}

// Target implements Parameterization.
func (Previous) Target(s schedule.Schedule, x0, x, t, _ *Node) *Node {
	return posteriorMean(s, x0, x, t)
}

// X0 implements Parameterization: the posterior mean solved for x₀.
func (Previous) X0(s schedule.Schedule, out, x, t *Node) *Node {
	coef1, coef2 := s.PosteriorMeanCoef1(), s.PosteriorMeanCoef2()
	recip, ratio := make([]float64, s.Len()), make([]float64, s.Len())
	for i := range recip {
		recip[i] = 1 / coef1[i]
		ratio[i] = coef2[i] / coef1[i]
	}
	return Sub(Mul(gatherTable(recip, t, x), out), Mul(gatherTable(ratio, t, x), x))
}

// ErrorScale implements Parameterization.
func (Previous) ErrorScale(s schedule.Schedule) []float64 {
	return mapTable(s.PosteriorMeanCoef1(), func(c float64) float64 { return c * c })
}

// Mean implements MeanParameterization.
func (Previous) Mean(_ schedule.Schedule, out, _, _ *Node) *Node { return out }

// Velocity predicts v = √ᾱ_t ε - √(1-ᾱ_t) x₀ (Salimans & Ho 2022, section 4),
// whose error is well scaled at both ends of the schedule.
type Velocity struct{}

// Target implements Parameterization.
func (Velocity) Target(s schedule.Schedule, x0, _, t, noise *Node) *Node {
	return Sub(
		Mul(gatherFunc(s, sqrtAlphaBar, t, x0), noise),
		Mul(gatherFunc(s, sqrtOneMinusAlphaBar, t, x0), x0))
}

// X0 implements Parameterization.
func (Velocity) X0(s schedule.Schedule, out, x, t *Node) *Node {
	return Sub(
		Mul(gatherFunc(s, sqrtAlphaBar, t, x), x),
		Mul(gatherFunc(s, sqrtOneMinusAlphaBar, t, x), out))
}

// ErrorScale implements Parameterization.
func (Velocity) ErrorScale(s schedule.Schedule) []float64 {
	return mapTable(s.SNR(), func(snr float64) float64 { return snr + 1 })
}
