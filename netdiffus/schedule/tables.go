package schedule

import (
	"math"
	"slices"
)

// AlphaBarPrev returns ᾱ_{t-1} for each t, with 1 (the clean image) at t = 0.
func (s Schedule) AlphaBarPrev() []float64 {
	return slices.Concat([]float64{1}, s.AlphaBar[:s.Len()-1])
}

// AlphaBarNext returns ᾱ_{t+1} for each t, with 0 (pure noise) at t = T-1.
func (s Schedule) AlphaBarNext() []float64 {
	return slices.Concat(s.AlphaBar[1:], []float64{0})
}

// SNR returns the signal-to-noise ratio ᾱ_t/(1-ᾱ_t) for each t (Kingma et al. 2021).
func (s Schedule) SNR() []float64 {
	return s.table(func(t int) float64 { return s.AlphaBar[t] / (1 - s.AlphaBar[t]) })
}

// PosteriorVariance returns β̃_t, the variance of q(x_{t-1} | x_t, x₀), for each t (Ho
// et al. 2020, eq. 7). It is 0 at t = 0.
func (s Schedule) PosteriorVariance() []float64 {
	prev := s.AlphaBarPrev()
	return s.table(func(t int) float64 { return s.Beta[t] * (1 - prev[t]) / (1 - s.AlphaBar[t]) })
}

// PosteriorLogVariance returns log β̃_t for each t, clipped: at t = 0, where β̃ is 0, it
// is that of t = 1 (posterior_log_variance_clipped in guided-diffusion).
func (s Schedule) PosteriorLogVariance() []float64 {
	variance := s.PosteriorVariance()
	variance[0] = variance[1]
	return s.table(func(t int) float64 { return math.Log(variance[t]) })
}

// PosteriorMeanCoef1 returns the weight of x₀ in the mean of q(x_{t-1} | x_t, x₀),
// √ᾱ_{t-1} β_t / (1-ᾱ_t), for each t (Ho et al. 2020, eq. 7).
func (s Schedule) PosteriorMeanCoef1() []float64 {
	return s.table(func(t int) float64 { coef1, _ := s.posteriorMeanCoefs(t); return coef1 })
}

// PosteriorMeanCoef2 returns the weight of x_t in the mean of q(x_{t-1} | x_t, x₀),
// √(1-β_t) (1-ᾱ_{t-1}) / (1-ᾱ_t), for each t (Ho et al. 2020, eq. 7).
func (s Schedule) PosteriorMeanCoef2() []float64 {
	return s.table(func(t int) float64 { _, coef2 := s.posteriorMeanCoefs(t); return coef2 })
}

// posteriorMeanCoefs returns the weights of x₀ and x_t in the mean of
// q(x_{t-1} | x_t, x₀).
func (s Schedule) posteriorMeanCoefs(t int) (coef1, coef2 float64) {
	prev := 1.0 // ᾱ_{t-1}
	if t > 0 {
		prev = s.AlphaBar[t-1]
	}
	coef1 = s.Beta[t] * math.Sqrt(prev) / (1 - s.AlphaBar[t])
	coef2 = (1 - prev) * math.Sqrt(1-s.Beta[t]) / (1 - s.AlphaBar[t])
	return coef1, coef2
}

// table returns f of each step.
func (s Schedule) table(f func(t int) float64) []float64 {
	values := make([]float64, s.Len())
	for t := range values {
		values[t] = f(t)
	}
	return values
}
