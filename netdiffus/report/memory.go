package report

import (
	"context"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// NearBytes is how near to a training flow counts as a near duplicate: the mean
// difference of the signed lengths, bytes a place.
const NearBytes = 8

// searched bounds the flows of a class whose closest record is looked for among
// all of the training flows: the search takes the product of both.
const searched = 2000

// closest are the distances of the rows, or of so many evenly spaced ones, to
// their closest record.
func closest(rows, reference [][]float64) []float64 {
	if n := len(rows); n > searched {
		some := make([][]float64, searched)
		for i := range some {
			some[i] = rows[i*n/searched]
		}
		rows = some
	}
	return metric.Closest(rows, reference)
}

// near is the share of distances that make a near duplicate, copies included.
func near(distance []float64) float64 {
	n := 0
	for _, d := range distance {
		if d <= NearBytes {
			n++
		}
	}
	return float64(n) / float64(len(distance))
}

// Memorisation says whether the synthetic flows give away the training flows.
// The real test flows are the measure: they were never trained on, so what they
// share with the training flows is what traffic shares with itself.
type Memorisation struct {
	PerClass  int            `json:"per_class"`
	NearBytes float64        `json:"near_bytes"`
	Tested    int            `json:"held_out_flows"`
	HeldOut   MemoryRow      `json:"held_out"` // the real test flows
	Rows      []MemoryRow    `json:"rows"`
	Distances map[string]CDF `json:"closest_record"` // by source, and "test"
	Verdict   string         `json:"verdict"`
	Leaks     bool           `json:"leaks"`
}

// MemoryRow is how one source's flows lie to the training flows. Shares are of
// all flows, each class with the weight that it has among the test flows.
type MemoryRow struct {
	Source    string `json:"source"`
	Exact     Spread `json:"exact_duplicates"`
	Near      Spread `json:"near_duplicates"`
	Closest   Spread `json:"closest_record_mean"` // bytes a place
	ToTrain   Spread `json:"closest_train"`       // mean distance to the closest of m training flows, bytes a place
	ToTest    Spread `json:"closest_test"`        // the same of m test flows: as many
	Closer    Spread `json:"closer_to_train"`     // share nearer to one of these training flows than to one of these test flows
	Attack    Spread `json:"membership_auc"`      // of the membership inference attack
	AttackNew Spread `json:"membership_auc_distinct"`
}

// CDF is a distribution of distances at fixed quantiles, bytes a place.
type CDF struct {
	Quantiles []number `json:"quantiles"`
	Bytes     []number `json:"bytes"`
}

// measureMemory compares every source's flows with the training flows.
func (e *evaluation) measureMemory(ctx context.Context, r *Report) error {
	want := e.largest()
	m := Memorisation{PerClass: slices.Max(want), NearBytes: NearBytes, Tested: e.judgedOf(e.test).flows(), Distances: map[string]CDF{}}
	m.HeldOut = MemoryRow{Source: "test"}
	m.HeldOut.add(e.closeness(e.test))
	m.Distances["test"] = e.cdf(e.test)
	for _, source := range e.sources {
		row := MemoryRow{Source: source.name}
		for seed := range uint64(e.Seeds) {
			if err := ctx.Err(); err != nil {
				return err
			}
			drawn := source.draw(want, seed)
			row.add(e.closeness(drawn))
			row.compare(e.closer(drawn, seed))
			row.Attack.add(e.attack(drawn, seed, false))
			row.AttackNew.add(e.attack(drawn, seed, true))
			if seed == 0 {
				m.Distances[source.name] = e.cdf(drawn)
			}
			e.step("memorisation of " + source.title)
		}
		m.Rows = append(m.Rows, row)
	}
	r.Memorisation = m
	return nil
}

func (row *MemoryRow) add(exact, near, mean float64) {
	row.Exact.add(exact)
	row.Near.add(near)
	row.Closest.add(mean)
}

func (row *MemoryRow) compare(toTrain, toTest, closer float64) {
	row.ToTrain.add(toTrain)
	row.ToTest.add(toTest)
	row.Closer.add(closer)
}

// judgedOf is the sample without the classes that are not judged: those of the
// test flows are the measure of the synthetic ones, so both have the same.
func (e *evaluation) judgedOf(s sample) sample {
	out := slices.Clone(s)
	for c := range out {
		if !e.judged(c) {
			out[c] = nil
		}
	}
	return out
}

// closeness is the shares of exact and near duplicates of training flows of the
// class, and the mean distance to the closest of them.
func (e *evaluation) closeness(s sample) (exact, nearby, mean float64) {
	weight := 0.0
	for c, rows := range e.judgedOf(s) {
		if len(rows) == 0 {
			continue
		}
		w, distance := e.fixed.weights[c], closest(rows, e.train[c])
		weight += w
		exact += w * metric.Share(metric.Copies(rows, e.train[c]))
		nearby += w * near(distance)
		mean += w * meanOfValues(distance)
	}
	return exact / weight, nearby / weight, mean / weight
}

// closer is the mean distances to the closest training flow and to the closest
// test flow, among as many of both of each class, and the share of flows nearer
// to the former.
func (e *evaluation) closer(s sample, seed uint64) (toTrain, toTest, closer float64) {
	weight := 0.0
	for c, rows := range e.judgedOf(s) {
		n := min(len(e.train[c]), len(e.test[c]), searched)
		if len(rows) == 0 || n == 0 {
			continue
		}
		w := e.fixed.weights[c]
		a := closest(rows, e.pick(e.train[c], n, seed, c))
		b := closest(rows, e.pick(e.test[c], n, seed, c))
		toTrain += w * meanOfValues(a)
		toTest += w * meanOfValues(b)
		closer += w * metric.Closer(a, b)
		weight += w
	}
	return toTrain / weight, toTest / weight, closer / weight
}

// attack is the AUC of a membership inference attack: given flows that were
// trained on and as many of each class that were not, it calls those members
// that lie near to a synthetic flow of their class. 0.5 is guessing.
//
// With distinct, only flows take part that stand alone among all real flows of
// their class: of those that occur more than once, in training or test, there is
// nothing to infer. Which of the lone flows are members was decided by the split
// alone, so that a generator that knows nothing of it still gets 0.5.
func (e *evaluation) attack(s sample, seed uint64, distinct bool) float64 {
	var member []bool
	var score []float64
	for c, rows := range e.judgedOf(s) {
		in, out := e.train[c], e.test[c]
		if distinct {
			in, out = alone(e.train[c], e.test[c]), alone(e.test[c], e.train[c])
		}
		n := min(len(in), len(out), searched)
		if len(rows) == 0 || n == 0 {
			continue
		}
		for i, candidates := range [][][]float64{e.pick(in, n, seed, c), e.pick(out, n, seed, c)} {
			for _, d := range metric.Closest(candidates, rows) {
				member, score = append(member, i == 0), append(score, -d)
			}
		}
	}
	return metric.AUC(member, score)
}

// alone returns the rows of x that are like no other of x or others.
func alone(x, others [][]float64) [][]float64 {
	var out [][]float64
	for i, unique := range metric.Unique(x, others) {
		if unique {
			out = append(out, x[i])
		}
	}
	return out
}

// pick draws n of the rows of a class.
func (e *evaluation) pick(rows [][]float64, n int, seed uint64, class int) [][]float64 {
	out := make([][]float64, n)
	for i, j := range noise.Stream(seed, noise.Key("candidates"), uint64(class)).Perm(len(rows))[:n] {
		out[i] = rows[j]
	}
	return out
}

// cdf is the distribution of the distances to the closest training flow of the
// class, over all flows of s.
func (e *evaluation) cdf(s sample) CDF {
	var d []float64
	for c, rows := range e.judgedOf(s) {
		d = append(d, closest(rows, e.train[c])...)
	}
	slices.Sort(d)
	var out CDF
	for q := 0; q <= 100; q++ {
		at := int(math.Round(float64(q) / 100 * float64(len(d)-1)))
		out.Quantiles = append(out.Quantiles, number(float64(q)/100))
		out.Bytes = append(out.Bytes, number(d[at]))
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
