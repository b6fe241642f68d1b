package main

import (
	"errors"
	"fmt"
	"strings"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/beam"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
)

func evaluateCommand() *cobra.Command {
	var o beam.EvaluateOptions
	var tasks []string
	c := &cobra.Command{
		Use:   "evaluate --real-train F --real-test F --synthetic DIR --out DIR",
		Short: "Judge flows drawn at random from shards of samples",
		Long: `Evaluate judges shards of samples as 'netdiffus evaluate' does: workers read the
shards, and of each class --limit flows, drawn at random, are judged by one of them.
They are the flows that 'netdiffus evaluate' draws of the same shards. The figures of
images, the CNN and attacks on privacy are left out.`,
		Example: "  netdiffus-beam evaluate --real-train train.parquet --real-test test.parquet --synthetic gs://bucket/many --out gs://bucket/report",
		Args:    cobra.NoArgs,
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.Train, "real-train", "", "`file` of real flows that the generator was trained on (needed)")
	flags.StringVar(&o.Test, "real-test", "", "`file` of real flows that it was not trained on (needed)")
	flags.StringVar(&o.Synthetic, "synthetic", "", "`folder` of shards (needed)")
	flags.StringVar(&o.Out, "out", "", "`folder` for metrics.json and report.html (needed)")
	flags.IntVar(&o.Limit.PerClass, "limit", 10000, "judge at most so many flows of each class of each input; 0 means all")
	flags.IntSliceVar(&o.PerClass, "per-class", []int{100, 300}, "numbers of flows a class to judge")
	flags.IntVar(&o.Seeds, "seeds", 3, "repetitions of every draw and classifier")
	flags.IntVar(&o.Trees, "trees", 200, "trees of the random forests")
	flags.StringSliceVar(&tasks, "tasks", nil, "uses of the flows to measure; empty means all")
	tries := triesFlag(flags)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "real-train", "real-test", "synthetic", "out"); err != nil {
			return err
		}
		if o.Limit.PerClass < 0 {
			return usageError{errors.New("--limit: want a positive number, or 0 for all")}
		}
		for _, n := range o.PerClass {
			if n < 1 {
				return usageError{fmt.Errorf("--per-class %d: want numbers from 1", n)}
			}
			if o.Limit.PerClass > 0 {
				o.Limit.PerClass = max(o.Limit.PerClass, n)
			}
		}
		for _, task := range tasks {
			o.Tasks = append(o.Tasks, report.Task(strings.TrimSpace(task)))
		}
		listed, err := o.Listed(c.Context())
		if err != nil {
			return err
		}
		if _, err := run(c.Context(), *tries, func(s sdk.Scope) { beam.Evaluate(s, listed) }); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "the report is %s/%s\n", strings.TrimRight(o.Out, "/"), report.HTMLName)
		return nil
	}
	return c
}
