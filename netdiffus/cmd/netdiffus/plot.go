package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

func plotCommand() *cobra.Command {
	var real, synthetic, out, run string
	c := comparison{bins: 30, format: "png"}
	cmd := &cobra.Command{
		Use:   "plot --real F.parquet|DIR --synthetic F.parquet|DIR --out DIR",
		Short: "Draw real against synthetic traffic and measure the distances",
		Long: `Draws histograms of payload length (PL) and direction (DIR) of real and synthetic
packets, for all classes together and for each, and writes the distances between
them as a table.

Each side is a Parquet file of flows, or a folder of images as convert and
sample write it; folders are inverted on the way, and some of their images are
shown too. --run adds the training's loss curve.

In --out: overview, pl_global, dir_global, classes_pl, classes_dir, pl_CLASS and
dir_CLASS for every class, images, loss, distances.csv and distances.json.
Histograms have --bins common bins for both sides; Hellinger, Jensen-Shannon
(bits) and total variation are of these. W1 is the Wasserstein distance, for PL
in bytes; KS is the Kolmogorov-Smirnov statistic.`,
		Example: `  netdiffus plot --real flows.parquet --synthetic synthetic.parquet --out plots
  netdiffus plot --real runs/gasf --synthetic runs/first/samples --run runs/first --out runs/first/plots --format svg`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if real == "" || synthetic == "" || out == "" {
				return usageOf(cmd, errors.New("--real, --synthetic and --out are needed"))
			}
			if err := c.check(); err != nil {
				return usageOf(cmd, err)
			}
			var err error
			if c.real, err = readSide(real); err != nil {
				return fmt.Errorf("plot: real: %w", err)
			}
			if c.synthetic, err = readSide(synthetic); err != nil {
				return fmt.Errorf("plot: synthetic: %w", err)
			}
			if run != "" {
				if c.loss, err = track.Metrics(run); err != nil {
					return fmt.Errorf("plot: %w", err)
				}
				if len(c.loss) == 0 {
					return fmt.Errorf("plot: %s: no metrics; is it a run directory that train has written?", run)
				}
			}
			t, err := c.write(cmd.Context(), out)
			if err != nil {
				return fmt.Errorf("plot: %w", err)
			}
			if err := t.print(cmd.OutOrStdout()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "figures and distances are in %s\n", out)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&real, "real", "", "real traffic: a Parquet file or a folder of images")
	flags.StringVar(&synthetic, "synthetic", "", "synthetic traffic: a Parquet file or a folder of images")
	flags.StringVar(&out, "out", "", "folder for the figures and the table; made where it is missing")
	flags.StringVar(&run, "run", "", "run directory whose loss curve to draw")
	flags.IntVar(&c.bins, "bins", c.bins, "bins of the payload length histograms")
	flags.StringVar(&c.format, "format", c.format, "format of the figures: "+strings.Join(plots.Formats(), " or "))
	return cmd
}

// check tells what is wrong with the settings.
func (c comparison) check() error {
	switch {
	case c.bins < 2 || c.bins > 10000:
		return errors.New("--bins: want 2 to 10000")
	case !slices.Contains(plots.Formats(), c.format):
		return fmt.Errorf("--format %q: want %s", c.format, strings.Join(plots.Formats(), " or "))
	}
	return nil
}
