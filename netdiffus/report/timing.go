package report

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// timing judges inter-arrival times, where all flows of every side have them. Its
// rows are twice as long as an evaluation's: the signed lengths, and behind them
// ln(1+microseconds) since the packet before, 0 where there is no packet. The
// same draws give the same flows.
type timing struct {
	e           *evaluation
	train, test sample
	draws       []func(n []int, seed uint64) sample // by source
	edges       [][]float64                         // by class, bins of the test flows' times
	table       classify.Table                      // of test
}

// newTiming returns nil where some flow has no times. e has its sources.
func newTiming(e *evaluation, d Data) (*timing, error) {
	for _, flows := range [][]traffic.Flow{d.Train, d.Test, d.Synthetic.Flows} {
		if slices.ContainsFunc(flows, func(f traffic.Flow) bool { return !f.Timed }) {
			return nil, nil
		}
	}
	t := &timing{e: e, train: e.timed(d.Train), test: e.timed(d.Test)}
	synthetic := e.timed(d.Synthetic.Flows)
	for _, s := range e.sources {
		switch s.name {
		case Synthesised:
			t.draws = append(t.draws, e.subset(synthetic, s.name))
		case RealSubset:
			t.draws = append(t.draws, e.subset(t.train, s.name))
		case Independent:
			t.draws = append(t.draws, t.marginals)
		default:
			order := map[string]int{Markov1: 1, Markov2: 2}[s.name]
			chain, err := markov.Fit(traffic.All(t.flows(t.train)), order, e.Length)
			if err != nil {
				return nil, fmt.Errorf("report: %w", err)
			}
			t.draws = append(t.draws, t.fromChain(chain))
		}
	}
	for _, rows := range t.test {
		t.edges = append(t.edges, metric.Edges(bins, t.times(rows)))
	}
	t.table = t.tableOf(t.test)
	return t, nil
}

// timed sorts flows by class, as arrange does, with their times.
func (e *evaluation) timed(flows []traffic.Flow) sample {
	s := make(sample, len(e.classes))
	for _, f := range flows {
		c, known := slices.BinarySearch(e.classes, f.Label)
		if row := e.row(f); known && len(packets(row)) > 0 {
			s[c] = append(s[c], append(row, e.logTimes(f, row)...))
		}
	}
	return s
}

// logTimes are ln(1+microseconds) of the packets of f, whose signed lengths are
// row.
func (e *evaluation) logTimes(f traffic.Flow, row []float64) []float64 {
	out := make([]float64, e.Length)
	for j, v := range row {
		if v != 0 {
			out[j] = math.Log1p(max(0, f.Packets[j].IAT))
		}
	}
	return out
}

// flows are the rows as flows, for the chains to count.
func (t *timing) flows(s sample) []traffic.Flow {
	var out []traffic.Flow
	for c, rows := range s {
		for _, row := range rows {
			f := traffic.Flow{Label: t.e.classes[c], Timed: true}
			var values, times []float64
			for j, v := range row[:t.e.Length] {
				if v != 0 {
					values, times = append(values, v), append(times, math.Expm1(row[t.e.Length+j]))
				}
			}
			f.Packets = make([]traffic.Packet, len(values))
			traffic.SignedLength{}.Restore(values, f.Packets)
			traffic.InterArrival{}.Restore(times, f.Packets)
			out = append(out, f)
		}
	}
	return out
}

func (t *timing) fromChain(chain *markov.Chain) func([]int, uint64) sample {
	return func(n []int, seed uint64) sample {
		out := make(sample, len(t.e.classes))
		for c, label := range t.e.classes {
			flows, err := chain.Draw(label, n[c], seed)
			if err != nil {
				panic(err) // the chain has counted every class
			}
			for _, f := range flows {
				row := t.e.row(f)
				out[c] = append(out[c], append(row, t.e.logTimes(f, row)...))
			}
		}
		return out
	}
}

// marginals draws every packet by itself, its time along with it, as
// evaluation.marginals does.
func (t *timing) marginals(n []int, seed uint64) sample {
	out := make(sample, len(t.e.classes))
	length := t.e.Length
	for c, rows := range t.train {
		rng := noise.Stream(seed, noise.Key(Independent), uint64(c))
		for range n[c] {
			row := make([]float64, 2*length)
			for j := range length {
				from := rows[rng.IntN(len(rows))]
				row[j], row[length+j] = from[j], from[length+j]
			}
			out[c] = append(out[c], row)
		}
	}
	return out
}

// times are ln(1+microseconds) of all packets but the flows' first, which come
// after nothing.
func (t *timing) times(rows [][]float64) []float64 {
	var out []float64
	for _, row := range rows {
		for j := 1; j < t.e.Length; j++ {
			if row[j] != 0 {
				out = append(out, row[t.e.Length+j])
			}
		}
	}
	return out
}

// durations are ln(1+microseconds) from a flow's first packet to its last.
func (t *timing) durations(rows [][]float64) []float64 {
	out := make([]float64, len(rows))
	for i, row := range rows {
		sum := 0.0
		for _, v := range row[t.e.Length+1:] {
			sum += math.Expm1(v)
		}
		out[i] = math.Log1p(sum)
	}
	return out
}

// tableOf is the sample as a classifier gets it: what it gets without times, and
// the logarithms of the times.
func (t *timing) tableOf(s sample) classify.Table {
	table := classify.Table{Classes: len(t.e.classes)}
	for c, rows := range s {
		for _, row := range rows {
			x := append(t.e.features(row[:t.e.Length]), row[t.e.Length:]...)
			table.X, table.Y = append(table.X, x), append(table.Y, c)
		}
	}
	return table
}

// measure adds the figures of times of one draw of a source.
func (t *timing) measure(ctx context.Context, g *gathered, source int, n []int, seed uint64) error {
	if t == nil {
		return nil
	}
	return t.add(ctx, g, t.draws[source](n, seed), seed)
}

// add adds the figures of times of a sample.
func (t *timing) add(ctx context.Context, g *gathered, drawn sample, seed uint64) error {
	classes := make([]map[string]float64, len(drawn))
	for c, rows := range drawn {
		real, times := t.times(t.test[c]), t.times(rows)
		if len(real) == 0 || len(times) == 0 {
			continue
		}
		f := map[string]float64{}
		distances(f, "iat", metric.Count(real, t.edges[c]), metric.Count(clamp(times, t.edges[c]), t.edges[c]))
		f["w1_iat"] = metric.Wasserstein(real, times)
		f["ks_iat"] = metric.KS(real, times)
		f["w1_duration"] = metric.Wasserstein(t.durations(t.test[c]), t.durations(rows))
		f["ks_duration"] = metric.KS(t.durations(t.test[c]), t.durations(rows))
		classes[c] = f
		for name, v := range f {
			g.classes[c].add(name, v)
		}
	}
	for name, v := range t.e.meanOf(classes) {
		g.figures.add(name, v)
	}
	if !slices.Contains(t.e.Tasks, Classification) {
		return nil
	}
	scores, err := classify.Evaluate(ctx, t.e.forest().Judge, t.tableOf(drawn), seed, t.table)
	if err != nil {
		return err
	}
	g.figures.add("tstr_iat_accuracy", scores[0].Accuracy)
	g.figures.add("tstr_iat_f1", scores[0].MacroF1)
	return nil
}
