// Package schedule provides noise schedules of diffusion models as tables of numbers:
// the variance of the noise that each of T steps adds, and the quantities that follow
// from it. All tables are float64 on the host; package diffusion converts them to
// float32 constants.
//
// The forward process is q(x_t | x_{t-1}) = N(√(1-β_t) x_{t-1}, β_t), so that
// q(x_t | x₀) = N(√ᾱ_t x₀, 1-ᾱ_t) with ᾱ_t = Π_{s≤t} (1-β_s) (Ho et al. 2020,
// eq. 2 and 4). Steps are numbered from 0: t = 0 is the least noisy step, and
// t = T-1 is almost pure noise.
package schedule

import (
	"fmt"
	"math"
	"slices"
)

// Schedule is a noise schedule of Len() steps. Its slices have one entry per step
// and must not be modified. Make one with Cosine, Angular, Linear, FromAlphaBar,
// FromBeta or Respace.
type Schedule struct {
	Beta     []float64 // β_t, variance of the noise that step t adds, in (0,1)
	AlphaBar []float64 // ᾱ_t, fraction of x₀'s variance left after step t, in (0,1); decreases
	Timestep []int     // step of the original schedule that equals step t; increases
	Steps    int       // number of steps of the original schedule, before Respace
}

// maxBeta is the largest β of the schedules made from ᾱ; it prevents singularities at
// the last steps (Nichol & Dhariwal 2021, section 3.2).
const maxBeta = 0.999

// Cosine returns the schedule of Nichol & Dhariwal 2021, eq. 17, with their offset
// s = 0.008: ᾱ(u) = cos²((u+s)/(1+s) · π/2) for the fraction u of the steps. It fails
// for fewer than 2 steps.
func Cosine(steps int) (Schedule, error) {
	return FromAlphaBar(steps, func(u float64) float64 {
		c := cos((u + 0.008) / 1.008 * math.Pi / 2)
		return c * c
	})
}

// cos returns the cosine of x in [0,π/2], more exactly than math.Cos where it is near
// 1: there β is a difference of nearly equal numbers, and one unit in the last place
// of the cosine is a relative error of 5e-12 in β.
func cos(x float64) float64 {
	if x > math.Pi/4 {
		return math.Cos(x)
	}
	half := math.Sin(x / 2)
	return 1 - 2*half*half
}

// Angular returns the cosine schedule without Nichol & Dhariwal's offset: x_t =
// cos(φ) x₀ + sin(φ) ε with the angle φ growing linearly from almost 0 to almost π/2
// (Salimans & Ho 2022, appendix D). More of its steps are nearly noiseless, which
// suits values of a discrete set; the offset was chosen for images of 8 bits. It fails
// for fewer than 2 steps.
func Angular(steps int) (Schedule, error) {
	const margin = 0.002 // of u, left out at both ends, where the prediction is trivial
	return FromAlphaBar(steps, func(u float64) float64 {
		c := cos((margin + (1-2*margin)*u) * math.Pi / 2)
		return c * c
	})
}

// Linear returns the schedule of Ho et al. 2020, section 4: β grows linearly from 1e-4
// to 0.02 over 1000 steps. For another number of steps both ends are scaled by
// 1000/steps, which keeps ᾱ of the last step about the same. It fails for fewer than
// 21 steps, where β would reach 1.
func Linear(steps int) (Schedule, error) {
	if steps <= 20 {
		return Schedule{}, fmt.Errorf("schedule: linear with %d steps: β would reach 1 (1000/steps · 0.02), want at least 21 steps", steps)
	}
	scale := 1000 / float64(steps)
	first, last := scale*1e-4, scale*0.02
	step := (last - first) / float64(steps-1)
	beta := make([]float64, steps)
	for i := range beta {
		beta[i] = float64(i)*step + first
	}
	beta[steps-1] = last
	return FromBeta(beta)
}

// FromAlphaBar returns the schedule of the given number of steps with ᾱ as a function
// of u in [0,1], the fraction of the steps taken. The function must decrease and need
// not be 1 at 0, as only its ratios matter. β is at most 0.999. It fails for fewer
// than 2 steps and where a β is not in (0,1).
func FromAlphaBar(steps int, alphaBar func(u float64) float64) (Schedule, error) {
	beta := make([]float64, max(steps, 0))
	for i := range beta {
		before, after := float64(i)/float64(steps), float64(i+1)/float64(steps)
		beta[i] = min(1-alphaBar(after)/alphaBar(before), maxBeta)
	}
	return FromBeta(beta)
}

// FromBeta returns the schedule of the given β, one for each step. It fails for fewer
// than 2 steps, where a β is not in (0,1), and where ᾱ underflows to 0: without any
// signal left in x_t, a prediction of the noise would not determine x₀.
func FromBeta(beta []float64) (Schedule, error) {
	if len(beta) < 2 {
		return Schedule{}, fmt.Errorf("schedule: %d steps, want at least 2: the log variance of step 0 is that of step 1", len(beta))
	}
	s := Schedule{
		Beta:     slices.Clone(beta),
		AlphaBar: make([]float64, len(beta)),
		Timestep: make([]int, len(beta)),
		Steps:    len(beta),
	}
	product := 1.0
	for t, b := range beta {
		if !(b > 0 && b < 1) { // catches NaN too
			return Schedule{}, fmt.Errorf("schedule: β is %g at step %d of %d, want it in (0,1)", b, t, len(beta))
		}
		product *= 1 - b
		s.AlphaBar[t] = product
		s.Timestep[t] = t
	}
	if product <= 0 {
		return Schedule{}, fmt.Errorf("schedule: ᾱ reaches 0 within %d steps", len(beta))
	}
	return s, nil
}

// Len returns the number of steps, T.
func (s Schedule) Len() int { return len(s.Beta) }

// NetworkTimes returns the network's time input for each step: the step of the
// original schedule, or, with rescale, that multiplied by 1000/Steps, so that the
// network's input has the range [0,1000) whatever the number of training steps
// (rescale_timesteps in guided_diffusion/respace.py). The times are float32, as the
// network's input is.
func (s Schedule) NetworkTimes(rescale bool) []float32 {
	times := make([]float32, s.Len())
	scale := float32(1000 / float64(s.Steps))
	for t, original := range s.Timestep {
		times[t] = float32(original)
		if rescale {
			times[t] *= scale
		}
	}
	return times
}
