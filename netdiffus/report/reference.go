package report

import (
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// reference is the real flows that others are compared with, and what the figures
// need of them, computed once.
type reference struct {
	length   int  // packets a flow; 0 for all
	unsigned bool // there are no directions
	timed    bool // all flows have times
	classes  []string
	train    sample
	test     sample
	judged   []bool      // by class: it takes part in means over the classes
	images   *imageMaker // nil without images

	cuts    metric.Cuts // cells of signed lengths, for n-grams
	scale   scale       // of the simple features
	weights []float64   // by class, its share of the test flows
}

// prepare computes what the figures need.
func (r *reference) prepare() {
	var values []float64
	for _, flows := range r.train {
		values = append(values, slices.Concat(each(flows, series.packets)...)...)
	}
	r.cuts, r.scale = metric.QuantileCuts(maxCells, values), newScale(r.test)
	r.weights = weightsOf(r.test)
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
