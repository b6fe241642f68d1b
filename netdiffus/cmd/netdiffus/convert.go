package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func convertCommand() *cobra.Command {
	var o convertOptions
	c := &cobra.Command{
		Use:   "convert --in PATH [--in PATH] --out DIR",
		Short: "Turn flows, or time series, into images",
		Long: `Convert turns every flow, or series, of a file into an image, and writes the images into a
folder with a manifest that holds all that inverting them needs.

A file is Parquet with list columns PL (payload bytes) and DIR (0 upstream,
1 downstream) and a LABEL for each row; a capture; or any other kind that
'netdiffus flows' reads. Of folders, all files below are read.
The images are in NumPy's format: LABEL/LABEL_row.npz, key gasf, or with
--layout per-class one LABEL.npz, key images.

With several --features an image has a channel for each: inter_arrival adds the
times between packets, length and direction separate what signed_length holds in one.

With --format png they are pictures, CLASS/CLASS_row.png, as NetDiffus first made
them: resized, gamma-corrected and coloured. 8 bits do not hold a length to the
byte; how much is lost is measured and printed.

Series of numbers (see 'netdiffus series') are found by their columns, or with
--record series: an image then shows --length bins, all there are where it is not
given, and has a channel for each of the series'.

Every flow or series is decoded again, and how many come back exactly is printed; of
series how far their values are off, too.`,
		Example: `  netdiffus convert --in flows.parquet --out runs/gasf
  netdiffus convert --in captures/ --min-packets 4 --out runs/gasf
  netdiffus convert --in flows.parquet --out runs/gasf32 --length 32 --layout per-class --low 0.1
  netdiffus convert --in flows.parquet --out runs/png --format png --color jet --image-size 64
  netdiffus convert --in captures/ --out runs/timed --codec atoms --features signed_length,inter_arrival
  netdiffus convert --in series.csv --col-series 'bytes_*' --out runs/series`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.input.check(); err != nil {
				return usageOf(c, err)
			}
			recipe, err := o.recipeFor(c)
			if err == nil {
				recipe, err = o.pictures.apply(c, recipe)
			}
			if err != nil {
				return usageOf(c, err)
			}
			return o.run(c.Context(), recipe, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	o.input.register(flags)
	o.series.register(flags)
	flags.StringVar(&o.out, "out", "", "folder to write, new or empty")
	o.flags.Register(flags)
	flags.Lookup("length").Usage += "; bins a series (default: all)"
	flags.Lookup("codec").Usage += " (default for series: quantiles)"
	flags.StringVar(&o.layout, "layout", string(dataset.PerFlow), "files: per-flow or per-class")
	o.pictures.register(flags)
	flags.StringSliceVar(&o.classes, "classes", nil, "convert only these classes, A,B (default: all)")
	flowflags.Connections(flags, &o.input.reader)
	flags.BoolVar(&o.json, "json", false, "print what was done as one JSON object instead of the summary")
	flags.BoolVar(&o.overwrite, "overwrite", false, "replace an earlier output in --out")
	return c
}

// convertOptions are convert's flags.
type convertOptions struct {
	input           inputFlags
	series          seriesFlags
	isSeries        bool
	out             string
	flags           flowflags.Recipe
	layout          string
	pictures        pictureFlags
	classes         []string
	overwrite, json bool
}

// recipeFor makes the recipe for what the input holds. Its errors are of usage.
func (o *convertOptions) recipeFor(c *cobra.Command) (dataset.Recipe, error) {
	record, err := o.series.of(o.input.paths...)
	if err != nil {
		return dataset.Recipe{}, err
	}
	o.isSeries = record == dataset.Series
	if !o.isSeries {
		if err := o.checkOutput(); err != nil {
			return dataset.Recipe{}, err
		}
		return o.flags.Recipe()
	}
	given := c.Flags().Changed
	for _, flag := range []string{"features", "time-bins", "novel", "min-packets", "max-packets", "keep-empty", "col-length", "col-dir", "col-iat"} {
		if given(flag) {
			return dataset.Recipe{}, fmt.Errorf("--%s is for flows, and the input holds series of numbers (--record flows reads it as flows)", flag)
		}
	}
	if !given("codec") {
		o.flags.Codec = (&codec.Quantiles{}).Name()
		if given("scale") || given("low") || o.pictures.wanted() {
			o.flags.Codec = codec.MinMax{}.Name() // pictures are the original's, and so is its scale
		}
	}
	if !given("length") {
		o.flags.Length = 0
	}
	if o.flags.Codec == (codec.MinMax{}).Name() && !given("low") && !o.pictures.wanted() {
		o.flags.Low = 0.1 // float32 images are coarse at 0
	}
	values, err := o.flags.ValueCodec()
	if err != nil {
		return dataset.Recipe{}, err
	}
	r := dataset.Recipe{Record: dataset.Series, SeriesLength: o.flags.Length, Channels: []dataset.Channel{{Codec: values}}}
	if err := o.checkOutput(); err != nil {
		return r, err
	}
	r.Image, err = o.flags.Encoder()
	return r, err
}

// checkOutput checks the flags of what is written.
func (o convertOptions) checkOutput() error {
	if err := required("out", o.out); err != nil {
		return err
	}
	if l := dataset.Layout(o.layout); l != dataset.PerFlow && l != dataset.PerClass {
		return fmt.Errorf("--layout %s: want %s or %s", o.layout, dataset.PerFlow, dataset.PerClass)
	}
	return nil
}

func (o convertOptions) run(ctx context.Context, recipe dataset.Recipe, stdout, stderr io.Writer) error {
	var inputs []provenance.File
	var err error
	of, total := "flow", 0 // 0: not known
	if o.isSeries {
		of = "series"
		inputs, err = hashFiles(ctx, o.input.paths, series.Files)
	} else {
		total = o.input.count()
		inputs, err = o.input.hash(ctx)
	}
	if err != nil {
		return err
	}
	options := dataset.ConvertOptions{Classes: o.classes}
	options.SaveOptions = dataset.SaveOptions{Layout: dataset.Layout(o.layout), Overwrite: o.overwrite, Inputs: inputs}
	if recipe.Rendering != nil {
		options.Layout, options.Group = o.pictures.layout(), o.pictures.group
	}
	bar := newProgress(stderr, "reading: "+of, total)
	writing := false
	options.Progress = func(completed, total int) {
		if total > 0 && !writing {
			writing = true
			bar.finish()
			bar = newProgress(stderr, "writing: "+of, total)
		}
		bar.set(completed, "")
	}
	var done dataset.Conversion
	if o.isSeries {
		reader, readerErr := o.series.reader(o.input.columns, o.input.reader.Label, o.flags.Length, stderr)
		if readerErr != nil {
			return readerErr
		}
		done, err = dataset.ConvertSeries(ctx, withContext(ctx, reader.ReadAll(o.input.paths...)), recipe, o.out, options)
	} else {
		done, err = dataset.Convert(ctx, o.input.flows(ctx, stderr), recipe, o.out, options)
	}
	bar.finish()
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, newConversionJSON(done, o.input.seen.json(o.input.reader.Capture)))
	}
	if !o.isSeries {
		o.input.seen.print(stdout, o.input.reader.Capture)
	}
	o.print(stdout, done)
	return nil
}

// conversionJSON is what convert prints with --json.
type conversionJSON struct {
	Flows      int                  `json:"flows"`
	Classes    []convertedClassJSON `json:"classes"`
	Cut        int                  `json:"cut"`
	Invertible bool                 `json:"invertible"`
	Exact64    int                  `json:"exact_float64"`
	Exact32    int                  `json:"exact_float32"`
	Precision  []dataset.Precision  `json:"precision,omitempty"` // of series
	Captures   *capturesJSON        `json:"captures,omitempty"`
}

type convertedClassJSON struct {
	Label string `json:"label"`
	Flows int    `json:"flows"`
}

func newConversionJSON(done dataset.Conversion, captures *capturesJSON) conversionJSON {
	j := conversionJSON{Flows: done.Flows, Cut: done.Cut, Invertible: done.Invertible, Exact64: done.Exact64, Exact32: done.Exact32, Precision: done.Precision, Captures: captures}
	for i, label := range done.Classes {
		j.Classes = append(j.Classes, convertedClassJSON{label, done.Counts[i]})
	}
	return j
}

// print describes what was done, and whether it can be undone.
func (o convertOptions) print(w io.Writer, done dataset.Conversion) {
	e := done.Encoding
	layout := dataset.Layout(o.layout)
	if e.Rendering() != nil {
		layout = o.pictures.layout()
	}
	high, wide := e.Shape()
	fmt.Fprintf(w, "%d %s of %d classes in %s: %s images of %d x %d, %s\n",
		done.Flows, e.Record(), len(done.Classes), o.out, e.Image().Name(), high, wide, layout)
	if e.Rendering() != nil {
		printPictures(w, e)
	}
	channels := e.Channels()
	for _, c := range channels {
		printChannel(w, c, len(channels) > 1)
	}
	if done.Cut > 0 {
		fmt.Fprintf(w, "  cut         %d %s had more than %d %s\n", done.Cut, e.Record(), e.SeriesLength(), e.Record().Places())
	}
	if !done.Invertible {
		what := e.Image().Name() + " images"
		if _, inverts := e.Image().(imaging.Inverter); inverts {
			what = "stretched pictures, and pictures smaller than their images,"
		}
		fmt.Fprintf(w, "  round trip  none: %s cannot be inverted\n", what)
		return
	}
	if done.Loss != nil {
		fmt.Fprintf(w, "  round trip  %d of %d flows come back exactly\n", done.Exact64, done.Flows)
		printLoss(w, done.Loss)
		return
	}
	if e.Record() == dataset.Series {
		printPrecision(w, done)
		return
	}
	fmt.Fprintf(w, "  round trip  %d of %d flows come back exactly, %d in float32\n", done.Exact64, done.Flows, done.Exact32)
	if e.Holds(traffic.FieldIAT) {
		fmt.Fprintf(w, "  times       come back %.2g off on average, as a share of themselves\n", done.TimesOff)
	}
	if m, ok := channels[0].Codec.(codec.MinMax); ok && m.Low == 0 && done.Exact32 < done.Flows {
		fmt.Fprintln(w, "              (--low 0.1 makes them exact in float32)")
	}
}

// printPrecision prints how the values of series come back.
func printPrecision(w io.Writer, done dataset.Conversion) {
	fmt.Fprintf(w, "  round trip  %d of %d series come back to a millionth of the largest value, %d in float32\n", done.Exact64, done.Flows, done.Exact32)
	for _, p := range done.Precision {
		fmt.Fprintf(w, "  %-11s largest %.6g; errors at most %.2g, %.2g on average; in float32 %.2g, %.2g\n",
			p.Channel, p.Peak, p.Largest64, p.Mean64, p.Largest32, p.Mean32)
	}
}

// required reports the first of the flags, given as name and value in turn, that
// is missing.
func required(flags ...string) error {
	for i := 0; i < len(flags); i += 2 {
		if flags[i+1] == "" {
			return fmt.Errorf("--%s is missing", flags[i])
		}
	}
	return nil
}
