package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

var errNotConfirmed = errors.New("nothing deleted: answer y, or give --yes")

func runsRemoveCommand() *cobra.Command {
	var p runPlaces
	var yes bool
	c := &cobra.Command{
		Use:     "rm RUN…",
		Aliases: []string{"remove"},
		Short:   "Delete runs for good, after asking",
		Long: `Deletes run directories with all that is in them: checkpoints, samples, reports, what
trackers keep. Each is deleted whole or not at all: it gets another name first, so that a
deletion that is interrupted leaves no half of a run. A run that is being trained is
refused. Reports that lie elsewhere are named, and stay.`,
		Example: `  netdiffus runs rm first
  netdiffus runs rm --yes runs/a runs/b`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			w, total := c.ErrOrStderr(), int64(0)
			for _, r := range chosen {
				total += r.Bytes
				fmt.Fprintf(w, "%s: %s, step %d, %s\n", runs.Plain(r.Path), r.State, r.Step, megabytes(r.Bytes))
				for _, report := range r.Reports {
					if report.Inside == "" {
						fmt.Fprintf(w, "  stays: the report %s\n", runs.Plain(report.Path))
					}
				}
			}
			if !yes && !confirm(c, fmt.Sprintf("delete %s for good, %s?", plural(int64(len(chosen)), "run"), megabytes(total))) {
				return errNotConfirmed
			}
			var errs []error
			for _, r := range chosen {
				if err := runs.Remove(c.Context(), r); err != nil {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintf(c.OutOrStdout(), "deleted %s\n", runs.Plain(r.Path))
			}
			refreshIndex(c, p)
			return errors.Join(errs...)
		},
	}
	flags := c.Flags()
	p.register(flags)
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// refreshIndex lets the index forget what is gone. The index does not need it: it is
// so that nothing of a deleted run is left anywhere.
func refreshIndex(c *cobra.Command, p runPlaces) {
	_, _ = p.find(c)
}

func runsPruneCommand() *cobra.Command {
	var p runPlaces
	var yes bool
	keep := string(runs.KeepBest)
	c := &cobra.Command{
		Use:   "prune RUN…",
		Short: "Delete checkpoints that are not needed any more, after asking",
		Long: `Deletes checkpoints of runs: all but the one that the flows held out are best at (or
the newest where none were held out), with --keep last the newest, with --keep both
these two. A run whose newest checkpoint is deleted can be sampled as before, but not be
trained on from where it was.`,
		Example: `  netdiffus runs prune first --keep best
  netdiffus runs prune runs/a runs/b --keep both --yes`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			w, total, n := c.ErrOrStderr(), int64(0), 0
			for _, r := range chosen {
				gone, err := r.Pruned(runs.Keep(keep))
				if err != nil {
					return usageOf(c, fmt.Errorf("--keep: %w", err))
				}
				for _, checkpoint := range gone {
					fmt.Fprintf(w, "%s/%s: %s\n", runs.Plain(r.Path), checkpoint.Path, megabytes(checkpoint.Bytes))
					total += checkpoint.Bytes
					n++
				}
			}
			if n == 0 {
				fmt.Fprintln(w, "nothing to delete")
				return nil
			}
			if !yes && !confirm(c, fmt.Sprintf("delete %s for good, %s?", plural(int64(n), "checkpoint"), megabytes(total))) {
				return errNotConfirmed
			}
			return pruneAll(c.Context(), chosen, runs.Keep(keep))
		},
	}
	flags := c.Flags()
	p.register(flags)
	flags.StringVar(&keep, "keep", keep, "checkpoints to keep: "+strings.Join([]string{string(runs.KeepBest), string(runs.KeepLast), string(runs.KeepBoth)}, ", "))
	flags.BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func pruneAll(ctx context.Context, list []*runs.Run, keep runs.Keep) error {
	var errs []error
	for _, r := range list {
		_, err := runs.Prune(ctx, r, keep)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
