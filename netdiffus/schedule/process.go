package schedule

import (
	"fmt"
	"math"
)

// This file computes the process on the host, image by image: for looking at it,
// and for denoisers that are no networks. Training and sampling do the same in
// package diffusion, as graphs.

// QSample writes into dst what the image x0 has become after step t: a draw of
// q(x_t | x₀), √ᾱ_t x0 + √(1-ᾱ_t) eps, for standard normal noise eps (Ho et al.
// 2020, eq. 4). It panics where the slices differ in length.
func (s Schedule) QSample(t int, x0, eps, dst []float64) {
	sameLength(x0, eps, dst)
	signal, spread := math.Sqrt(s.AlphaBar[t]), math.Sqrt(1-s.AlphaBar[t])
	for i := range dst {
		dst[i] = signal*x0[i] + spread*eps[i]
	}
}

// EpsFromX0 writes into dst the noise that is in x at step t if its clean image
// is x0: what QSample was given. It panics where the slices differ in length.
func (s Schedule) EpsFromX0(t int, x0, x, dst []float64) {
	sameLength(x0, x, dst)
	signal, spread := math.Sqrt(s.AlphaBar[t]), math.Sqrt(1-s.AlphaBar[t])
	for i := range dst {
		dst[i] = (x[i] - signal*x0[i]) / spread
	}
}

// PosteriorMean writes into dst the mean of q(x_{t-1} | x_t, x₀), the step back
// from x at step t if its clean image is x0 (Ho et al. 2020, eq. 7). A draw adds
// noise of variance PosteriorVariance()[t]. It panics where the slices differ in
// length.
func (s Schedule) PosteriorMean(t int, x0, x, dst []float64) {
	sameLength(x0, x, dst)
	prev := 1.0
	if t > 0 {
		prev = s.AlphaBar[t-1]
	}
	left := 1 - s.AlphaBar[t]
	a, b := math.Sqrt(prev)*s.Beta[t]/left, math.Sqrt(1-s.Beta[t])*(1-prev)/left
	for i := range dst {
		dst[i] = a*x0[i] + b*x[i]
	}
}

func sameLength(x, y, dst []float64) {
	if len(x) != len(dst) || len(y) != len(dst) {
		panic(fmt.Sprintf("schedule: images of %d, %d and %d values", len(x), len(y), len(dst)))
	}
}
