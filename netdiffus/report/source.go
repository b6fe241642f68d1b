package report

import (
	"context"
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// source is where flows come from: a row of every table. It is declared once, in the
// list of its [subject].
type source struct {
	name  string // in metrics.json
	title string // for people
	prose string // within a sentence
	key   string // where there is little room
	kind  kind
	uses  uses
	// fit prepares the source, once.
	fit func(context.Context, *evaluation) (drawer, error)
}

// drawer draws up to n[c] flows of each class c. One seed gives the same flows.
type drawer func(n []int, seed uint64) (sample, error)

// kind is what a source's flows are, which decides how its row looks.
type kind string

const (
	syntheticKind kind = "synthetic"
	realKind      kind = "real"
	baselineKind  kind = ""
	ceilingKind   kind = "ceiling"
	otherKind     kind = "other" // another generator's
)

// judgedForCopies reports whether a row of the kind says so where its records copy.
func (k kind) judgedForCopies() bool { return k == baselineKind || k == otherKind }

// uses are a set of places that show only some of the sources.
type uses uint

const (
	withSlowJudges uses = 1 << iota // classifiers that take minutes try it
	inTasks                         // augmentation, fingerprinting and anomaly detection
	inClosest                       // the curves of distances to the training flows
)

// Names that the verdict is about.
const (
	synthesised = "synthetic"
	realSubset  = "real"
	markov1     = "markov1"
	markov2     = "markov2"
	markov3     = "markov3"
	markov4     = "markov4"
	merged      = "merged"
	independent = "marginals"
)

// flowSources are the synthetic flows and their baselines, in the order of the tables. To
// add a baseline, add it here.
var flowSources = []source{
	{synthesised, "synthetic", "synthetic", "synthetic", syntheticKind, withSlowJudges | inTasks | inClosest, fitSynthetic},
	{realSubset, "real, as many", "real flows", "real", realKind, inTasks, fitReal},
	{markov1, "Markov, order 1", "Markov order 1", "Markov 1", baselineKind, withSlowJudges | inTasks | inClosest, fitChain(1)},
	{markov2, "Markov, order 2", "Markov order 2", "Markov 2", baselineKind, inTasks | inClosest, fitChain(2)},
	{markov3, "Markov, order 3", "Markov order 3", "Markov 3", baselineKind, 0, fitChain(3)},
	{markov4, "Markov, order 4", "Markov order 4", "Markov 4", baselineKind, 0, fitChain(4)},
	{merged, "merged chain", "the merged chain", "merged chain", baselineKind, inClosest, fitMerged},
	{independent, "independent packets", "independent packets", "independent", baselineKind, inTasks, fitIndependent},
}

// Names of sources that are measured in some tables only.
const (
	allReal     = "real_all"
	testRecords = "test"
	heldOut     = "held_out"
)

func fitSynthetic(_ context.Context, e *evaluation) (drawer, error) {
	return some(e.synthetic, e.drawnEvenly(), synthesised), nil
}

// some draws some of s: of even ones those that follow each other, of others any.
func some(s sample, even bool, key string) drawer {
	if even {
		return inARow(s)
	}
	return subset(s, key)
}

// drawnEvenly reports whether the synthetic flows are a model's samples that were spread evenly over all
// that it can draw. The chains are drawn so, too, then, so that it is the models that are compared.
func (e *evaluation) drawnEvenly() bool {
	return originOf(e.set).Even
}

// drawnOfChain reports whether the synthetic flows are a chain's samples.
func (e *evaluation) drawnOfChain() bool {
	return originOf(e.set).Chain
}

// inARow draws flows of s that follow each other, those of the next seed behind them, since samples in a row
// are drawn evenly (sample.Request) and some of them at random are not even.
func inARow(s sample) drawer {
	return func(n []int, seed uint64) (sample, error) {
		out := make(sample, len(s))
		for c, flows := range s {
			some := uint64(min(n[c], len(flows)))
			for k := range some {
				out[c] = append(out[c], flows[(seed*some+k)%uint64(len(flows))])
			}
		}
		return out, nil
	}
}

func fitReal(_ context.Context, e *evaluation) (drawer, error) {
	return subset(e.train, realSubset), nil
}

// subset draws flows of s without replacement. Draws of other keys are independent.
func subset(s sample, key string) drawer {
	return func(n []int, seed uint64) (sample, error) {
		out := make(sample, len(s))
		for c, flows := range s {
			order := noise.Stream(seed, noise.Key(key), uint64(c)).Perm(len(flows))
			for _, i := range order[:min(n[c], len(order))] {
				out[c] = append(out[c], flows[i])
			}
		}
		return out, nil
	}
}

// fitChain fits a Markov chain to the training flows.
func fitChain(order int) func(context.Context, *evaluation) (drawer, error) {
	return func(_ context.Context, e *evaluation) (drawer, error) {
		chain, err := markov.Fit(traffic.All(e.trainFlows()), order, e.length)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		if e.drawnEvenly() {
			return e.drawWith(chain.DrawEvenly), nil
		}
		return e.drawWith(chain.Draw), nil
	}
}

// fitMerged fits a chain whose order, and which of whose values are merged, are chosen
// on a part of the training flows where they were not chosen before. The chain is that of the model netdiffus.Chain.
func fitMerged(ctx context.Context, e *evaluation) (drawer, error) {
	chain, err := joint.FitFlows(ctx, traffic.All(e.trainFlows()), e.length, e.merging, 0)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	e.merging = chain.Settings()
	return e.drawWith(chain.Draw), nil
}

// trainFlows are the training flows, without the places that have no packet.
func (e *evaluation) trainFlows() []traffic.Flow {
	var flows []traffic.Flow
	for c, class := range e.train {
		for _, s := range class {
			flows = append(flows, s.flow(e.classes[c]))
		}
	}
	return flows
}

// drawWith draws from a chain.
func (e *evaluation) drawWith(draw func(label string, n int, seed uint64) ([]traffic.Flow, error)) drawer {
	return func(n []int, seed uint64) (sample, error) {
		out := make(sample, len(e.classes))
		for c, label := range e.classes {
			flows, err := draw(label, n[c], seed)
			if err != nil {
				return nil, fmt.Errorf("report: %w", err)
			}
			for _, f := range flows {
				out[c] = append(out[c], newFlow(f, e.length, e.unsigned))
			}
		}
		return out, nil
	}
}

// fitIndependent draws every place of a flow by itself from the class's training
// flows, its time with it. A place without a packet stays a hole, with packets behind
// it: cutting there, as a chain of order 0 does, would lose packets.
func fitIndependent(_ context.Context, e *evaluation) (drawer, error) {
	return func(n []int, seed uint64) (sample, error) {
		out := make(sample, len(e.classes))
		for c, train := range e.train {
			rng := noise.Stream(seed, noise.Key(independent), uint64(c))
			for range n[c] {
				s := record{values: make([]float64, e.length)}
				if e.timed {
					s.iat = make([]float64, e.length)
				}
				for j := range s.values {
					from := train[rng.IntN(len(train))]
					if s.values[j] = from.values[j]; e.timed {
						s.iat[j] = from.iat[j]
					}
				}
				out[c] = append(out[c], s)
			}
		}
		return out, nil
	}, nil
}
