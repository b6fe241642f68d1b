package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/data"
	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/sample"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

func demoCommand() *cobra.Command {
	d := demo{samples: 100}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run every step once on the sample traffic, in about two minutes",
		Long: `Runs every step once: flows become images, a diffusion model is trained on
them (train's preset quick), new images are drawn from it, those become flows
again, and both are compared.

The sample traffic is part of the program; --in takes other flows. The folder --out
is a run directory, like that of train:

  flows.parquet      the real flows
  gasf/              their images
  checkpoints/       the model
  samples/demo/      images drawn from it
  synthetic.parquet  the flows read from these images
  plots/             histograms, images, the loss curve, distances

With --series it runs on time series of numbers in place of flows (train's preset
copula, in seconds): on the sample series of twelve streamed videos, or on files that
'netdiffus series' reads. Then series.parquet holds the real ones.

Run again with the same --out, the demo continues training where it stopped.`,
		Example: `  netdiffus demo
  netdiffus demo --series
  netdiffus demo --in my-flows.parquet --out runs/mine --preset default`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if d.series && !c.Flags().Changed("preset") {
				d.preset = "copula"
			}
			if d.steps < 0 || d.samples < 1 {
				return usageOf(c, errors.New("--steps and --num-samples: want more than 0"))
			}
			if _, ok := netdiffus.Presets[d.preset]; !ok {
				return usageOf(c, fmt.Errorf("--preset %q: want one of %s", d.preset, strings.Join(presetNames(), ", ")))
			}
			if err := d.columns.Apply(&d.reader); err != nil {
				return usageOf(c, err)
			}
			return d.run(c)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&d.out, "out", "netdiffus-demo", "run directory")
	flags.BoolVar(&d.series, "series", false, "run on time series of numbers in place of flows")
	flags.StringVar(&d.in, "in", "", "file or folder of flows, of any kind that 'netdiffus flows' reads, or with --series of series; empty means the sample traffic")
	flags.StringVar(&d.preset, "preset", "quick", "settings of the model (with --series: copula), a `name`: "+strings.Join(presetNames(), ", "))
	flags.IntVar(&d.steps, "steps", 0, "training steps; 0 means those of the preset, or else 600")
	flags.IntVar(&d.samples, "num-samples", d.samples, "samples of each class")
	flags.Uint64Var(&d.seed, "seed", 0, "of weights, batches and samples")
	d.columns.Register(flags)
	addNoHost(flags)
	d.choice = deviceFlags(flags)
	return c
}

// demo is one run of everything.
type demo struct {
	series  bool // in place of flows
	in, out string
	preset  string
	steps   int
	samples int
	seed    uint64
	choice  *deviceChoice
	columns columnFlags
	reader  traffic.Reader // of in

	device compute.Backend
	found  backend.Finding // how the device was found
	slow   bool            // it is pure Go
}

// The demo's own files in the run directory.
func (d *demo) input() string     { return filepath.Join(d.out, string(d.record())+".parquet") }
func (d *demo) images() string    { return filepath.Join(d.out, "gasf") }
func (d *demo) drawn() string     { return filepath.Join(track.Samples(d.out), "demo") }
func (d *demo) synthetic() string { return filepath.Join(d.out, "synthetic.parquet") }

// record is what the demo runs on.
func (d *demo) record() dataset.Record {
	if d.series {
		return dataset.Series
	}
	return dataset.Flows
}

func (d *demo) run(c *cobra.Command) error {
	real, err := d.real(c.ErrOrStderr())
	if err != nil {
		return err
	}
	if err := d.claim(real); err != nil {
		return err
	}
	w, start := c.ErrOrStderr(), time.Now()
	stages := []struct {
		title string
		do    func(*cobra.Command) error
	}{
		{string(d.record()) + " to images", d.convert},
		{"opening the device", d.open},
		{"training", d.train},
		{"drawing new images", d.draw},
		{"images to " + string(d.record()), d.invert},
		{"comparing with the real ones", d.compare},
	}
	for i, s := range stages {
		fmt.Fprintf(w, "[%d/%d] %s\n", i+1, len(stages), s.title)
		began := time.Now()
		if err = c.Context().Err(); err == nil {
			err = s.do(c)
		}
		if errors.Is(err, context.Canceled) {
			fmt.Fprintln(w, "stopped; the same command continues from here")
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "      took %v, %v in all\n", time.Since(began).Round(100*time.Millisecond), time.Since(start).Round(time.Second))
	}
	first := "overview.png"
	if d.series {
		first = "traces_*.png"
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "Look at %s first; everything is in %s\n", filepath.Join(track.Plots(d.out), first), d.out)
	return err
}

// real returns the file of flows or series to run on, in Parquet: other kinds, and
// tables with other columns, are converted.
func (d *demo) real(stderr io.Writer) ([]byte, error) {
	switch {
	case d.in == "" && d.series:
		return data.Titles, nil
	case d.in == "":
		return data.Loopback, nil
	case d.series:
		return d.realSeries(stderr)
	}
	if isOwn, err := d.isOwnParquet(); isOwn || err != nil {
		file, readErr := os.ReadFile(d.in)
		return file, errors.Join(err, readErr)
	}
	scratch, err := os.MkdirTemp("", "netdiffus-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	path := filepath.Join(scratch, "flows.parquet")
	d.reader.Recognized = recognizedTo(stderr)
	if err := traffic.Write(path, d.reader.Read(d.in)); err != nil {
		return nil, withColumnHint(err)
	}
	return os.ReadFile(path)
}

// realSeries is the input's series in Parquet.
func (d *demo) realSeries(stderr io.Writer) ([]byte, error) {
	scratch, err := os.MkdirTemp("", "netdiffus-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	path := filepath.Join(scratch, "series.parquet")
	reader, err := (&seriesFlags{}).reader(d.columns, "", 0, stderr)
	if err != nil {
		return nil, err
	}
	if err := series.Write(path, reader.ReadAll(d.in)); err != nil {
		return nil, withSeriesHint(err)
	}
	return os.ReadFile(path)
}

// isOwnParquet reports whether the input is a Parquet file of this library's columns.
func (d *demo) isOwnParquet() (bool, error) {
	info, err := os.Stat(d.in)
	if err != nil || info.IsDir() || d.columns.given() {
		return false, err
	}
	found, err := traffic.Stat(d.in)
	if err != nil {
		return false, nil // the conversion reports it
	}
	return strings.HasSuffix(d.in, ".parquet") && slices.Contains(found.Columns, "PL"), nil
}

// claim creates the run directory and writes the flows or series to it. An existing one
// must be a demo's, of the same.
func (d *demo) claim(real []byte) error {
	entries, err := os.ReadDir(d.out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before, err := os.ReadFile(d.input())
	switch {
	case err == nil && bytes.Equal(before, real):
		return nil
	case err == nil:
		return fmt.Errorf("%s holds a demo of other %s: choose another --out", d.out, d.record())
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty and holds no demo: choose another --out", d.out)
	}
	if err := os.MkdirAll(d.out, 0o777); err != nil {
		return err
	}
	return atomicfile.WriteFile(d.input(), real)
}

func (d *demo) convert(c *cobra.Command) error {
	convert := convertOptions{input: inputFlags{paths: []string{d.input()}}, isSeries: d.series, out: d.images(), layout: string(dataset.PerClass), overwrite: true}
	recipe := dataset.Recipe{Record: d.record(), Channels: []dataset.Channel{{Codec: netdiffus.Presets[d.preset]().Kind.Codec()}}}
	return convert.run(c.Context(), recipe, c.ErrOrStderr(), c.ErrOrStderr())
}

func (d *demo) open(c *cobra.Command) (err error) {
	w := c.ErrOrStderr()
	if d.device, d.found, err = openDevice(c.Context(), w, *d.choice); err != nil {
		return err
	}
	fmt.Fprintln(w, d.device.Description())
	if d.slow = d.device.String() == "go"; d.slow {
		d.samples = min(d.samples, 10)
		fmt.Fprintf(w, "training and sampling are cut short, and the images will be poor: pure Go is about %d times slower than XLA\n", backend.GoSlowdown)
	}
	return nil
}

// config returns the preset's model and the number of training steps.
func (d *demo) config(set *dataset.Set) (netdiffus.Config, int, error) {
	cfg := netdiffus.Presets[d.preset]()
	cfg.Training.Seed = d.seed
	steps := d.steps
	if d.slow && steps == 0 {
		steps = 40
	}
	if cfg.Training.Decay {
		cfg.Training.Steps = steps // Fit plans where this is 0
	}
	cfg, err := cfg.Fit(set)
	return cfg, cmp.Or(steps, cfg.Training.Steps, 600), err
}

func (d *demo) train(c *cobra.Command) error {
	w := c.ErrOrStderr()
	set, err := dataset.Open(d.images(), nil)
	if err != nil {
		return err
	}
	cfg, steps, err := d.config(set)
	if err != nil {
		return err
	}
	m, err := cfg.Model()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d images of %d classes, %s\n", set.Len(), len(set.Classes), describeModel(cfg, m))
	session := newSession(c, d.found, d.images())
	session.Preset = d.preset
	bar := newProgress(w, "step", steps)
	opt := train.Options{Dir: d.out, Steps: steps, Session: &session, Status: bar.note}
	_, _, err = follow(bar, train.Run(c.Context(), d.device, cfg, set, opt))
	return err
}

func (d *demo) draw(c *cobra.Command) error {
	g, err := sample.Open(d.device, d.out)
	if err != nil {
		return err
	}
	request := sample.Request{N: d.samples, Seed: d.seed}
	if d.slow {
		request.Steps = "10"
	}
	set, err := draw(c.Context(), c.ErrOrStderr(), g, request)
	if err != nil {
		return err
	}
	return set.Save(d.drawn(), &dataset.SaveOptions{Layout: dataset.Samples, Overwrite: true})
}

func (d *demo) invert(c *cobra.Command) error {
	invert := invertOptions{in: d.drawn(), out: d.synthetic()}
	return invert.run(c.Context(), dataset.OpenOptions{}, c.ErrOrStderr(), c.ErrOrStderr())
}

// compare compares the synthetic flows with the real ones as the images show them:
// cut to the images' number of packets.
func (d *demo) compare(c *cobra.Command) error {
	if d.series {
		return d.compareSeries(c)
	}
	comparison, err := compareTraffic(c.ErrOrStderr(), traffic.Reader{}, d.images(), d.drawn(), dataset.Recipe{}, report.Limit{}, 0)
	if err != nil {
		return err
	}
	var options report.PlotOptions
	if options.Loss, err = track.Metrics(d.out); err != nil {
		return err
	}
	if err := comparison.Save(c.Context(), track.Plots(d.out), options); err != nil {
		return err
	}
	return comparison.Print(c.OutOrStdout())
}

// compareSeries compares the synthetic series with the real ones.
func (d *demo) compareSeries(c *cobra.Command) error {
	var sets [2][]series.Series
	for i, dir := range []string{d.images(), d.drawn()} {
		set, err := dataset.Open(dir, nil)
		if err != nil {
			return err
		}
		if sets[i], err = series.Collect(set.AllSeries()); err != nil {
			return err
		}
	}
	comparison, err := report.CompareSeries(sets[0], sets[1])
	if err != nil {
		return err
	}
	if err := comparison.Save(c.Context(), track.Plots(d.out), report.PlotOptions{}); err != nil {
		return err
	}
	return comparison.Print(c.OutOrStdout())
}
