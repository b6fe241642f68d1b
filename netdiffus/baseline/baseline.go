// Package baseline draws time series that cost nothing to train: what a generator has to
// beat, and what a report compares it with. A baseline is fitted to real series of some
// classes and draws new ones, all channels together.
//
// They are: the Gaussian copula of package copula; an autoregressive model with
// bootstrapped residuals; a bootstrap of blocks; Markov chains over quantised values;
// places drawn independently; and two that copy on purpose, jittered series and SMOTE,
// which show what figures reward copies.
package baseline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/copula"
)

// Model is a fitted baseline.
type Model interface {
	// Draw draws a series of a class, by channel and bin. What it draws depends on r
	// alone.
	Draw(class int, r *rand.Rand) [][]float64
}

// Data is the series that a baseline is fitted to.
type Data struct {
	Classes []string
	// Traces are the series by class, in each a number by channel and bin. All have as
	// many channels and bins, and each class has one at least.
	Traces [][][][]float64
}

// Kind is a kind of baseline.
type Kind struct {
	Name  string // as a flag has it
	Title string // for people
	fit   func(context.Context, Data) (Model, error)
}

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{
		{"copula", "Gaussian copula", fitCopula},
		{"ar", "AR, bootstrapped residuals", fitAR},
		{"block", "block bootstrap", fitBlocks},
		{"markov1", "Markov, order 1", fitMarkov(1)},
		{"markov2", "Markov, order 2", fitMarkov(2)},
		{"independent", "independent places", fitIndependent},
		{"jitter", "jittered real", fitJitter},
		{"smote", "SMOTE", fitSMOTE},
	}
}

// Names lists the names of all kinds.
func Names() []string {
	var out []string
	for _, k := range Kinds() {
		out = append(out, k.Name)
	}
	return out
}

// Find returns the kind of that name.
func Find(name string) (Kind, error) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, fmt.Errorf("baseline: no baseline %q: want one of %s", name, strings.Join(Names(), ", "))
}

// Fit fits the baseline. It fails on series of different shapes and on values that are
// not finite.
func (k Kind) Fit(ctx context.Context, d Data) (Model, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	m, err := k.fit(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("baseline: %s: %w", k.Title, err)
	}
	return m, nil
}

func (d Data) check() error {
	if len(d.Traces) != len(d.Classes) {
		return fmt.Errorf("baseline: series of %d classes, labels of %d", len(d.Traces), len(d.Classes))
	}
	channels, bins := d.shape()
	if channels == 0 || bins == 0 {
		return errors.New("baseline: no series")
	}
	for c, traces := range d.Traces {
		if len(traces) == 0 {
			return fmt.Errorf("baseline: no series of class %q", d.Classes[c])
		}
		for i, trace := range traces {
			if len(trace) != channels {
				return fmt.Errorf("baseline: series %d of class %q has %d channels, others have %d", i, d.Classes[c], len(trace), channels)
			}
			for k, x := range trace {
				if len(x) != bins {
					return fmt.Errorf("baseline: series %d of class %q has %d bins, others have %d", i, d.Classes[c], len(x), bins)
				}
				for j, v := range x {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						return fmt.Errorf("baseline: series %d of class %q, channel %d, bin %d: the value is not finite", i, d.Classes[c], k, j)
					}
				}
			}
		}
	}
	return nil
}

// shape is the number of channels and bins of the first series.
func (d Data) shape() (channels, bins int) {
	for _, traces := range d.Traces {
		if len(traces) > 0 && len(traces[0]) > 0 {
			return len(traces[0]), len(traces[0][0])
		}
	}
	return 0, 0
}

// values makes an empty series of the same shape.
func (d Data) values() [][]float64 {
	channels, bins := d.shape()
	out := make([][]float64, channels)
	for k := range out {
		out[k] = make([]float64, bins)
	}
	return out
}

// oneOf is a random series of a class.
func (d Data) oneOf(class int, r *rand.Rand) [][]float64 {
	traces := d.Traces[class]
	return traces[r.IntN(len(traces))]
}

// drawer is a model that is a function.
type drawer func(class int, r *rand.Rand) [][]float64

func (f drawer) Draw(class int, r *rand.Rand) [][]float64 { return f(class, r) }

func fitCopula(_ context.Context, d Data) (Model, error) {
	return copula.Fit(d.Classes, d.Traces, copula.Settings{Variants: 1})
}
