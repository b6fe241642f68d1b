package report

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// sample is flows by class. A flow is the signed lengths of its first packets,
// [Length], 0 where there is no packet, which may be before one; with
// Settings.Unsigned all are positive.
type sample [][][]float64

// flows is the number of flows of all classes.
func (s sample) flows() int {
	n := 0
	for _, class := range s {
		n += len(class)
	}
	return n
}

// evaluation is one run's data in the form that the figures are computed from.
type evaluation struct {
	Options
	unsigned               bool
	classes                []string
	train, test, synthetic sample
	sources                []source
	timing                 *timing // nil where not all flows have times
	fixed                  constants
	notes                  []string
	set                    *dataset.Set              // the synthetic images; nil without
	looks                  sample                    // of them, in the order of the synthetic flows; nil without
	testFlows              map[string][]traffic.Flow // by class, the first few, for pictures

	done, total int
}

// newEvaluation arranges the flows by class.
func newEvaluation(d Data, o Options) (*evaluation, error) {
	e := &evaluation{Options: o, unsigned: d.Synthetic.Unsigned, set: d.Synthetic.Set, testFlows: map[string][]traffic.Flow{}}
	for _, f := range d.Test {
		if len(e.testFlows[f.Label]) < 4*imagesEach {
			e.testFlows[f.Label] = append(e.testFlows[f.Label], f)
		}
	}
	for _, f := range d.Train {
		if len(packets(e.row(f))) > 0 {
			e.classes = append(e.classes, f.Label)
		}
	}
	slices.Sort(e.classes)
	e.classes = slices.Compact(e.classes)
	var err error
	if e.train, err = e.arrange("training", d.Train); err != nil {
		return nil, err
	}
	if e.test, err = e.arrange("test", d.Test); err != nil {
		return nil, err
	}
	if e.synthetic, err = e.arrange("synthetic", d.Synthetic.Flows); err != nil {
		return nil, err
	}
	if len(e.classes) < 2 {
		return nil, fmt.Errorf("report: the training flows are all of class %q: want two classes or more", e.classes[0])
	}
	for c, label := range e.classes {
		if len(e.synthetic[c]) == 0 {
			e.note("There are no synthetic flows of class %q: a classifier trained on the synthetic flows cannot know it, and the means over the classes, the baselines' too, leave it out.", label)
		}
		if len(e.test[c]) == 0 {
			e.note("There are no test flows of class %q: it is left out of means over the classes.", label)
		}
	}
	if e.judgedOf(e.test).flows() == 0 {
		return nil, errors.New("report: no class has both test flows and synthetic ones: want both to have the labels of the training flows")
	}
	if e.unsigned {
		e.note("The synthetic flows have no directions; directions are left out of everything, for the real flows as well.")
	}
	if e.sources, err = e.newSources(); err != nil {
		return nil, err
	}
	e.fixed = newConstants(e)
	e.timing, err = newTiming(e, d)
	return e, err
}

func (e *evaluation) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

// arrange sorts flows by class. Packets of 0 bytes are padding: they keep their
// place, and count as no packet.
func (e *evaluation) arrange(role string, flows []traffic.Flow) (sample, error) {
	s, unknown, empty := make(sample, len(e.classes)), 0, 0
	for _, f := range flows {
		row := e.row(f)
		c, known := slices.BinarySearch(e.classes, f.Label)
		switch {
		case len(packets(row)) == 0:
			empty++
		case known:
			s[c] = append(s[c], row)
		default:
			unknown++
		}
	}
	if unknown > 0 {
		e.note("%d %s flows are of classes that the training flows lack; they are left out.", unknown, role)
	}
	if empty > 0 {
		e.note("%d %s flows have no packet with payload; they are left out.", empty, role)
	}
	if s.flows() == 0 {
		if len(flows) > 0 {
			return nil, fmt.Errorf("report: none of the %d %s flows is of a class of the training flows, with payload", len(flows), role)
		}
		return nil, fmt.Errorf("report: no %s flows", role)
	}
	return s, nil
}

// row is a flow's signed lengths.
func (e *evaluation) row(f traffic.Flow) []float64 {
	row := make([]float64, e.Length)
	copy(row, traffic.SignedLength{}.Values(f.Packets[:min(e.Length, len(f.Packets))]))
	for j, v := range row {
		if row[j] = v + 0; e.unsigned { // +0 joins −0 to 0
			row[j] = math.Abs(v)
		}
	}
	return row
}

func (e *evaluation) counts() []Class {
	out := make([]Class, len(e.classes))
	for c, label := range e.classes {
		out[c] = Class{label, len(e.train[c]), len(e.test[c]), len(e.synthetic[c])}
	}
	return out
}

func (e *evaluation) featureNames() []string {
	if e.unsigned {
		return []string{"PL"}
	}
	return []string{"PL", "DIR"}
}

// table is the sample as the classifiers get it: payload lengths, then
// directions (0 for padding), in the order of classes.
func (e *evaluation) table(s sample) classify.Table {
	t := classify.Table{Classes: len(e.classes)}
	for c, rows := range s {
		for _, row := range rows {
			t.X, t.Y = append(t.X, e.features(row)), append(t.Y, c)
		}
	}
	return t
}

func (e *evaluation) features(row []float64) []float64 {
	x := make([]float64, len(row)*len(e.featureNames()))
	for j, v := range row {
		x[j] = math.Abs(v)
		if !e.unsigned && v > 0 {
			x[len(row)+j] = float64(traffic.Down)
		}
	}
	return x
}

// packets are the values of a row that are packets.
func packets(row []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(row), func(v float64) bool { return v == 0 })
}

// source makes flows.
type source struct {
	name, title string
	// draw gives up to n[c] flows of each class c.
	draw func(n []int, seed uint64) sample
}

// Names of the sources in metrics.json.
const (
	Synthesised = "synthetic"
	RealSubset  = "real"
	Markov1     = "markov1"
	Markov2     = "markov2"
	Independent = "marginals"
	AllReal     = "real_all" // every training flow: a ceiling, the same at all sizes
)

// newSources fits the baselines to the training flows.
func (e *evaluation) newSources() ([]source, error) {
	sources := []source{
		{Synthesised, "synthetic", e.subset(e.synthetic, Synthesised)},
		{RealSubset, "real, as many", e.subset(e.train, RealSubset)},
	}
	for i, s := range []source{{name: Markov1, title: "Markov, order 1"}, {name: Markov2, title: "Markov, order 2"}} {
		chain, err := markov.Fit(traffic.All(e.flows(e.train)), 1+i, e.Length)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		s.draw = e.fromChain(chain)
		sources = append(sources, s)
	}
	return append(sources, source{Independent, "independent packets", e.marginals}), nil
}

// flows are the sample's rows as flows, for the chains to count.
func (e *evaluation) flows(s sample) []traffic.Flow {
	var out []traffic.Flow
	for c, rows := range s {
		for _, row := range rows {
			values := packets(row)
			f := traffic.Flow{Label: e.classes[c], Packets: make([]traffic.Packet, len(values))}
			traffic.SignedLength{}.Restore(values, f.Packets)
			out = append(out, f)
		}
	}
	return out
}

// subset draws rows of s without replacement.
func (e *evaluation) subset(s sample, name string) func([]int, uint64) sample {
	return func(n []int, seed uint64) sample {
		out := make(sample, len(s))
		for c, rows := range s {
			order := noise.Stream(seed, noise.Key(name), uint64(c)).Perm(len(rows))
			for _, i := range order[:min(n[c], len(order))] {
				out[c] = append(out[c], rows[i])
			}
		}
		return out
	}
}

func (e *evaluation) fromChain(chain *markov.Chain) func([]int, uint64) sample {
	return func(n []int, seed uint64) sample {
		out := make(sample, len(e.classes))
		for c, label := range e.classes {
			flows, err := chain.Draw(label, n[c], seed)
			if err != nil {
				panic(err) // the chain has counted every class
			}
			for _, f := range flows {
				out[c] = append(out[c], e.row(f))
			}
		}
		return out
	}
}

// marginals draws every place of a flow by itself from the class's training
// flows. A place without a packet stays a hole, with packets behind it:
// cutting there, as a chain of order 0 does, would lose packets that the
// marginals have.
func (e *evaluation) marginals(n []int, seed uint64) sample {
	out := make(sample, len(e.classes))
	for c, rows := range e.train {
		rng := noise.Stream(seed, noise.Key(Independent), uint64(c))
		for range n[c] {
			row := make([]float64, e.Length)
			for j := range row {
				row[j] = rows[rng.IntN(len(rows))][j]
			}
			out[c] = append(out[c], row)
		}
	}
	return out
}

// constants are what the figures need of the real flows, computed once.
type constants struct {
	cuts    metric.Cuts // cells of signed lengths, for n-grams
	edges   [][]float64 // by class, 10 bins of payload lengths over the test flows
	scale   scale       // of the simple features
	weights []float64   // by class, its share of the test flows
}

// cells is how many cells n-grams tell signed lengths apart by: enough to keep
// the frequent lengths apart, few enough for pairs to be seen more than once.
const cells = 64

// bins is how many bins payload lengths are counted in, as the reference's
// evaluator does.
const bins = 10

func newConstants(e *evaluation) constants {
	var values []float64
	for _, rows := range e.train {
		for _, row := range rows {
			values = append(values, packets(row)...)
		}
	}
	k := constants{
		cuts: metric.QuantileCuts(cells, values), scale: newScale(e.test),
		edges: make([][]float64, len(e.classes)), weights: make([]float64, len(e.classes)),
	}
	for c, rows := range e.test {
		k.edges[c] = metric.Edges(bins, lengths(rows))
		k.weights[c] = float64(len(rows)) / float64(e.test.flows())
	}
	return k
}

// lengths are the payload lengths of all packets.
func lengths(rows [][]float64) []float64 {
	var out []float64
	for _, row := range rows {
		for _, v := range row {
			if v != 0 {
				out = append(out, math.Abs(v))
			}
		}
	}
	return out
}

// directions are those of all packets, 0 up and 1 down.
func directions(rows [][]float64) []float64 {
	var out []float64
	for _, row := range rows {
		for _, v := range row {
			switch {
			case v > 0:
				out = append(out, float64(traffic.Down))
			case v < 0:
				out = append(out, float64(traffic.Up))
			}
		}
	}
	return out
}
