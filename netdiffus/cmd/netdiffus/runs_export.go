package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
	"github.com/netdiffus/netdiffus-go/netdiffus/tracker"
)

func runsExportCommand() *cobra.Command {
	var p runPlaces
	var to, out string
	c := &cobra.Command{
		Use:   "export RUN… --to csv|" + strings.Join(tracker.Names(), "|"),
		Short: "Take runs to tables or to a tracker",
		Long: `csv writes runs.csv (a line a run, with its settings), metrics.csv (run, step, metric,
value) and figures.csv (the reports, baselines included) into the folder --out.

The trackers get what they do not have yet of each run: parameters, metrics, pictures,
reports. Where a tracker is not at its usual place, name it: mlflow=http://host:5000,
tensorboard=FOLDER. Passwords and tokens come from the environment.`,
		Example: `  netdiffus runs export first second --to csv --out tables
  netdiffus runs export first --to mlflow=http://127.0.0.1:5000
  netdiffus runs export first --to tensorboard`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if to == "csv" && out == "" {
				return usageOf(c, errors.New("--to csv needs --out: the folder to write to"))
			}
			var targets []tracker.Target
			if to != "csv" {
				var err error
				if targets, err = tracker.Parse(to); err != nil {
					return usageOf(c, fmt.Errorf("--to: %w", err))
				}
				if len(targets) == 0 {
					return usageOf(c, fmt.Errorf("--to is needed: csv, %s", strings.Join(tracker.Names(), ", ")))
				}
			}
			chosen, err := p.choose(c, args)
			if err != nil {
				return err
			}
			if to == "csv" {
				if err := runs.WriteCSV(c.Context(), out, chosen); err != nil {
					return err
				}
				_, err := fmt.Fprintln(c.OutOrStdout(), out)
				return err
			}
			return exportTo(c, targets, chosen)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	p.register(flags)
	flags.StringVar(&to, "to", "", "where to: csv, or trackers with commas: "+strings.Join(tracker.Names(), ", "))
	flags.StringVar(&out, "out", "", "csv: `folder` for the tables; made where it is missing")
	return c
}

// exportTo sends runs to trackers. One that fails does not keep the others from what they
// are to get.
func exportTo(c *cobra.Command, targets []tracker.Target, list []*runs.Run) error {
	w := c.ErrOrStderr()
	var errs []error
	for _, t := range targets {
		for _, r := range list {
			if len(r.Settings) == 0 {
				errs = append(errs, fmt.Errorf("%s cannot be sent: %s", runs.Plain(r.Name), strings.Join(r.Problems, "; ")))
				continue
			}
			sent, err := tracker.Export(c.Context(), r.Path, t, tracker.Options{
				Status:   trackerStatus(r.State),
				Progress: func(message string) { fmt.Fprintln(w, message) },
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("%s to %s: %w", runs.Plain(r.Name), t.Name, err))
				continue
			}
			what := fmt.Sprintf("%d lines of metrics, %d files", sent.Points, sent.Files)
			if sent.Points+sent.Files+len(sent.Skipped) == 0 {
				what = "has everything already"
			}
			fmt.Fprintf(c.OutOrStdout(), "%s to %s: %s, as %s\n", runs.Plain(r.Name), sent.At, what, sent.ID)
			for _, why := range sent.Skipped {
				fmt.Fprintf(w, "  left out: %s\n", why)
			}
			if sent.Unkept != nil {
				fmt.Fprintf(w, "  not noted that it is there, so that another export sends it again: %v\n", sent.Unkept)
			}
		}
	}
	return errors.Join(errs...)
}

// trackerStatus is a run's state in a tracker's words.
func trackerStatus(s runs.State) tracker.Status {
	switch s {
	case runs.Training:
		return tracker.Running
	case runs.Finished:
		return tracker.Finished
	case runs.Failed:
		return tracker.Failed
	}
	return tracker.Stopped
}
