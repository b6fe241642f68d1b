package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify/cnn"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func evaluateCommand() *cobra.Command {
	var o evaluateOptions
	c := &cobra.Command{
		Use:   "evaluate --real-train F --real-test F --synthetic DIR|F --out DIR",
		Short: "Measure synthetic traffic and compare it with baselines",
		Long: `Evaluate measures synthetic flows, or time series, against real ones and writes
metrics.json, for machines, and report.html, one page with pictures, into --out.
docs/metrics.md defines the figures.

Every figure is also measured of baselines: as many real flows, Markov chains of
order 1 to 4, the merged chain (see 'chain --order auto'), and packets drawn independently of each other. They are fitted to
--real-train, which should be what the generator was trained on; --real-test must be
flows that it was not trained on. Everything is repeated for each of --seeds seeds,
with another subset of the synthetic flows each time.

--also NAME=PATH measures the flows of another generator in a row of its own: of another model
of yours, or of another tool, fitted to the same --real-train. It may be given again.

The flags of tables (--col-length and so on) are for the real flows.

--synthetic is a file of flows, or a folder of images as 'sample' writes it, with
its manifest, or of shards; files of the reference, which have none, need --scale.

Of inputs larger than that, --limit flows of each class are drawn at random, the same with
each run, and the report and what is printed say so. They are read one after the other:
memory is that of what is judged.

All three may be time series instead, files or sets of images of series with the same
channels. The baselines are then a Gaussian copula, an autoregression, blocks of real
series, Markov chains over quantised values, independent places, and two that copy:
jittered series and SMOTE. --per-class is then 100,400 and there is no task
fingerprint; the CNN works along the series, and its features give the Fréchet
distance, of four networks.

The tasks are classification (train on synthetic flows and test on real ones, and
the reverse), augmentation (5, 10, 20 and 50 real flows a class, with and without
synthetic ones), fingerprint (many classes, few traces) and anomaly (find classes
that were held out). --classifiers forest,cnn also trains a small convolutional
network on the flows' images for the first three, on --backend: with all tasks more
than a hundred times, so leave some out on a CPU.

--privacy quick attacks the synthetic flows: which flows were trained on (by the nearest
synthetic flow, and DOMIAS), singling out, linkability and inference as Anonymeter
defines them. Every attack is also tried on flows of --real-test, which nobody was trained
on, and on the training flows themselves and the Markov chains' for comparison. --privacy
deep adds LiRA, with 16 shadow models for each row; the synthetic flows' generator is taken
for a merged chain, which that of 'train --preset default' is, of series for a copula. With
--shadow-run it is trained anew 16 times with the settings of that run, for as many steps:
that takes 16 times as long as the run did.
docs/privacy.md says what each attack means, and what it cannot show.`,
		Example: `  netdiffus evaluate --real-train train.parquet --real-test test.parquet --synthetic runs/first/samples --out runs/first/report
  netdiffus evaluate --real-train video-train.csv --real-test video-test.csv --synthetic runs/video/samples --out runs/video/report --classifiers forest,cnn
  netdiffus evaluate --real-train train.parquet --real-test test.parquet --synthetic synthetic.parquet --out report --per-class 100,300,all --tasks classification --json
  netdiffus evaluate --real-train train.parquet --real-test test.parquet --synthetic runs/first/samples --also causal=runs/second/samples --also NetShare=netshare.csv --out compared
  netdiffus evaluate --real-train train.parquet --real-test test.parquet --synthetic runs/first/samples --out report --privacy quick
  netdiffus evaluate --real-train train.parquet --real-test test.parquet --synthetic synthetic.parquet --out report --tasks classification --privacy deep
  netdiffus evaluate --real-train train.parquet --real-test test.parquet --synthetic runs/quick/samples --out report --privacy deep --shadow-run runs/quick`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options, recipe, err := o.check()
			if err == nil {
				err = o.columns.check()
			}
			if err == nil {
				o.also, err = parseAlso(o.alsoWords)
			}
			if err != nil {
				return usageOf(c, err)
			}
			if err := o.run(c, options, recipe); err != nil {
				return fmt.Errorf("evaluate: %w", err)
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.train, "real-train", "", "real flows that the generator was trained on")
	flags.StringVar(&o.test, "real-test", "", "real flows that it was not trained on")
	flags.StringVar(&o.synthetic, "synthetic", "", "synthetic flows: a file, or a folder of images")
	flags.StringArrayVar(&o.alsoWords, "also", nil, "NAME=PATH of another generator's flows, a row of that name beside the baselines; may be given again")
	flags.StringVar(&o.out, "out", "", "folder for metrics.json and report.html; made where it is missing")
	flags.StringSliceVar(&o.perClass, "per-class", []string{"100", "300"}, "numbers of flows a class to judge; \"all\" is as many as in --real-train")
	flags.IntVar(&o.limit, "limit", 10000, "judge at most so many flows of each class of each input, drawn at random where there are more; 0 means all")
	flags.IntVar(&o.seeds, "seeds", 3, "repetitions of every draw and classifier")
	flags.IntVar(&o.length, "length", 0, "packets a flow, from its start; 0 means as many as the images show, 10 without images")
	flags.IntVar(&o.trees, "trees", 200, "trees of the random forests")
	flags.StringSliceVar(&o.tasks, "tasks", names(report.Tasks()), "uses of the flows to measure")
	flags.StringSliceVar(&o.classifiers, "classifiers", []string{"forest"}, "forest, or forest,cnn")
	flags.StringVar(&o.privacy, "privacy", "", "attack the synthetic flows: quick, or deep with shadow models")
	flags.StringVar(&o.shadowRun, "shadow-run", "", "--privacy deep: run directory of the model that drew the synthetic flows; the shadow models are trained as it was")
	flags.StringVar(&o.scale, "scale", "", "MIN,MAX of the lengths, bytes, for images without a manifest")
	flags.BoolVar(&o.unsigned, "unsigned", false, "the synthetic flows have no directions: use none")
	flags.BoolVar(&o.json, "json", false, "print metrics.json instead of the summary")
	o.columns.Register(flags)
	o.series.register(flags)
	o.device = deviceFlags(flags)
	return c
}

// evaluateOptions are the flags of evaluate.
type evaluateOptions struct {
	train, test, synthetic, out  string
	alsoWords                    []string
	also                         []also // of alsoWords
	perClass, tasks, classifiers []string
	seeds, length, trees, limit  int
	scale, privacy, shadowRun    string
	unsigned, json               bool
	device                       *deviceChoice
	series                       seriesFlags
	columns                      columnFlags
}

func names[S ~string](list []S) []string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

// check parses the flags. Its errors are of usage.
func (o evaluateOptions) check() (report.Options, dataset.Recipe, error) {
	options := report.Options{Seeds: o.seeds, SeriesLength: o.length, Trees: o.trees, Privacy: report.Privacy(o.privacy)}
	if err := required("real-train", o.train, "real-test", o.test, "synthetic", o.synthetic, "out", o.out); err != nil {
		return options, dataset.Recipe{}, err
	}
	for _, word := range o.perClass {
		n, err := strconv.Atoi(word)
		switch {
		case word == "all":
			n = report.All
		case err != nil || n < 1:
			return options, dataset.Recipe{}, fmt.Errorf("--per-class %q: want whole numbers from 1, or all", word)
		}
		options.PerClass = append(options.PerClass, n)
	}
	for _, word := range o.tasks {
		if !slices.Contains(report.Tasks(), report.Task(word)) {
			return options, dataset.Recipe{}, fmt.Errorf("--tasks %q: want some of %s", word, strings.Join(names(report.Tasks()), ","))
		}
		options.Tasks = append(options.Tasks, report.Task(word))
	}
	switch {
	case len(options.PerClass) == 0 || len(options.Tasks) == 0:
		return options, dataset.Recipe{}, errors.New("--per-class and --tasks must not be empty")
	case o.seeds < 1 || o.seeds > 1000:
		return options, dataset.Recipe{}, errors.New("--seeds: want 1 to 1000")
	case o.limit < 0:
		return options, dataset.Recipe{}, errors.New("--limit: want a positive number, or 0 for all")
	case o.length != 0 && (o.length < 2 || o.length > 1024):
		return options, dataset.Recipe{}, errors.New("--length: want 2 to 1024, or 0")
	case o.privacy != "" && o.privacy != string(report.QuickPrivacy) && o.privacy != string(report.DeepPrivacy):
		return options, dataset.Recipe{}, fmt.Errorf("--privacy %q: want quick or deep", o.privacy)
	case o.shadowRun != "" && o.privacy != string(report.DeepPrivacy):
		return options, dataset.Recipe{}, errors.New("--shadow-run is for --privacy deep")
	case o.trees < 1 || o.trees > 100000:
		return options, dataset.Recipe{}, errors.New("--trees: want 1 to 100000")
	}
	for _, word := range o.classifiers {
		if word != "forest" && word != "cnn" {
			return options, dataset.Recipe{}, fmt.Errorf("--classifiers %q: want forest or forest,cnn", word)
		}
	}
	// Images without a manifest are read as invert reads them. Without --scale,
	// --unsigned is about flows or a manifest's images.
	foreign := foreignFlags{scale: o.scale, unsigned: o.unsigned && o.scale != "", gamma: 1, classFrom: string(dataset.FromLeaf)}
	open, err := foreign.options()
	return options, open.Recipe, err
}

func (o evaluateOptions) run(c *cobra.Command, options report.Options, recipe dataset.Recipe) error {
	ctx, stderr := c.Context(), c.ErrOrStderr()
	if info, err := os.Stat(o.out); err == nil && !info.IsDir() { // before minutes of work
		return fmt.Errorf("--out %s is a file: name a folder", o.out)
	}
	named := []string{"real-train", o.train, "real-test", o.test, "synthetic", o.synthetic}
	for _, a := range o.also {
		named = append(named, "also", a.path)
	}
	ofSeries, err := areSeries(&o.series, named...)
	if err != nil {
		return err
	}
	var r *report.Report
	if ofSeries {
		r, err = o.measureSeries(c, options, watchEvaluation(stderr))
	} else {
		r, err = o.measure(c, options, recipe, watchEvaluation(stderr))
	}
	if err != nil {
		return err
	}
	if err := r.Write(ctx, o.out); err != nil {
		return err
	}
	return o.print(c.OutOrStdout(), stderr, r)
}

// watchEvaluation returns what makes an evaluation show its progress, and then returns
// what ends that.
func watchEvaluation(stderr io.Writer) func(*report.Options) func() {
	return func(options *report.Options) func() {
		var bar *progress
		options.Progress = func(completed, total int, what string) {
			if bar == nil {
				bar = newProgress(stderr, "evaluation step", total)
			}
			bar.set(completed, what)
		}
		return func() {
			if bar != nil {
				bar.finish()
			}
		}
	}
}

// measure reads flows and measures them.
func (o evaluateOptions) measure(c *cobra.Command, options report.Options, recipe dataset.Recipe, watch func(*report.Options) func()) (*report.Report, error) {
	ctx, stderr := c.Context(), c.ErrOrStderr()
	var d report.Data
	var err error
	drawn := make([]*report.Drawn, 3)
	reader, limit := o.columns.reader(stderr), o.limitFor(options)
	if d.Train, drawn[0], err = limit.Flows(watched(ctx, reader.Read(o.train), func() {})); err != nil {
		return nil, withColumnHint(err)
	}
	if d.Test, drawn[1], err = limit.Flows(watched(ctx, reader.Read(o.test), func() {})); err != nil {
		return nil, withColumnHint(err)
	}
	if d.Synthetic, drawn[2], err = openTraffic(reader, o.synthetic, recipe, limit); err != nil {
		return nil, err
	}
	for _, a := range o.also {
		other, part, err := openTraffic(reader, a.path, recipe, limit)
		if err != nil {
			return nil, err
		}
		d.Others, drawn = append(d.Others, report.Other[traffic.Flow]{Name: a.name, Records: other.Flows, Even: other.Even()}), append(drawn, part)
	}
	d.Synthetic.Unsigned = d.Synthetic.Unsigned || o.unsigned
	options.SeriesLength = cmp.Or(options.SeriesLength, d.Synthetic.SeriesLength())
	if d.Inputs, err = o.describe(ctx, drawn); err != nil {
		return nil, err
	}
	if slices.Contains(o.classifiers, "cnn") || o.shadowRun != "" {
		device, _, err := openDevice(ctx, stderr, *o.device)
		if err != nil {
			return nil, err
		}
		defer device.Finalize()
		if options, err = o.withNetworks(options, device, stderr); err != nil {
			return nil, err
		}
	}
	defer watch(&options)()
	return report.Run(ctx, d, options)
}

// describe records where the inputs are from; drawn is what was judged of each of them.
func (o evaluateOptions) describe(ctx context.Context, drawn []*report.Drawn) ([]report.Input, error) {
	type named struct{ role, name, path string }
	list := []named{{"train", "", o.train}, {"test", "", o.test}, {"synthetic", "", o.synthetic}}
	for _, a := range o.also {
		list = append(list, named{"other", a.name, a.path})
	}
	var inputs []report.Input
	for i, in := range list {
		input, err := report.Describe(ctx, in.role, in.path)
		if err != nil {
			return nil, err
		}
		input.Name, input.Drawn = in.name, drawn[i]
		inputs = append(inputs, input)
	}
	return inputs, nil
}

// limitFor is the limit that leaves as many flows as are to be judged.
func (o evaluateOptions) limitFor(options report.Options) report.Limit {
	if o.limit == 0 {
		return report.Limit{}
	}
	return report.Limit{PerClass: max(o.limit, slices.Max(append(options.PerClass, 0)))}
}

// withNetworks adds to the options what needs a device.
func (o evaluateOptions) withNetworks(options report.Options, device compute.Backend, stderr io.Writer) (_ report.Options, err error) {
	if slices.Contains(o.classifiers, "cnn") {
		options.Judges = append(options.Judges, report.NamedJudge{
			Name: "cnn", Title: "Small CNN on the flows' images", Judge: cnn.Judge(device, cnn.Options{SeriesLength: options.SeriesLength}),
		})
	}
	if o.shadowRun != "" {
		options.Shadow, err = shadowOf(device, o.shadowRun, stderr)
	}
	return options, err
}

// openTraffic is limit.Open, naming the flags that images without a manifest and tables of
// other columns need.
func openTraffic(reader traffic.Reader, path string, r dataset.Recipe, limit report.Limit) (report.Traffic, *report.Drawn, error) {
	var t report.Traffic
	var drawn *report.Drawn
	err := withColumns(reader, func(reader traffic.Reader) (err error) {
		t, drawn, err = limit.Open(reader, path, r)
		return err
	})
	if errors.Is(err, report.ErrNoScale) {
		err = fmt.Errorf("%w: give it (--scale MIN,MAX)", err)
	}
	return t, drawn, err
}

// print writes the result to stdout: everything as JSON, or the verdict with
// the main figures.
func (o evaluateOptions) print(stdout, stderr io.Writer, r *report.Report) error {
	if o.json {
		text, err := r.JSON()
		if err != nil {
			return err
		}
		_, err = stdout.Write(text)
		return err
	}
	if err := r.Summary(stdout); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "the report is %s\n", filepath.Join(o.out, report.HTMLName))
	return nil
}
