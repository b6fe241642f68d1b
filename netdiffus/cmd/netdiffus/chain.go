package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/baseline"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func chainCommand() *cobra.Command {
	o := chainOptions{order: "1", length: 10, samples: 10}
	c := &cobra.Command{
		Use:   "chain --in PATH --out FILE",
		Short: "Draw flows from a Markov chain, or series from a baseline",
		Long: `Chain counts, for every class and place, which packet followed which, and draws
flows from these counts: a strong baseline for generators of short flows, which takes
a second. Evaluate measures it as well.

Order 0 draws every packet independently, order 1 given the packet before, and so on
up to 4. With each packet comes one of the times that were seen with that step, where
all flows have times. High orders copy whole flows of the input.

Order auto is the chain of 'train --preset default', without its images: values that
were seldom seen are merged with their neighbours and drawn as values near them, seen
or not, flows that would repeat the input more often than it repeats itself are left out,
and shared beginnings are remembered whole. What is merged, and how much is remembered, are
chosen on a part of the flows that is held out.

With --baseline the input is time series, and so is what is drawn: copula, ar (an
autoregression with bootstrapped residuals), block (blocks of real series), markov1
and markov2 (over quantised values), independent (places), jitter and smote (which
copy). Evaluate measures them all.

With --epsilon the flows are drawn with a guarantee of differential privacy: the counts
are noised, and no result depends on any one flow but by a factor of at most e^epsilon,
and a probability of --delta. FILE.privacy.json beside the flows says what was counted and
noised. What is made of these flows, images, a trained model and its samples, has the same
guarantee. It is for one flow, not for all those of a person, and for one run: those of
several runs add up. Names of classes are public: --classes names them, or else they are
taken from the input. The flows have no times. --num-samples 0 draws as many flows as a
class has, by the noised count.`,
		Example: `  netdiffus chain --in flows.parquet --out chain.parquet --num-samples 300
  netdiffus chain --in captures/ --order 2 --length 32 --out chain.csv
  netdiffus chain --in flows.parquet --order auto --out chain.parquet --num-samples 300
  netdiffus chain --in flows.parquet --epsilon 2 --delta 1e-6 --classes web,mail --num-samples 0 --out private.parquet
  netdiffus chain --in video.csv --baseline copula --out copula.csv --num-samples 100`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(o.guarantee.check(c), o.check()); err != nil {
				return usageOf(c, err)
			}
			if o.guarantee.given {
				return o.runPrivate(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
			}
			if o.baseline != "" {
				return o.runSeries(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
			}
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	o.input.register(flags)
	o.series.register(flags)
	flags.StringVar(&o.out, "out", "", "file to write; its extension determines the format")
	flags.StringVar(&o.baseline, "baseline", "", "time series: which baseline to draw: "+strings.Join(baseline.Names(), ", "))
	flags.StringVar(&o.order, "order", o.order, "packets before that each packet depends on, or auto")
	flags.IntVar(&o.length, "length", o.length, "packets a flow at most")
	flags.IntVar(&o.samples, "num-samples", o.samples, "flows of each class; with --epsilon, 0 means as many as the class has, by the noised count")
	flags.StringSliceVar(&o.classes, "classes", nil, "draw only these classes, A,B (default: all)")
	flags.Uint64Var(&o.seed, "seed", 0, "the same seed draws the same flows; with --epsilon from the same noised counts, and their noise is new each time")
	o.guarantee.register(flags)
	return c
}

// chainOptions are the flags of the verb chain.
type chainOptions struct {
	input           inputFlags
	out             string
	order, baseline string
	series          seriesFlags
	length, samples int
	classes         []string
	seed            uint64
	guarantee       guarantee
}

// check returns an error of usage, if there is any.
func (o *chainOptions) check() error {
	if err := errors.Join(o.input.check(), required("out", o.out)); err != nil {
		return err
	}
	if o.baseline != "" {
		if _, err := baseline.Find(o.baseline); err != nil {
			return fmt.Errorf("--baseline %s: want one of %s", o.baseline, strings.Join(baseline.Names(), ", "))
		}
	}
	if o.samples < 1 && !(o.samples == 0 && o.guarantee.given) {
		return fmt.Errorf("--num-samples %d: want 1 or more", o.samples)
	}
	if n, err := strconv.Atoi(o.order); o.order != autoOrder && (err != nil || n < 0) {
		return fmt.Errorf("--order %s: want a number from 0, or %s", o.order, autoOrder)
	}
	return nil
}

// autoOrder is the order that is chosen on the flows.
const autoOrder = "auto"

// flowSource is a chain that was fitted to flows.
type flowSource interface {
	Classes() []string
	Draw(label string, n int, seed uint64) ([]traffic.Flow, error)
}

// fit fits the chain and describes it.
func (o *chainOptions) fit(ctx context.Context, stderr io.Writer) (flowSource, string, error) {
	flows := o.input.flows(ctx, stderr)
	if o.order == autoOrder {
		chain, err := joint.FitFlows(ctx, flows, o.length, joint.Settings{}, o.seed)
		if err != nil {
			return nil, "", err
		}
		return chain, chain.String(), nil
	}
	order, err := strconv.Atoi(o.order)
	if err != nil {
		return nil, "", err
	}
	chain, err := markov.Fit(flows, order, o.length)
	return chain, "order " + o.order, err
}

func (o *chainOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	chain, described, err := o.fit(ctx, stderr)
	if err != nil {
		return err
	}
	classes := o.classes
	if classes == nil {
		classes = chain.Classes()
	}
	var all []traffic.Flow
	for _, class := range classes {
		flows, err := chain.Draw(class, o.samples, o.seed)
		if err != nil {
			return err
		}
		all = append(all, flows...)
	}
	if err := traffic.Write(o.out, traffic.All(all)); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d flows of %d classes by a chain of %s\n", len(all), len(classes), described)
	_, err = fmt.Fprintln(stdout, o.out)
	return err
}
