package report

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// memorisation is whether the synthetic flows give away the training flows. The real
// test flows are the measure: they were never trained on, so what they share with the
// training flows is what traffic shares with itself.
type memorisation struct {
	PerClass  int            `json:"per_class"`
	NearBytes float64        `json:"near_bytes,omitempty"` // of flows
	Tested    int            `json:"held_out_flows"`
	HeldOut   memoryRow      `json:"held_out"` // the real test flows
	Rows      []memoryRow    `json:"rows"`
	Distances map[string]cdf `json:"closest_record"` // by source, and "test"
	Verdict   string         `json:"verdict"`
	Leaks     bool           `json:"leaks"`
}

// memoryRow is how one source's flows lie to the training flows, by the names of
// the subject's memoryFigures. Shares are of all flows, each class with the weight that it has
// among the test flows.
type memoryRow struct {
	source   string
	declared []figure
	figures  spreads
}

// cdf is a distribution of distances at fixed quantiles.
type cdf struct {
	Quantiles, Distances []number
	unit                 string // the distances' name in JSON
}

// MarshalJSON names the distances by their unit.
func (d cdf) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string][]number{"quantiles": d.Quantiles, d.unit: d.Distances})
}

// MarshalJSON writes the source and all figures, in the order of their declaration.
func (row memoryRow) MarshalJSON() ([]byte, error) {
	out := fmt.Appendf(nil, `{"source":%q`, row.source)
	for _, f := range row.declared {
		text, err := row.figures[f.name].MarshalJSON()
		if err != nil {
			return nil, err
		}
		out = fmt.Appendf(out, `,%q:%s`, f.name, text)
	}
	return append(out, '}'), nil
}

// measureMemory compares every source's flows with the training flows.
func (e *evaluation) measureMemory(ctx context.Context, r *Report) error {
	want := e.largest()
	m := memorisation{PerClass: slices.Max(want), NearBytes: e.nearBytes, Tested: e.onlyJudged(e.test).flows(), Distances: map[string]cdf{}}
	held := e.nearnessOf(e.test)
	m.HeldOut = memoryRow{testRecords, e.memoryFigures, spreads{}}
	m.HeldOut.add(held)
	m.Distances[testRecords] = held.cdf()
	for _, source := range e.sources {
		row := memoryRow{source.name, e.memoryFigures, spreads{}}
		for seed := range uint64(e.Seeds) {
			if err := ctx.Err(); err != nil {
				return err
			}
			drawn, err := e.draw(source.name, want, seed)
			if err != nil {
				return fmt.Errorf("report: memorisation: %w", err)
			}
			n := e.nearnessOf(drawn)
			n.compareWithTest(seed)
			row.add(n)
			if seed == 0 {
				m.Distances[source.name] = n.cdf()
			}
			e.step("memorisation of " + source.title)
		}
		m.Rows = append(m.Rows, row)
	}
	r.Memorisation = m
	return nil
}

// add adds the figures of one draw that it has.
func (row memoryRow) add(n *nearness) {
	for _, f := range row.declared {
		if v := f.memory(n); finite(v) || n.compared {
			row.figures.add(f.name, v)
		}
	}
}

// maxSearched is how many flows of a class are compared with all of the training flows
// at most: the search takes the product of both.
const maxSearched = 2000

// closest are the distances of the flows, or of so many evenly spaced ones, to their
// closest record.
func closest(flows, reference []record) []float64 {
	return metric.Closest(rows(searched(flows)), rows(reference))
}

// searched are the records, or so many evenly spaced ones.
func searched(flows []record) []record {
	if n := len(flows); n > maxSearched {
		some := make([]record, maxSearched)
		for i := range some {
			some[i] = flows[i*n/maxSearched]
		}
		flows = some
	}
	return flows
}

// nearness is how the flows of a sample lie to the training flows.
type nearness struct {
	*evaluation
	drawn   sample
	classes []classNearness // the judged ones that have flows

	compared bool // with test flows, too
	seed     uint64
}

// classNearness is the same of one class.
type classNearness struct {
	class   int
	copied  []bool    // by flow
	near    []bool    // by flow: it is a near copy, or a copy
	closest []float64 // by flow, the distance to the closest training flow
	// The distances to the closest of so many training flows and to the closest of as
	// many test flows; nil where there are none.
	toTrain, toTest []float64
}

func (e *evaluation) nearnessOf(s sample) *nearness {
	n := &nearness{evaluation: e, drawn: e.onlyJudged(s)}
	for c, flows := range n.drawn {
		if len(flows) > 0 {
			one := classNearness{class: c, copied: metric.Copies(rows(flows), rows(e.train[c]))}
			one.closest, one.near = e.nearest(searched(flows), e.train[c])
			n.classes = append(n.classes, one)
		}
	}
	return n
}

// compareWithTest finds how near the flows are to training flows and to test flows,
// among as many of both.
func (n *nearness) compareWithTest(seed uint64) {
	n.compared, n.seed = true, seed
	for i := range n.classes {
		one := &n.classes[i]
		train, test := n.train[one.class], n.test[one.class]
		if m := min(len(train), len(test), maxSearched); m > 0 {
			one.toTrain = closest(n.drawn[one.class], pick(train, m, seed, one.class))
			one.toTest = closest(n.drawn[one.class], pick(test, m, seed, one.class))
		}
	}
}

// mean is the mean of a number that a class has, with the classes' weights.
func (n *nearness) mean(of func(classNearness) float64) float64 {
	sum, weight := 0.0, 0.0
	for _, one := range n.classes {
		w := n.weights[one.class]
		weight += w
		sum += w * of(one)
	}
	return sum / weight
}

// meanCompared is mean over the classes that were compared with test flows.
func (n *nearness) meanCompared(of func(classNearness) float64) float64 {
	some := *n
	some.classes = slices.DeleteFunc(slices.Clone(n.classes), func(c classNearness) bool { return c.toTrain == nil })
	return some.mean(of)
}

func exactCopies(n *nearness) float64 {
	return n.mean(func(c classNearness) float64 { return metric.Share(c.copied) })
}

func nearCopies(n *nearness) float64 {
	return n.mean(func(c classNearness) float64 { return metric.Share(c.near) })
}

func meanClosest(n *nearness) float64 {
	return n.mean(func(c classNearness) float64 { return meanOfValues(c.closest) })
}

func meanToTrain(n *nearness) float64 {
	return n.meanCompared(func(c classNearness) float64 { return meanOfValues(c.toTrain) })
}

func meanToTest(n *nearness) float64 {
	return n.meanCompared(func(c classNearness) float64 { return meanOfValues(c.toTest) })
}

func closerToTrain(n *nearness) float64 {
	return n.meanCompared(func(c classNearness) float64 { return metric.Closer(c.toTrain, c.toTest) })
}

// cdf is the distribution of the distances to the closest training flow of the
// class, over all flows.
func (n *nearness) cdf() cdf {
	var d []float64
	for _, one := range n.classes {
		d = append(d, one.closest...)
	}
	slices.Sort(d)
	out := cdf{unit: n.unitKey}
	for q := 0; q <= 100; q++ {
		at := int(math.Round(float64(q) / 100 * float64(len(d)-1)))
		out.Quantiles = append(out.Quantiles, number(float64(q)/100))
		out.Distances = append(out.Distances, number(d[at]))
	}
	return out
}

func meanOfValues(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
