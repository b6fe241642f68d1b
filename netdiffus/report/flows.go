package report

import (
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// This file has the figures of whole flows: their lengths, the order of their packets,
// and features of the flow as a whole.

func lengthVariation(c classDraw) float64 {
	return metric.Lengths(each(c.test, record.packets), each(c.drawn, record.packets))
}

// grams is the distance of runs of n places, lengths in cells.
func grams(n int) computation {
	return ofClass(func(c classDraw) float64 { return metric.NGram(n, each(c.test, c.cells), each(c.drawn, c.cells)) })
}

// exactGrams is grams with a cell for every length.
func exactGrams(n int) computation {
	return ofClass(func(c classDraw) float64 { return metric.NGram(n, rows(c.test), rows(c.drawn)) })
}

// maxCells is the number of cells of signed lengths for n-grams, at most: enough to
// separate the frequent lengths, few enough for pairs to occur more than once.
const maxCells = 64

// cells is the series with every length as the number of its cell, from 1; padding
// stays 0.
func (r *reference) cells(s record) []float64 {
	out := make([]float64, len(s.values))
	for j, v := range s.values {
		if v != 0 {
			out[j] = 1 + float64(r.cuts.Cell(v))
		}
	}
	return out
}

// maxLag is the largest distance, in packets, of autocorrelation.
const maxLag = 3

// autocorrelation is the mean over lags of the difference of the correlations.
func autocorrelation(c classDraw) float64 {
	a, b := each(c.test, record.packets), each(c.drawn, record.packets)
	sum, n := 0.0, 0.0
	for lag := 1; lag <= min(maxLag, c.length-1); lag++ {
		if gap := math.Abs(metric.Autocorrelation(a, lag) - metric.Autocorrelation(b, lag)); finite(gap) {
			sum += gap
			n++
		}
	}
	return sum / n
}

func frechet(c classDraw) float64 {
	return metric.Frechet(c.scale.features(c.test), c.scale.features(c.drawn))
}

// kernelRows is how many flows mmd compares at most: its cost is the square.
const kernelRows = 250

// mmd is the unbiased squared MMD of the simple features, the kernel as wide as the
// median distance of test flows.
func mmd(c classDraw) float64 {
	test, drawn := c.test[:min(kernelRows, len(c.test))], c.drawn[:min(kernelRows, len(c.drawn))]
	a, b := c.scale.features(test), c.scale.features(drawn)
	gamma := metric.MedianGamma(a, nil)
	if !finite(gamma) { // most of the test flows are alike
		gamma = 1
	}
	return metric.MMD(a, b, gamma)
}

// scale brings the simple features to mean 0 and variance 1 over real flows.
type scale struct{ mean, sd []float64 }

func newScale(s sample) scale {
	rows := each(slices.Concat(s...), simpleFeatures)
	k := scale{make([]float64, len(rows[0])), make([]float64, len(rows[0]))}
	for _, row := range rows {
		for j, v := range row {
			k.mean[j] += v / float64(len(rows))
		}
	}
	for _, row := range rows {
		for j, v := range row {
			k.sd[j] += (v - k.mean[j]) * (v - k.mean[j]) / float64(len(rows))
		}
	}
	for j, v := range k.sd {
		if k.sd[j] = math.Sqrt(v); !(k.sd[j] > 1e-9) {
			k.sd[j] = 1 // a feature that does not vary is compared unscaled
		}
	}
	return k
}

func (k scale) features(flows []record) [][]float64 {
	return each(flows, func(s record) []float64 {
		x := simpleFeatures(s)
		for j := range x {
			x[j] = (x[j] - k.mean[j]) / k.sd[j]
		}
		return x
	})
}

// simpleFeatures are nine features of a flow as a whole: number of packets;
// ln(1+bytes) up, and down; mean, standard deviation and largest of the payload
// lengths; share of packets down; changes of direction; the first packet's signed
// length.
func simpleFeatures(s record) []float64 {
	p := s.packets()
	if len(p) == 0 {
		return make([]float64, 9)
	}
	n := float64(len(p))
	var up, down, sum, squares, largest, downs, changes float64
	for j, v := range p {
		a := math.Abs(v)
		sum += a
		squares += a * a
		largest = max(largest, a)
		if v > 0 {
			down += a
			downs++
		} else {
			up += a
		}
		if j > 0 && (v > 0) != (p[j-1] > 0) {
			changes++
		}
	}
	mean := sum / n
	return []float64{
		n, math.Log1p(up), math.Log1p(down),
		mean, math.Sqrt(max(0, squares/n-mean*mean)), largest,
		downs / n, changes, p[0],
	}
}

func duplicates(c classDraw) float64 {
	return metric.Share(metric.Copies(rows(c.drawn), rows(c.train)))
}

func nearDuplicates(c classDraw) float64 {
	_, near := c.nearest(searched(c.drawn), c.train)
	return metric.Share(near)
}

// flowFeatures are a flow's payload lengths, then directions (0 for padding), then with
// times ln(1+microseconds).
func flowFeatures(r *reference, s record, times bool) []float64 {
	n := len(s.values)
	x := make([]float64, n*len(flowFeatureNames(r)))
	for j, v := range s.values {
		x[j] = math.Abs(v)
		if !r.unsigned && v > 0 {
			x[n+j] = float64(traffic.Down)
		}
	}
	if times {
		for _, v := range s.iat {
			x = append(x, math.Log1p(v))
		}
	}
	return x
}

// flowFeatureNames are what the classifiers get of flows without times.
func flowFeatureNames(r *reference) []string {
	if r.unsigned {
		return []string{"PL"}
	}
	return []string{"PL", "DIR"}
}

// nearestFlows are the distances to the closest training flow, bytes a place; a flow
// within 8 bytes of one is a near copy.
func nearestFlows(flows, train []record) (distance []float64, near []bool) {
	distance = metric.Closest(rows(flows), rows(train))
	for _, d := range distance {
		near = append(near, d <= metric.NearBytes)
	}
	return distance, near
}
