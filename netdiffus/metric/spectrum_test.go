package metric

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// waves is a set of series that Python code makes as well.
func waves(n, length int, k float64) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		for j := range length {
			out[i] = append(out[i], math.Sin(0.3*float64(j*(i+1))+k)+0.05*float64(i*j)+k*float64((j*7+i*3)%5))
		}
	}
	return out
}

// TestSeriesAsSciPy: the numbers are NumPy's (correlate) and SciPy's (periodogram with
// the mean removed, wasserstein_distance, ks_2samp, cdist).
func TestSeriesAsSciPy(t *testing.T) {
	a, b := waves(5, 17, 0), waves(5, 17, 1)
	all := func(what string, got, want []float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
		}
		for i, v := range want {
			check(t, fmt.Sprintf("%s[%d]", what, i), got[i], v, rounding)
		}
	}
	ra, rb := MeanAutocorrelation(a, 4), MeanAutocorrelation(b, 4)
	all("MeanAutocorrelation", ra, []float64{0.666449077548876, 0.246920625961347, 0.0555634438413449, 0.0365200020304966})
	check(t, "MeanGap", MeanGap(ra, rb), 0.326931417268328, rounding)
	all("CrossCorrelation", []float64{CrossCorrelation(a, b, -2), CrossCorrelation(a, b, 0), CrossCorrelation(a, b, 3)},
		[]float64{0.308214825978805, 0.376396230722084, 0.0313749945341634})
	pa, pb := MeanSpectrum(a), MeanSpectrum(b)
	all("MeanSpectrum", pa, []float64{2.89748121149705, 1.10443919165821, 0.820779718080355, 0.856679167606344, 0.248244592170954, 0.170041876876562, 0.13913134491785, 0.126998388995391})
	check(t, "SpectralDistance", SpectralDistance(pa, pb), 1.40954993038196, rounding)
	check(t, "OverPlaces(Wasserstein)", OverPlaces(Wasserstein, a, b), 1.99479635604903, rounding)
	check(t, "OverPlaces(KS)", OverPlaces(KS, a, b), 0.729411764705882, rounding)
	nearest, next := []float64{1.83055903106808, 1.76927191458563, 1.8126989506317, 1.62676442480596, 1.74321810241308},
		[]float64{2.47469742116348, 1.99611432187686, 1.93494596994761, 1.97268740515516, 1.75525559313536}
	for i, d := range ClosestTwo(a, b) {
		all("ClosestTwo", d[:], []float64{nearest[i], next[i]})
	}
}

// TestSeriesEdges: series that do not vary, or are none, have no correlation and no
// spectrum; no power is not infinitely far from some.
func TestSeriesEdges(t *testing.T) {
	flat, large := [][]float64{{5, 5, 5}}, [][]float64{{1e9 / 3, 1e9 / 3, 1e9 / 3}}
	if got := MeanAutocorrelation(append(flat, large...), 2); got != nil {
		t.Errorf("autocorrelation of constant series: %v, want none", got)
	}
	if got := CrossCorrelation(flat, [][]float64{{1, 2, 3}}, 0); !math.IsNaN(got) {
		t.Errorf("correlation with a constant series: %v, want NaN", got)
	}
	if got := MeanAutocorrelation([][]float64{{1, 2}, {7, 7}}, 3); !slices.Equal(got, []float64{-0.5, 0, 0}) {
		t.Errorf("lags beyond a series of two: %v", got)
	}
	if MeanSpectrum(nil) != nil || !math.IsNaN(SpectralDistance([]float64{0, 0}, []float64{1, 2})) {
		t.Error("a spectrum of nothing")
	}
	if got, want := SpectralDistance([]float64{2, 2}, []float64{2, 0}), math.Log(1e6)/2; math.Abs(got-want) > 1e-9 {
		t.Errorf("silence at one of two frequencies: %v, want %v", got, want)
	}
	if got := OverPlaces(KS, nil, flat); !math.IsNaN(got) {
		t.Errorf("places of nothing: %v", got)
	}
	if got := Runs([][]float64{{0, 0, 1, 0, 2}, {0}, {3}}); !slices.Equal(got, []float64{2, 1, 1}) {
		t.Errorf("Runs = %v", got)
	}
	if got := ClosestTwo([][]float64{{1, 1}}, [][]float64{{1, 1}})[0]; got[0] != 0 || !math.IsInf(got[1], 1) {
		t.Errorf("the only record: %v", got)
	}
}
