package report

import (
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// This file has the figures of single packets: distances between distributions of a
// number that every packet, or every flow, has.

// bins is how many bins payload lengths and times are counted in, as the reference's
// evaluator does.
const bins = 10

// quantity returns the values whose distribution is compared.
type quantity func([]record) []float64

// binned is the distance of two histograms, the bins being of equal width over the
// test flows of the class.
func binned(of quantity, d metric.Distance) computation {
	return sampled(of, metric.Binned(bins, d))
}

// sampled is the distance of two samples.
func sampled(of quantity, d metric.Distance) computation {
	return ofClass(func(c classDraw) float64 { return d(of(c.test), of(c.drawn)) })
}

// tallied is the distance of two histograms in which every value has a bin.
func tallied(of quantity, d metric.Distance) computation {
	return ofClass(func(c classDraw) float64 {
		return d(metric.Align(metric.Tally(of(c.test)), metric.Tally(of(c.drawn))))
	})
}

// seen is the share of packets whose signed length some training flow of the class
// has, at any place.
func seen(c classDraw) float64 {
	return metric.Seen(slices.Concat(each(c.drawn, record.packets)...), slices.Concat(each(c.train, record.packets)...))
}

// pool is numbers of all classes, with weights: each class has that of its share of
// the test flows, however many of its flows are in the sample.
func (r *reference) pool(s sample, of quantity) (x, weights []float64) {
	for c, flows := range s {
		values := of(flows)
		x = append(x, values...)
		for range values {
			weights = append(weights, r.weights[c]/float64(len(flows)))
		}
	}
	return x, weights
}

// pooled is the distance of two weighted samples, of all classes together.
func pooled(of quantity, d func(x, wx, y, wy []float64) float64) computation {
	return ofAll(func(s draw) float64 {
		x, wx := s.pool(s.test, of)
		y, wy := s.pool(s.sample, of)
		return d(x, wx, y, wy)
	})
}

// pooledBins is the distance of two histograms of all classes together.
func pooledBins(of quantity, edges func(*reference) []float64, d metric.Distance) computation {
	return ofAll(func(s draw) float64 {
		e := edges(s.reference)
		return d(s.poolCounts(s.test, of, e), s.poolCounts(s.sample, of, e))
	})
}

// poolCounts is the histogram of [reference.pool].
func (r *reference) poolCounts(s sample, of quantity, edges []float64) []float64 {
	counts := make([]float64, len(edges)-1)
	for c, flows := range s {
		for b, n := range metric.CountAll(of(flows), edges) {
			if n > 0 {
				counts[b] += n * (r.weights[c] / float64(len(flows)))
			}
		}
	}
	return counts
}

func lengthEdges(r *reference) []float64 {
	return metric.Edges(bins, lengths(slices.Concat(r.test...)))
}

func directionEdges(*reference) []float64 { return []float64{-0.5, 0.5, 1.5} }
