package report

import (
	"slices"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// reference is the real flows that others are compared with, and what the figures
// need of them, computed once.
type reference struct {
	*subject
	length   int  // packets a flow, 0 for all; bins a series
	unsigned bool // there are no directions
	timed    bool // all flows have times
	classes  []string
	train    sample
	test     sample
	judged   []bool      // by class: it takes part in means over the classes
	images   *imageMaker // nil without images

	// Of series: the channels, their units and standard deviations over the training
	// series, the width of a bin, and whether there are zeros in the test series.
	channels, units []string
	deviations      []float64
	width           time.Duration
	silent          bool
	trees           int // of the forest that separates series drawn from test series

	cuts    metric.Cuts // cells of signed lengths, for n-grams
	scale   scale       // of the simple features
	weights []float64   // by class, its share of the test flows
}

// prepare computes what the figures need.
func (r *reference) prepare() {
	var values []float64
	for _, flows := range r.train {
		values = append(values, slices.Concat(each(flows, record.packets)...)...)
	}
	r.cuts, r.scale = metric.QuantileCuts(maxCells, values), newScale(r.test)
}

// weightsOf are the classes' shares of the flows.
func weightsOf(s sample) []float64 {
	weights := make([]float64, len(s))
	for c, flows := range s {
		weights[c] = float64(len(flows)) / float64(s.flows())
	}
	return weights
}

// onlyJudged is the sample without the classes that are not judged.
func (r *reference) onlyJudged(s sample) sample {
	out := slices.Clone(s)
	for c := range out {
		if !r.judged[c] {
			out[c] = nil
		}
	}
	return out
}
