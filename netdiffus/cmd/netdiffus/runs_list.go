package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

func runsListCommand() *cobra.Command {
	var p runPlaces
	var where, sort string
	var columns []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List runs",
		Long: `Lists runs, the oldest first. An asterisk behind the preset says that settings differ
from it, an exclamation mark behind the state that something is wrong: show says what.
HELD OUT is the least cross-entropy, or else loss, of the flows held out of training, TSTR
the accuracy in the newest report of evaluate.

--where chooses: terms of a name, one of = != < <= > >= ~ (contains) !~ and a value,
joined by and, or, not and parentheses. Names are name, path, state, preset, kind, tag,
note, problem, data, host, device, created, changed, minutes, bytes, step, steps, seed,
samples, reports; settings as in config.json (training.lr, or lr); metrics (loss is the
last value, min.loss the least); figures of the newest report (tstr, hd_pl, coverage).`,
		Example: `  netdiffus runs list
  netdiffus runs list --where 'preset=default and tstr>0.88' --sort -tstr
  netdiffus runs list --in ~/experiments --where 'state!=finished or problem' --json
  netdiffus runs list --where 'lr>=1e-3 and created>2026-11-01' --columns lr,batch_size`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			condition, err := runs.ParseCondition(where)
			if err != nil {
				return usageOf(c, fmt.Errorf("--where: %w", err))
			}
			list, err := p.find(c)
			if err != nil {
				return err
			}
			if err := condition.Check(list); err != nil {
				return usageOf(c, fmt.Errorf("--where: %w", err))
			}
			var chosen []*runs.Run
			for _, r := range list {
				if condition.Match(r) {
					chosen = append(chosen, r)
				}
			}
			if sort != "" && len(chosen) > 0 {
				if err := runs.Sort(chosen, sort); err != nil {
					return usageOf(c, fmt.Errorf("--sort: %w", err))
				}
			}
			if asJSON {
				if chosen == nil {
					chosen = []*runs.Run{}
				}
				return printJSON(c.OutOrStdout(), chosen)
			}
			if len(list) == 0 {
				fmt.Fprintln(c.ErrOrStderr(), "no runs here: --in names another folder, --all looks in all that are known")
				return nil
			}
			return runs.WriteTable(c.OutOrStdout(), chosen, columns...)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	p.register(flags)
	flags.StringVar(&where, "where", "", "`expression` that chooses runs")
	flags.StringVar(&sort, "sort", "", "`field` to sort by, one of the names of --where; with - before it the greatest first")
	flags.StringSliceVar(&columns, "columns", nil, "further `fields` to show, with commas")
	flags.BoolVar(&asJSON, "json", false, "print everything about the runs as JSON")
	return c
}
