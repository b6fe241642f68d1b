package report

import (
	"context"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// This file has the figures of series.

// ofChannels is the mean over the channels of a figure of a class.
func ofChannels(f func(test, drawn [][]float64) float64) computation {
	return ofClass(func(c classDraw) float64 {
		sum, n := 0.0, 0.0
		for k := range c.channels {
			if v := f(c.channelRows(c.test, k), c.channelRows(c.drawn, k)); finite(v) {
				sum, n = sum+v, n+1
			}
		}
		return sum / n
	})
}

// pooledValues is the distance of all values of a class, whatever their place.
func pooledValues(d metric.Distance) func(test, drawn [][]float64) float64 {
	return func(test, drawn [][]float64) float64 { return d(slices.Concat(test...), slices.Concat(drawn...)) }
}

// lagsOf is how many lags the autocorrelation of series of so many bins is compared at.
func lagsOf(bins int) int { return max(1, bins/4) }

func autocorrelationGap(test, drawn [][]float64) float64 {
	lags := lagsOf(len(test[0]))
	return metric.MeanGap(metric.MeanAutocorrelation(test, lags), metric.MeanAutocorrelation(drawn, lags))
}

func spectralDistance(test, drawn [][]float64) float64 {
	return metric.SpectralDistance(metric.MeanSpectrum(test), metric.MeanSpectrum(drawn))
}

// totals is the distance of the series' sums, in units of their standard deviation among
// the test series.
func totals(test, drawn [][]float64) float64 {
	var sums [2][]float64
	for i, list := range [2][][]float64{test, drawn} {
		for _, x := range list {
			sum := 0.0
			for _, v := range x {
				sum += v
			}
			sums[i] = append(sums[i], sum)
		}
	}
	return metric.Wasserstein(sums[0], sums[1]) / Spread{sums[0]}.sd()
}

func silence(_, drawn [][]float64) float64 { return metric.Seen(slices.Concat(drawn...), []float64{0}) }

// silenceRuns is the distance of the lengths of runs of zeros. Series without any have
// one run of no bins, so that silence that is missing counts.
func silenceRuns(test, drawn [][]float64) float64 {
	runs := func(x [][]float64) map[float64]float64 {
		if r := metric.Runs(x); len(r) > 0 {
			return metric.Tally(r)
		}
		return metric.Tally([]float64{0})
	}
	return metric.TotalVariation(metric.Align(runs(test), runs(drawn)))
}

// crossLag is the largest lag, bins, of the cross-correlation of channels.
const crossLag = 3

// crossCorrelationGap is the mean over pairs of channels and lags of the difference of
// the correlations.
func crossCorrelationGap(c classDraw) float64 {
	sum, n := 0.0, 0.0
	for a := range c.channels {
		for b := range a {
			for lag := -crossLag; lag <= crossLag; lag++ {
				real := metric.CrossCorrelation(c.channelRows(c.test, a), c.channelRows(c.test, b), lag)
				drawn := metric.CrossCorrelation(c.channelRows(c.drawn, a), c.channelRows(c.drawn, b), lag)
				if gap := math.Abs(real - drawn); finite(gap) {
					sum, n = sum+gap, n+1
				}
			}
		}
	}
	return sum / n
}

// seriesMMD is the unbiased squared MMD of the values, the kernel as wide as the median
// distance of test series.
func seriesMMD(c classDraw) float64 {
	test, drawn := rows(c.test[:min(kernelRows, len(c.test))]), rows(c.drawn[:min(kernelRows, len(c.drawn))])
	gamma := metric.MedianGamma(test, nil)
	if !finite(gamma) { // most of the test series are alike
		gamma = 1
	}
	return metric.MMD(test, drawn, gamma)
}

// nearestRatio is how far the series drawn are from their closest training series, as a
// share of how far test series are.
func nearestRatio(c classDraw) float64 {
	return meanOfValues(closest(c.drawn, c.train)) / meanOfValues(closest(c.test, c.train))
}

// detectionFolds is the number of folds of the detection of series. There are few test
// series, and two folds would train on half of them.
const detectionFolds = 5

// detectionOfAll is how well a forest separates the series drawn from the test series.
// There are few test series of a class, so it is one forest for all of them, with as many
// of each class on both sides and in every fold.
func detectionOfAll(d draw) float64 {
	test, drawn := classify.Table{Classes: len(d.classes)}, classify.Table{Classes: len(d.classes)}
	for c := range d.classes {
		one := classDraw{reference: d.reference, class: c, test: d.test[c], drawn: d.sample[c], seed: d.seed}
		if d.judged[c] && len(one.drawn) > 0 {
			a, b := one.paired()
			test.X, test.Y = append(test.X, rows(a)...), append(test.Y, slices.Repeat([]int{c}, len(a))...)
			drawn.X, drawn.Y = append(drawn.X, rows(b)...), append(drawn.Y, slices.Repeat([]int{c}, len(b))...)
		}
	}
	if test.Len() < leastDetected {
		return math.NaN()
	}
	auc, err := classify.Distinguish(context.Background(), d.trees, detectionFolds, test, drawn, d.seed)
	if err != nil { // features that are not numbers
		return math.NaN()
	}
	return auc
}
