package report

import (
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// A membership inference attack is given flows that were trained on and as many of
// each class that were not. It classifies those as members that lie near to a
// synthetic flow of their class. An AUC of 0.5 is guessing.

func attackAUC(n *nearness) float64 {
	return n.attack(func(flows, _ []record) []record { return flows })
}

// attackDistinctAUC is the attack among the flows that no other real flow of their
// class equals, in training or test: of the others there is nothing to infer. Which
// of the lone flows are members was decided by the split alone, so a generator that
// is independent of the split gets 0.5.
func attackDistinctAUC(n *nearness) float64 { return n.attack(distinct) }

func (n *nearness) attack(candidates func(flows, others []record) []record) float64 {
	if !n.compared {
		return math.NaN()
	}
	var member []bool
	var score []float64
	for c, drawn := range n.drawn {
		in, out := candidates(n.train[c], n.test[c]), candidates(n.test[c], n.train[c])
		m := min(len(in), len(out), maxSearched)
		if len(drawn) == 0 || m == 0 {
			continue
		}
		for i, some := range [][]record{pick(in, m, n.seed, c), pick(out, m, n.seed, c)} {
			for _, d := range metric.Closest(rows(some), rows(drawn)) {
				member, score = append(member, i == 0), append(score, -d)
			}
		}
	}
	return metric.AUC(member, score)
}

// distinct returns the flows that are equal to no other one of flows or others.
func distinct(flows, others []record) []record {
	var out []record
	for i, unique := range metric.Unique(rows(flows), rows(others)) {
		if unique {
			out = append(out, flows[i])
		}
	}
	return out
}

// pick draws n of the flows of a class.
func pick(flows []record, n int, seed uint64, class int) []record {
	out := make([]record, n)
	for i, j := range noise.Stream(seed, noise.Key("candidates"), uint64(class)).Perm(len(flows))[:n] {
		out[i] = flows[j]
	}
	return out
}
