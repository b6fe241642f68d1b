package report

import (
	"context"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// This file has the figures that compare the flows drawn with as many test flows of
// their class: how well a classifier separates the two, and how many of the test flows
// are covered.

const (
	// comparedFlows is how many flows of each side are compared at most.
	comparedFlows = 500
	// detectionTrees is the size of a forest that separates real from drawn: one is
	// grown for every class and draw, twice.
	detectionTrees = 50
	// leastDetected is how many flows of each side a detection needs.
	leastDetected = 10
	// coverageNeighbours is k of the coverage, as Naeem et al. (2020) choose it.
	coverageNeighbours = 5
)

// paired are as many test flows as flows drawn.
func (c classDraw) paired() (test, drawn []record) {
	n := min(len(c.test), len(c.drawn), comparedFlows)
	return pick(c.test, n, c.seed, c.class), pick(c.drawn, n, c.seed, c.class)
}

// detection is how well a forest separates the flows drawn from the test flows.
func detection(times bool) computation {
	return ofClass(func(c classDraw) float64 {
		test, drawn := c.paired()
		if len(test) < leastDetected {
			return math.NaN()
		}
		table := func(records []record) classify.Table {
			features := func(s record) []float64 { return c.features(c.reference, s, times) }
			return classify.Table{X: each(records, features), Y: make([]int, len(records)), Classes: 1}
		}
		auc, err := classify.Distinguish(context.Background(), detectionTrees, 2, table(test), table(drawn), c.seed)
		if err != nil { // features that are not numbers
			return math.NaN()
		}
		return auc
	})
}

// coverage is the share of the test flows that the flows drawn cover.
func coverage(c classDraw) float64 {
	test, drawn := c.paired()
	return metric.Share(metric.Covered(rows(test), rows(drawn), coverageNeighbours))
}

// newCoverage is coverage among the test flows that equal no training flow.
func newCoverage(c classDraw) float64 {
	test, drawn := c.paired()
	known := metric.Copies(rows(test), rows(c.train))
	var covered []bool
	for i, is := range metric.Covered(rows(test), rows(drawn), coverageNeighbours) {
		if !known[i] {
			covered = append(covered, is)
		}
	}
	return metric.Share(covered)
}
