package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

func seriesCommand() *cobra.Command {
	var o seriesOptions
	c := &cobra.Command{
		Use:   "series --in PATH [--in PATH] [--out FILE]",
		Short: "Make time series of captures and flows, or write series as another kind",
		Long: `Series counts the bytes and packets of captures, or of tables of flows with times, in
bins of time, and writes windows of so many bins: a row each, by the name's ending
.csv, .tsv, .parquet, .npz or .jsonl, or DIR/ for a folder of a file each,
LABEL/LABEL_0.csv. Without --out it only counts them.

A trace is a flow, or with --per host or capture all that a client sent and was sent, or
the whole capture. It is cut into windows, one behind the other unless --stride says
otherwise; its end is left out where it does not fill a window, but a trace shorter than
one window is filled up with zeros. With --share the traces, and all windows of each
with them, are divided between --out and --rest.

Files that hold series already, in any of these kinds, are read as they are and written
as another: see docs/series.md for their forms.`,
		Example: `  netdiffus series --in captures/ --bin 100ms --length 64 --values bytes_down,bytes_up --out series.parquet
  netdiffus series --in captures/ --per capture --bin 1s --length 60 --stride 30 --share 0.8 --out train.npz --rest test.npz
  netdiffus series --in sheet.csv --col-series 'bytes_*' --col-label title --fill hold --out series.parquet
  netdiffus series --in long.csv --col-trace session --col-time ms --time-unit ms --out original/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := o.check(c)
			if err != nil {
				return usageOf(c, err)
			}
			return o.run(c.Context(), all, c.OutOrStdout())
		},
	}
	flags := c.Flags()
	o.input.register(flags)
	o.series.register(flags)
	flags.StringVar(&o.out, "out", "", "file, or folder of a file a series (DIR/), to write")
	flags.DurationVar(&o.bins.Bin, "bin", 100*time.Millisecond, "captures and flows: width of a bin")
	flags.StringSliceVar(&o.bins.Values, "values", []string{"bytes_down", "bytes_up"}, "captures and flows: channels: "+strings.Join(series.Values, ", "))
	flags.StringVar((*string)(&o.bins.Per), "per", string(series.PerFlow), "captures: a trace a flow, host (client) or capture")
	flags.IntVar(&o.window.Length, "length", 64, "bins of a window; for series, where given, windows are made of them as well")
	flags.IntVar(&o.window.Stride, "stride", 0, "bins from a window's start to the next one's (default: --length)")
	flags.IntVar(&o.window.Most, "windows", 0, "windows of a trace at most; 0 keeps all")
	flags.BoolVar(&o.window.Partial, "partial", false, "keep the window at a trace's end that is not full, filled up with zeros")
	flags.IntVar(&o.window.MinBins, "min-bins", 0, "leave out traces of fewer bins")
	flags.Float64Var(&o.share, "share", 1, "share of the traces to write, drawn by --seed; for a training set")
	flags.StringVar(&o.rest, "rest", "", "file, or DIR/, for the traces that --share leaves")
	flags.Uint64Var(&o.seed, "seed", 0, "of the drawing of traces")
	flags.BoolVar(&o.json, "json", false, "print what was read as one JSON object instead of the summary")
	flags.BoolVar(&o.overwrite, "overwrite", false, "replace --out and --rest where they are there")
	return c
}

// seriesOptions are the flags of the verb series.
type seriesOptions struct {
	input           inputFlags
	series          seriesFlags
	bins            series.Binner
	window          series.Window
	out, rest       string
	share           float64
	seed            uint64
	json, overwrite bool
	stderr          io.Writer
}

// check returns what reads the series. Its errors are of usage.
func (o *seriesOptions) check(c *cobra.Command) (iter.Seq2[series.Series, error], error) {
	if err := o.input.check(); err != nil {
		return nil, err
	}
	w := o.window
	switch {
	case !(o.share > 0 && o.share <= 1):
		return nil, fmt.Errorf("--share %v: want it above 0, up to 1", o.share)
	case o.rest != "" && (o.out == "" || o.share == 1):
		return nil, errors.New("--rest needs --out and a --share below 1")
	case o.rest != "" && filepath.Clean(o.rest) == filepath.Clean(o.out):
		return nil, errors.New("--out and --rest are one file")
	case w.Length < 1 || w.Length > series.MaxBins:
		return nil, fmt.Errorf("--length %d: want 1 to %d bins", w.Length, series.MaxBins)
	case w.Stride < 0 || w.Most < 0 || w.MinBins < 0:
		return nil, errors.New("--stride, --windows and --min-bins: want 0 or more")
	}
	for _, path := range []string{o.out, o.rest} {
		if _, err := os.Stat(path); path != "" && err == nil && !o.overwrite {
			return nil, fmt.Errorf("%s is there: choose another name, or give --overwrite", path)
		}
	}
	record, err := o.series.of(o.input.paths...)
	if err != nil {
		return nil, err
	}
	o.stderr = c.ErrOrStderr()
	if record == dataset.Series {
		r, err := o.series.reader(o.input.columns, o.input.reader.Label, 0, o.stderr)
		if err != nil {
			return nil, err
		}
		windows := false
		for _, flag := range []string{"length", "stride", "windows", "partial", "min-bins"} {
			windows = windows || c.Flags().Changed(flag)
		}
		if !windows {
			return r.ReadAll(o.input.paths...), nil
		}
		r.AnyLength = true
		return w.Windows(r.ReadAll(o.input.paths...)), nil
	}
	o.bins.Reader = o.input.reader
	if o.bins.Bin <= 0 {
		return nil, fmt.Errorf("--bin %v: want one above 0", o.bins.Bin)
	}
	o.bins.Reader.Recognized = recognizedTo(o.stderr)
	o.bins.Reader.Warn = func(err error) { fmt.Fprintf(o.stderr, "netdiffus: warning: %s\n", err) }
	return w.Windows(o.bins.Read(o.input.paths...)), nil
}

func (o *seriesOptions) run(ctx context.Context, all iter.Seq2[series.Series, error], stdout io.Writer) error {
	all = withContext(ctx, all)
	first, rest := all, iter.Seq2[series.Series, error](nil)
	if o.share < 1 {
		var err error
		if rest, first, err = series.Split(all, o.share, o.seed); err != nil {
			return err
		}
	}
	t := seriesTally{counts: map[string]int{}}
	if err := o.write(o.out, t.watch(first)); err != nil {
		return err
	}
	if o.rest != "" {
		if err := o.write(o.rest, rest); err != nil {
			return err
		}
	}
	if o.json {
		return printJSON(stdout, t.json())
	}
	return t.print(stdout)
}

// write writes series, or without a path only ranges over them.
func (o *seriesOptions) write(path string, all iter.Seq2[series.Series, error]) error {
	if path == "" {
		for _, err := range all {
			if err != nil {
				return err
			}
		}
		return nil
	}
	return writeSeries(path, all, "")
}

// writeSeries writes series into a file, or into a folder where the path ends in a
// separator.
func writeSeries(path string, all iter.Seq2[series.Series, error], run string) error {
	if !os.IsPathSeparator(path[len(path)-1]) {
		return series.Writer{Run: run}.Write(path, all)
	}
	return series.WriteFolder(filepath.Clean(path), all, func(label string) string { return dataset.FileNames([]string{label})[0] })
}

// seriesTally counts series by class.
type seriesTally struct {
	counts map[string]int
	like   series.Series
	traces int
	last   string
}

// watch counts the series that pass, anew each time they are ranged over. None at all
// are an error.
func (t *seriesTally) watch(all iter.Seq2[series.Series, error]) iter.Seq2[series.Series, error] {
	return func(yield func(series.Series, error) bool) {
		*t = seriesTally{counts: map[string]int{}}
		n := 0
		for s, err := range all {
			if err == nil {
				if n == 0 {
					t.like = s
				}
				if key := s.Label + "\x00" + s.Trace; n == 0 || s.Trace == "" || key != t.last {
					t.traces, t.last = t.traces+1, key
				}
				t.counts[s.Label]++
				n++
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
		if n == 0 {
			yield(series.Series{}, errors.New("there are no series in the input, or none as long as --min-bins"))
		}
	}
}

// seriesJSON is what series prints with --json.
type seriesJSON struct {
	Series   int              `json:"series"`
	Traces   int              `json:"traces"`
	Bins     int              `json:"bins"`
	Step     float64          `json:"step_seconds,omitempty"`
	Channels []string         `json:"channels"`
	Classes  []seriesLabelled `json:"classes"`
}

type seriesLabelled struct {
	Label  string `json:"label"`
	Series int    `json:"series"`
}

func (t *seriesTally) json() seriesJSON {
	j := seriesJSON{Traces: t.traces, Bins: t.like.Bins(), Step: t.like.Step.Seconds(), Channels: t.like.Channels}
	for _, label := range slices.Sorted(maps.Keys(t.counts)) {
		j.Classes = append(j.Classes, seriesLabelled{label, t.counts[label]})
		j.Series += t.counts[label]
	}
	return j
}

func (t *seriesTally) print(w io.Writer) error {
	j := t.json()
	step := ""
	if t.like.Step > 0 {
		step = " of " + t.like.Step.String()
	}
	fmt.Fprintf(w, "%d series of %d traces: %d bins%s, channels %s\n", j.Series, j.Traces, j.Bins, step, strings.Join(j.Channels, ", "))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "series\t\tclass\t")
	for _, c := range j.Classes {
		fmt.Fprintf(table, "%d\t\t%s\t\n", c.Series, c.Label)
	}
	return table.Flush()
}
