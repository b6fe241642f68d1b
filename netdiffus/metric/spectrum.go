package metric

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/floats"
)

// MeanAutocorrelation returns the mean over series of their autocorrelations at lags
// 1 … lags, each in [−1,1]:
//
//	r_k = Σ (xⱼ−x̄)(x_{j+k}−x̄) / Σ (xⱼ−x̄)²
//
// over one series, x̄ being its mean and the upper sum shorter by k terms, which damps
// large lags (Box and Jenkins 1976). A series that does not vary has none and is left
// out; of none that varies the result is nil. Lags that a series is too short for are 0.
//
// Other than [Autocorrelation] it takes each series by itself: that some series are
// higher than others does not count as correlation.
func MeanAutocorrelation(series [][]float64, lags int) []float64 {
	return meanOver(series, func(s []float64) []float64 {
		x, squares := centred(s)
		if !(squares > 0) {
			return nil
		}
		r := make([]float64, lags)
		for k := range r {
			r[k] = lagged(x, x, k+1) / squares
		}
		return r
	})
}

// CrossCorrelation returns the mean over pairs of series (a[i], b[i]), all of one
// length, of their correlation at a lag,
//
//	r_k = Σ (aⱼ−ā)(b_{j+k}−b̄) / √(Σ (aⱼ−ā)² Σ (bⱼ−b̄)²),
//
// in [−1,1]. The lag may be negative. Pairs of which one does not vary are left out;
// NaN of no other.
func CrossCorrelation(a, b [][]float64, lag int) float64 {
	sum, n := 0.0, 0.0
	for i := range a {
		x, xx := centred(a[i])
		y, yy := centred(b[i])
		if len(x) != len(y) {
			panic(fmt.Sprintf("metric: a pair of series of %d and %d values", len(x), len(y)))
		}
		if lag < 0 {
			x, y = y, x
		}
		if r := lagged(x, y, max(lag, -lag)) / math.Sqrt(xx*yy); xx > 0 && yy > 0 {
			sum, n = sum+r, n+1
		}
	}
	return sum / n
}

// lagged is Σ xⱼ·y_{j+k}.
func lagged(x, y []float64, k int) float64 {
	if k >= len(x) {
		return 0
	}
	return floats.Dot(x[:len(x)-k], y[k:])
}

// centred is s less its mean, and the sum of the squares of that; where rounding is all
// that varies the sum is 0.
func centred(s []float64) (x []float64, squares float64) {
	x = slices.Clone(s)
	mean := sum(x) / float64(len(x))
	for j := range x {
		x[j] -= mean
	}
	if squares = floats.Dot(x, x); math.Sqrt(squares/float64(len(x))) < 1e-12*math.Abs(mean) {
		return x, 0
	}
	return x, squares
}

// MeanSpectrum returns the mean over series, all of one length T, of their periodograms
// at frequencies f = 1 … ⌊T/2⌋ cycles a series,
//
//	p_f = |Σⱼ (xⱼ−x̄) exp(−2πi·jf/T)|² / T,
//
// in the square of the values' unit (Schuster 1898). The frequency 0, the mean, is left
// out. It is nil of no series.
func MeanSpectrum(series [][]float64) []float64 {
	var transform *fourier.FFT
	return meanOver(series, func(s []float64) []float64 {
		if transform == nil {
			transform = fourier.NewFFT(len(s))
		}
		x, _ := centred(s)
		c := transform.Coefficients(nil, x)
		p := make([]float64, len(s)/2)
		for f := range p {
			re, im := real(c[f+1]), imag(c[f+1])
			p[f] = (re*re + im*im) / float64(len(s))
		}
		return p
	})
}

// SpectralDistance returns the mean over the frequencies of |ln p_f − ln q_f| of two
// spectra, as [MeanSpectrum] returns them: 0 where they are the same, 0.1 where the power
// is 10 % off on average. Powers below a millionth of p's mean count as that: silence is
// not infinitely far from noise that nobody hears. NaN where p has no power.
func SpectralDistance(p, q []float64) float64 {
	if len(p) != len(q) {
		panic(fmt.Sprintf("metric: spectra of %d and %d frequencies", len(p), len(q)))
	}
	least := 1e-6 * sum(p) / float64(len(p))
	if !(least > 0) {
		return math.NaN()
	}
	d := 0.0
	for f := range p {
		d += math.Abs(math.Log(max(p[f], least)) - math.Log(max(q[f], least)))
	}
	return d / float64(len(p))
}

// MeanGap returns the mean of |aᵢ − bᵢ| over the places that both have, NaN of none.
func MeanGap(a, b []float64) float64 {
	n := min(len(a), len(b))
	d := 0.0
	for i := range n {
		d += math.Abs(a[i] - b[i])
	}
	return d / float64(n)
}

// meanOver is the mean of vectors, those that are nil left out; nil of none.
func meanOver(series [][]float64, of func([]float64) []float64) []float64 {
	var total []float64
	n := 0.0
	for _, s := range series {
		v := of(s)
		switch {
		case v == nil:
			continue
		case total == nil:
			total = make([]float64, len(v))
		case len(v) != len(total):
			panic(fmt.Sprintf("metric: series of %d values among series of another length", len(s)))
		}
		floats.Add(total, v)
		n++
	}
	floats.Scale(1/n, total)
	return total
}
