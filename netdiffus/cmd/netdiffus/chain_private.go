package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/dp"
	"github.com/netdiffus/netdiffus-go/netdiffus/private"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// guarantee are the flags of differential privacy.
type guarantee struct {
	dp.Budget
	largest int
	given   bool // --epsilon is on the command line
}

func (g *guarantee) register(flags *pflag.FlagSet) {
	flags.Float64Var(&g.Epsilon, "epsilon", 0, "draw with a guarantee of differential privacy: what may be given away of any one flow, such as 2; inf adds no noise")
	flags.Float64Var(&g.Delta, "delta", 1e-6, "with --epsilon: probability with which that may fail; well below one over the number of flows")
	flags.IntVar(&g.largest, "largest", 1500, "with --epsilon: longest payload, bytes; longer ones are counted as that long")
}

// check returns an error of usage, if there is any.
func (g *guarantee) check(c *cobra.Command) error {
	if g.given = c.Flags().Changed("epsilon"); !g.given {
		for _, other := range []string{"delta", "largest"} {
			if c.Flags().Changed(other) {
				return fmt.Errorf("--%s is for --epsilon", other)
			}
		}
		return nil
	}
	for _, other := range []string{"order", "baseline"} {
		if c.Flags().Changed(other) {
			return fmt.Errorf("--%s has no guarantee: leave it out, or --epsilon", other)
		}
	}
	switch {
	case !(g.Epsilon > 0):
		return fmt.Errorf("--epsilon %v: want a number above 0, such as 2", g.Epsilon)
	case !(g.Delta > 0 && g.Delta < 1):
		return fmt.Errorf("--delta %v: want a number above 0 and below 1, such as 1e-6", g.Delta)
	case g.largest < 1 || g.largest > traffic.MaxLength:
		return fmt.Errorf("--largest %d: want 1 to %d bytes", g.largest, traffic.MaxLength)
	}
	return nil
}

// ledgerOf is the file beside a file of flows, or a folder of captures, that says what is
// guaranteed of them.
func ledgerOf(out string) string {
	out = filepath.Clean(out)
	return strings.TrimSuffix(out, filepath.Ext(out)) + ".privacy.json"
}

// runPrivate draws flows with a guarantee, and writes the ledger and the flows.
func (o *chainOptions) runPrivate(ctx context.Context, stdout, stderr io.Writer) error {
	g := o.guarantee
	model, err := private.Fit(o.input.flows(ctx, stderr), private.Settings{
		Budget: g.Budget, Length: o.length, MaxLength: g.largest, Classes: o.classes,
	})
	if err != nil {
		return err
	}
	ledger, path := model.Ledger(), ledgerOf(o.out)
	warnLedger(stderr, ledger, path, o.classes == nil)
	var all []traffic.Flow
	for _, class := range model.Classes() {
		n := o.samples
		if n == 0 {
			n = model.Size(class)
		}
		flows, err := model.Draw(class, n, o.seed)
		if err != nil {
			return err
		}
		all = append(all, flows...)
	}
	// The ledger first: it says too much without the flows, but they would say it without
	// a guarantee.
	if err := ledger.Write(path); err != nil {
		return err
	}
	if err := traffic.Write(o.out, traffic.All(all)); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d flows of %d classes by a chain of noised counts; what is guaranteed is in %s\n", len(all), len(ledger.Classes), path)
	_, err = fmt.Fprintln(stdout, o.out)
	return err
}

// warnLedger says what a guarantee does not cover. taken is whether the names of the classes
// are those of the input.
func warnLedger(stderr io.Writer, l private.Ledger, path string, taken bool) {
	if !l.Private {
		fmt.Fprintln(stderr, "netdiffus: warning: epsilon is infinite: no noise is added, and nothing is guaranteed")
		return
	}
	fmt.Fprintf(stderr, "one flow more or less changes how likely any result is by a factor of at most e^%.4g, but for a probability of %.3g\n", *l.Epsilon, l.Delta)
	fmt.Fprintln(stderr, "  draw once and keep what was drawn: whatever else is made of the same flows adds to that, another run of this command too")
	if taken {
		fmt.Fprintln(stderr, "netdiffus: warning: the names of the classes were taken from the input and are given away; --classes names them without looking")
	}
	earlier, err := private.ReadLedger(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		fmt.Fprintf(stderr, "netdiffus: warning: %v; it is replaced\n", err)
	default:
		both := private.Together(l.Delta, earlier, l)
		text := fmt.Sprintf("both together give away epsilon %.3g", both)
		if math.IsInf(both, 1) {
			text = "that one had no guarantee, and neither have both together"
		}
		fmt.Fprintf(stderr, "netdiffus: warning: %s was there already: if those flows were drawn from the same input and were passed on, %s at delta %.3g\n", path, text, l.Delta)
	}
}
