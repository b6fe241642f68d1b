package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func plotCommand() *cobra.Command {
	o := plotOptions{bins: 30, format: "png"}
	c := &cobra.Command{
		Use:   "plot --real F.parquet|DIR --synthetic F.parquet|DIR --out DIR",
		Short: "Draw real against synthetic traffic and measure the distances",
		Long: `Draws histograms of payload length (PL) and direction (DIR) of real and synthetic
packets, for all classes together and for each, and writes the distances between
them as a table.

Each side is a file of flows, or a folder of images as convert and sample write it.
Folders are inverted first, and some of their images are shown too; flows of the
other side are then cut to as many packets as the images hold. --run adds the
training's loss curve.

In --out: overview, pl_global, dir_global, classes_pl, classes_dir, pl_CLASS and
dir_CLASS for every class, images, loss, distances.csv and distances.json; where
both sides have inter-arrival times iat_global and classes_iat, too.
Time series, files or sets of images of series, are drawn as traces, real above
synthetic, as histograms of their values, as autocorrelations and as power spectra,
each by class: traces, values, autocorrelation and spectra, of several channels with
the channel's name behind; their distances are in standard deviations of the real
values.

Of inputs larger than that, --limit flows or series of each class are drawn at random, the
same in every run, and the program says so.

The histograms have --bins common bins for both sides. The distances are those of
evaluate, of all flows taken: Hellinger, Jensen-Shannon (bits) and total variation count
payload lengths in 10 bins over the real flows; W1 is the Wasserstein distance, for
PL in bytes; KS is the Kolmogorov-Smirnov statistic. docs/metrics.md defines them.`,
		Example: `  netdiffus plot --real flows.parquet --synthetic synthetic.parquet --out plots
  netdiffus plot --real runs/gasf --synthetic runs/first/samples --run runs/first --out runs/first/plots --format svg`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			recipe, err := o.recipe()
			if err != nil {
				return usageOf(c, err)
			}
			if err := o.execute(c, recipe); err != nil {
				return fmt.Errorf("plot: %w", err)
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.real, "real", "", "real traffic: a file of flows or a folder of images (needed)")
	flags.StringVar(&o.synthetic, "synthetic", "", "synthetic traffic: a file of flows or a folder of images (needed)")
	flags.StringVar(&o.out, "out", "", "folder for the figures and the table; made where it is missing (needed)")
	flags.StringVar(&o.run, "run", "", "run directory whose loss curve to draw")
	flags.IntVar(&o.bins, "bins", o.bins, "bins of the histograms")
	flags.IntVar(&o.limit.PerClass, "limit", 10000, "compare at most so many flows or series of each class of each side, drawn at random where there are more; 0 means all")
	flags.IntVar(&o.length, "length", 0, "packets of each flow to compare, from its start; 0 means as many as the images hold, or all")
	flags.StringVar(&o.format, "format", o.format, "format of the figures: "+strings.Join(plots.Formats(), " or "))
	flags.StringVar(&o.scale, "scale", "", "MIN,MAX of the lengths, bytes, for images without a manifest")
	o.columns.Register(flags)
	o.series.register(flags)
	return c
}

// plotOptions are plot's flags.
type plotOptions struct {
	real, synthetic, out, run string
	format, scale             string
	bins, length              int
	limit                     report.Limit
	columns                   columnFlags
	series                    seriesFlags
}

// recipe checks the flags and returns the recipe of images without a manifest. Its
// errors are of usage.
func (o plotOptions) recipe() (dataset.Recipe, error) {
	var r dataset.Recipe
	if err := required("real", o.real, "synthetic", o.synthetic, "out", o.out); err != nil {
		return r, err
	}
	switch {
	case o.bins < 2 || o.bins > 10000:
		return r, fmt.Errorf("--bins %d: want 2 to 10000", o.bins)
	case o.length < 0:
		return r, fmt.Errorf("--length %d: want 1 or more packets, or 0", o.length)
	case o.limit.PerClass < 0:
		return r, errors.New("--limit: want a positive number, or 0 for all")
	case !slices.Contains(plots.Formats(), o.format):
		return r, fmt.Errorf("--format %q: want %s", o.format, strings.Join(plots.Formats(), " or "))
	}
	if o.scale != "" {
		m, err := flowflags.ParseScale(o.scale)
		if err != nil {
			return r, err
		}
		r.Channels = []dataset.Channel{{Codec: m}}
	}
	return r, o.columns.check()
}

// comparison is flows or series compared.
type comparison interface {
	Save(ctx context.Context, dir string, o report.PlotOptions) error
	Print(w io.Writer) error
}

// compare reads both sides and compares them.
func (o plotOptions) compare(c *cobra.Command, recipe dataset.Recipe) (comparison, error) {
	ofSeries, err := areSeries(&o.series, "real", o.real, "synthetic", o.synthetic)
	if err != nil {
		return nil, err
	}
	if !ofSeries {
		return compareTraffic(c.ErrOrStderr(), o.columns.reader(c.ErrOrStderr()), o.real, o.synthetic, recipe, o.limit, o.length)
	}
	if o.length > 0 || o.scale != "" {
		return nil, errors.New("--length and --scale are for flows; series are compared whole")
	}
	reader, err := o.series.reader(o.columns, "", 0, c.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	var sides [2][]series.Series
	for i, side := range []struct{ name, path string }{{"real", o.real}, {"synthetic", o.synthetic}} {
		var drawn *report.Drawn
		if sides[i], drawn, err = limitedSeries(c.Context(), reader, side.path, o.limit); err != nil {
			return nil, err
		}
		printDrawn(c.ErrOrStderr(), side.name, drawn)
	}
	return report.CompareSeries(sides[0], sides[1])
}

func (o plotOptions) execute(c *cobra.Command, recipe dataset.Recipe) error {
	comparison, err := o.compare(c, recipe)
	if err != nil {
		return err
	}
	options := report.PlotOptions{Format: o.format, Bins: o.bins}
	if o.run != "" {
		if options.Loss, err = track.Metrics(o.run); err != nil {
			return err
		}
		if len(options.Loss) == 0 {
			var cfg netdiffus.Config
			if err := track.ReadConfig(o.run, &cfg); err != nil || !counted(cfg) {
				return fmt.Errorf("%s: no metrics; is it a run directory that train has written?", o.run)
			}
			fmt.Fprintf(c.ErrOrStderr(), "%s: no loss to draw: the model was counted, not trained\n", o.run)
		}
	}
	if err := comparison.Save(c.Context(), o.out, options); err != nil {
		return err
	}
	if err := comparison.Print(c.OutOrStdout()); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "figures and distances are in %s\n", o.out)
	return nil
}

// compareTraffic opens both sides, files of flows or folders of images, as far as the limit
// lets it, and compares so many packets of each flow; 0 means as many as the images of either
// side hold.
func compareTraffic(w io.Writer, reader traffic.Reader, real, synthetic string, recipe dataset.Recipe, limit report.Limit, packets int) (*report.Comparison, error) {
	var sides [2]report.Traffic
	for i, side := range []struct{ name, path string }{{"real", real}, {"synthetic", synthetic}} {
		var drawn *report.Drawn
		var err error
		if sides[i], drawn, err = openTraffic(reader, side.path, recipe, limit); err != nil {
			return nil, fmt.Errorf("%s: %w", side.name, err)
		}
		printDrawn(w, side.name, drawn)
	}
	return report.Compare(sides[0], sides[1], packets)
}

// printDrawn says that a part of a side was compared.
func printDrawn(w io.Writer, side string, drawn *report.Drawn) {
	if drawn != nil {
		fmt.Fprintf(w, "compared a part of the %s side: %v\n", side, *drawn)
	}
}
