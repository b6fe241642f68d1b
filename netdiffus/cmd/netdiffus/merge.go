package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
)

func mergeCommand() *cobra.Command {
	var in []string
	var out string
	var overwrite bool
	c := &cobra.Command{
		Use:   "merge --in DIR --out DIR",
		Short: "Put shards of samples together into one set",
		Long: `Merge puts the shards that 'netdiffus sample --shards' drew, on one machine or on
several, together into the set of samples that they are parts of: the same files as
if all had been drawn at once.

It checks first that no shard is missing or there twice, that each holds as many
samples as it should, and that all were drawn from the same weights with the same
seed and settings. Memory does not grow with the shards.`,
		Example: `  netdiffus merge --in many --out all
  netdiffus merge --in host1/many,host2/many --out all`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(in) == 0 || out == "" {
				return usageOf(c, fmt.Errorf("--in and --out are needed"))
			}
			shards, err := dataset.OpenShards(in...)
			if err != nil {
				return err
			}
			if err := shards.Merge(c.Context(), out, &dataset.SaveOptions{Overwrite: overwrite}); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d samples of %d shards in %s\n", shards.Len(), shards.Count(), out)
			return nil
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&in, "in", nil, "`folders` that hold shards, or are shards, with commas (needed)")
	flags.StringVar(&out, "out", "", "`folder` to write; it must be new or empty (needed)")
	flags.BoolVar(&overwrite, "overwrite", false, "replace an earlier data set in --out")
	return c
}
