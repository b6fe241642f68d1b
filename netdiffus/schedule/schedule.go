// Package schedule holds noise schedules of diffusion models as numbers: how
// much of the clean image x₀ is left in x_t after each of T steps, and what
// follows from it. Everything is float64 on the host; package diffusion casts
// the tables to float32 constants.
//
// The forward process is q(x_t | x_{t-1}) = N(√(1-β_t) x_{t-1}, β_t), so that
// q(x_t | x₀) = N(√ᾱ_t x₀, 1-ᾱ_t) with ᾱ_t = Π_{s≤t} (1-β_s) (Ho et al. 2020,
// eq. 2 and 4). Steps count from 0: t = 0 is the least noisy, t = T-1 is almost
// pure noise.
package schedule

import (
	"fmt"
	"math"
	"slices"
)

// Schedule is a noise schedule of Len() steps. Its slices have one entry a step
// and are not to be changed; make one by a constructor or by Respace. A
// respaced schedule is a schedule.
type Schedule struct {
	Beta     []float64 // β_t, variance of the noise added by step t, in (0,1)
	AlphaBar []float64 // ᾱ_t, share of x₀'s variance left after step t; falls, in (0,1)
	Timestep []int     // the step of the original schedule that step t stands for; rises
	Steps    int       // steps of the original schedule, before any Respace
}

// MaxBeta is where the schedules made from ᾱ cut β, so that the last step
// leaves some signal (Nichol & Dhariwal 2021, section 3.2).
const MaxBeta = 0.999

// Cosine is the schedule of Nichol & Dhariwal 2021, eq. 17, with their offset
// s = 0.008: ᾱ(u) = cos²((u+s)/(1+s) · π/2). It needs at least 2 steps.
func Cosine(steps int) (Schedule, error) {
	return FromAlphaBar(steps, func(u float64) float64 {
		c := cos((u + 0.008) / 1.008 * math.Pi / 2)
		return c * c
	})
}

// cos is the cosine of x in [0,π/2], rounded more closely than math.Cos where it
// is near 1: there β is a difference of nearly equal numbers, and one unit in
// the last place of the cosine is 5e-12 of β.
func cos(x float64) float64 {
	if x > math.Pi/4 {
		return math.Cos(x)
	}
	half := math.Sin(x / 2)
	return 1 - 2*half*half
}

// Angular is the plain cosine schedule, without Nichol & Dhariwal's offset: x_t =
// cos(φ) x₀ + sin(φ) ε with the angle φ growing evenly from almost 0 to almost
// π/2 (Salimans & Ho 2022, appendix D). It stays near the clean image longer, as
// suits values that are spikes: the offset is for images of 8 bits. It needs at
// least 2 steps.
func Angular(steps int) (Schedule, error) {
	const margin = 0.002 // of u at both ends, where there is nothing to learn
	return FromAlphaBar(steps, func(u float64) float64 {
		c := cos((margin + (1-2*margin)*u) * math.Pi / 2)
		return c * c
	})
}

// Linear is the schedule of Ho et al. 2020: β rises evenly from 1e-4 to 0.02
// over 1000 steps. With another number of steps both ends are scaled by
// 1000/steps, which keeps ᾱ at the end about the same; it needs more than 20,
// because there β would reach 1.
func Linear(steps int) (Schedule, error) {
	if steps <= 20 {
		return Schedule{}, fmt.Errorf("schedule: linear with %d steps: β would reach 1 (1000/steps · 0.02); it needs at least 21 steps", steps)
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

// FromAlphaBar makes a schedule of the given number of steps from ᾱ as a
// function of u in [0,1], the share of the steps done. The function falls and
// need not be 1 at 0, as only its ratios count. β is cut at MaxBeta. It needs
// at least 2 steps.
func FromAlphaBar(steps int, alphaBar func(u float64) float64) (Schedule, error) {
	beta := make([]float64, max(steps, 0))
	for i := range beta {
		before, after := float64(i)/float64(steps), float64(i+1)/float64(steps)
		beta[i] = min(1-alphaBar(after)/alphaBar(before), MaxBeta)
	}
	return FromBeta(beta)
}

// FromBeta makes a schedule of given β, each in (0,1), at least 2 of them. With
// β = 1 nothing of x₀ would be left and the noise prediction could not be
// turned into an x₀.
func FromBeta(beta []float64) (Schedule, error) {
	if len(beta) < 2 {
		return Schedule{}, fmt.Errorf("schedule: %d steps; at least 2 are needed, as the variance of the last denoising step is taken from the one before it", len(beta))
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
			return Schedule{}, fmt.Errorf("schedule: β is %g at step %d of %d; it must lie in (0,1)", b, t, len(beta))
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

// Len is the number of steps, T.
func (s Schedule) Len() int { return len(s.Beta) }

// NetworkTimes are the times at which the network is asked for each step,
// [Len()]: the original schedule's steps, or, with rescale, these times
// 1000/Steps, so that a network sees the same range whatever the number of
// steps it is trained with. They are float32 because that is how the network
// gets them (rescale_timesteps in guided_diffusion/respace.py).
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
