package schedule

import (
	"fmt"
	"math"
)

// This file computes the process on the host, one image at a time, for illustrations
// and for denoisers that are not networks. Package diffusion has the same functions as
// graphs, for training and sampling.

// QSample sets dst to √ᾱ_t x0 + √(1-ᾱ_t) eps, a draw of q(x_t | x₀) for the clean image
// x0 and standard normal noise eps (Ho et al. 2020, eq. 4). It panics where t is not in
// [0,Len()) or the slices differ in length.
func (s Schedule) QSample(t int, x0, eps, dst []float64) {
	checkLengths(x0, eps, dst)
	sqrtAlphaBar, sqrtOneMinusAlphaBar := math.Sqrt(s.AlphaBar[t]), math.Sqrt(1-s.AlphaBar[t])
	for i := range dst {
		dst[i] = sqrtAlphaBar*x0[i] + sqrtOneMinusAlphaBar*eps[i]
	}
}

// EpsFromX0 sets dst to the noise in x at step t if its clean image is x0: QSample
// solved for eps. It panics where t is not in [0,Len()) or the slices differ in length.
func (s Schedule) EpsFromX0(t int, x0, x, dst []float64) {
	checkLengths(x0, x, dst)
	sqrtAlphaBar, sqrtOneMinusAlphaBar := math.Sqrt(s.AlphaBar[t]), math.Sqrt(1-s.AlphaBar[t])
	for i := range dst {
		dst[i] = (x[i] - sqrtAlphaBar*x0[i]) / sqrtOneMinusAlphaBar
	}
}

// PosteriorMean sets dst to the mean of q(x_{t-1} | x_t, x₀) for x_t = x and the clean
// image x0 (Ho et al. 2020, eq. 7). To draw x_{t-1} add noise of variance
// PosteriorVariance()[t]. It panics where t is not in [0,Len()) or the slices differ in
// length.
func (s Schedule) PosteriorMean(t int, x0, x, dst []float64) {
	checkLengths(x0, x, dst)
	coef1, coef2 := s.posteriorMeanCoefs(t)
	for i := range dst {
		dst[i] = coef1*x0[i] + coef2*x[i]
	}
}

// checkLengths panics where the slices differ in length.
func checkLengths(x, y, dst []float64) {
	if len(x) != len(dst) || len(y) != len(dst) {
		panic(fmt.Sprintf("schedule: images of %d, %d and %d values", len(x), len(y), len(dst)))
	}
}
