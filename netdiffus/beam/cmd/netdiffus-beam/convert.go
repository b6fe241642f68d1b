package main

import (
	"errors"
	"fmt"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/beam"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
)

func convertCommand() *cobra.Command {
	var o beam.ConvertOptions
	var reading flowflags.Reading
	var columns flowflags.Columns
	var recipe flowflags.Recipe
	c := &cobra.Command{
		Use:   "convert --in FILES --out DIR",
		Short: "Turn flows into shards of images",
		Long: `Convert makes the images that 'netdiffus convert --layout per-class' makes, in shards,
each by whichever worker is free. 'netdiffus merge' puts them together, to the byte what
one 'netdiffus convert' of the same files writes; 'netdiffus invert' reads them as they
are.

Two pipelines follow each other. In the first, workers read the files, each one or, of
Parquet files on local disks, parts of one; what they count is combined into the one
encoding of all images, and the shards are planned. In the second, each shard is made of
its rows. A shard gets its name when it is complete, and one that is there is kept, if it
is of the same files and settings: the same command goes on after a crash, and counts anew.

A worker reads a file that is no Parquet from its beginning, and copies one that is not on
a local disk whole: many files of some megabytes are better than one. Time series,
pictures and --codec quantiles are for 'netdiffus convert'.`,
		Example: `  netdiffus-beam convert --in 'flows/*.parquet' --out shards --codec atoms --shards 50
  netdiffus-beam convert --in captures/ --out shards --features signed_length,inter_arrival --codec atoms
  netdiffus-beam convert --in 'gs://bucket/flows/*.parquet' --out gs://bucket/shards --length 20 --low 0.1 --shards 50 --runner flink --endpoint flink:8099 --environment_type EXTERNAL --environment_config localhost:50000`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&o.In, "in", nil, "`file` of flows as 'netdiffus convert' reads them, or pattern of files ('flows/*.parquet'); on local disks also a folder; may be given several times (needed)")
	flags.StringVar(&o.Out, "out", "", "`folder` that the shards are put into (needed)")
	flags.IntVar(&o.Shards, "shards", 1, "parts to make the images in; fewer where there are fewer flows")
	flags.StringSliceVar(&o.Classes, "classes", nil, "convert only these classes, A,B (default: all)")
	recipe.Register(flags)
	reading.Register(flags, &o.Reader)
	flowflags.Connections(flags, &o.Reader)
	columns.Register(flags)
	tries := triesFlag(flags)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "in", "out"); err != nil {
			return err
		}
		if o.Shards < 1 {
			return usageError{errors.New("--shards: want 1 or more")}
		}
		r, err := recipe.Recipe()
		if err == nil {
			o.Encoding, err = dataset.NewEncoding(r)
		}
		if err := errors.Join(err, reading.Apply(&o.Reader), columns.Apply(&o.Reader)); err != nil {
			return usageError{err}
		}
		divided, err := o.Divided(c.Context())
		if err != nil {
			return err
		}
		if _, err := run(c.Context(), *tries, func(s sdk.Scope) { beam.Count(s, divided) }); err != nil {
			return err
		}
		counted, err := divided.Counted(c.Context())
		if err != nil {
			return err
		}
		counts, err := run(c.Context(), *tries, func(s sdk.Scope) { beam.Convert(s, counted) })
		if err != nil {
			return err
		}
		made := counts[beam.CounterFlows]
		fmt.Fprintf(c.OutOrStdout(), "%d shards in %s, %d of them made now, of %d flows\n", counted.Shards, o.Out, counts[beam.CounterShards], made)
		if exact, inverts := counts[beam.CounterExact]; inverts {
			fmt.Fprintf(c.OutOrStdout(), "  round trip  %d of these flows come back exactly in float32\n", exact)
		}
		return nil
	}
	return c
}
