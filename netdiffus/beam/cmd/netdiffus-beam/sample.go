package main

import (
	"fmt"
	"strings"

	sdk "github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/beam"
)

func sampleCommand() *cobra.Command {
	var o beam.SampleOptions
	c := &cobra.Command{
		Use:   "sample --run DIR --out DIR",
		Short: "Draw shards of samples from a trained model",
		Long: `Sample draws what 'netdiffus sample --shards' draws, to the byte, each shard by
whichever worker is free. 'netdiffus merge' and 'netdiffus invert' read them.

A shard gets its name when it is complete, and one that is there is kept: the same
command goes on after a crash. All shards are drawn from the checkpoint that is the
run's when the command starts.`,
		Example: `  netdiffus-beam sample --run runs/first --out many --num-samples 100000 --shards 50
  netdiffus-beam sample --run gs://bucket/runs/first --out gs://bucket/many --num-samples 100000 --shards 50 --runner flink --endpoint flink:8099 --environment_type EXTERNAL --environment_config localhost:50000`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.Run, "run", "", "run `folder` of train, or a checkpoint in it (needed)")
	flags.StringVar(&o.Out, "out", "", "`folder` that the shards are put into (needed)")
	flags.IntVar(&o.N, "num-samples", 10, "samples of each class, in all shards together")
	flags.IntVar(&o.Shards, "shards", 1, "parts to draw them in")
	flags.StringSliceVar(&o.Classes, "classes", nil, "`names` of the classes to draw, with commas; empty means all")
	flags.Uint64Var(&o.Seed, "seed", 0, "of the noise: the same seed draws the same samples")
	flags.StringVar(&o.Sampler, "sampler", "", "way from noise to image, a `name`: "+strings.Join(netdiffus.Samplers.Names(), ", ")+"; empty means the model's own")
	flags.StringVar(&o.Steps, "timestep-respacing", "", `fewer steps than in training: "25", "10,10,20", "ddim25"`)
	flags.Float64Var(&o.Eta, "eta", 0, "of ddim: noise added, 0 is none and 1 as much as ancestral")
	flags.Float64Var(&o.Guidance, "guidance", 0, "scale of classifier-free guidance; 0 means none")
	flags.Float64Var(&o.Grain, "grain", 0, "models over atoms: standard deviation of the noise left on finished images; 0 means the run's, below 0 none")
	flags.StringVar(&o.Decode, "decode", "diagonal", "what finished images show, as in 'netdiffus sample'")
	flags.StringVar(&o.Weights, "weights", "", "weights to draw with: model, ema or ema_RATE; empty means the average where there is one")
	flags.IntVar(&o.Batch, "batch-size", 0, "samples computed at once; 0 means as 'netdiffus sample' does")
	flags.StringVar(&o.Device, "backend", "", "device of each worker, as in 'netdiffus sample'")
	tries := triesFlag(flags)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "run", "out"); err != nil {
			return err
		}
		pinned, err := o.Pinned(c.Context())
		if err != nil {
			return err
		}
		counts, err := run(c.Context(), *tries, func(s sdk.Scope) { beam.Sample(s, pinned) })
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%d samples of each class in %d shards in %s, %d of them drawn now\n",
			pinned.N, pinned.Shards, o.Out, counts[beam.CounterShards])
		return nil
	}
	return c
}
