package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// seriesFlags are the flags of verbs that read time series of numbers, next to those
// of columns (columnFlags), of which --col-label and --csv-delimiter hold for both.
type seriesFlags struct {
	record   string
	columns  series.Columns
	timeUnit string
	step     time.Duration
	fill     string
}

func (f *seriesFlags) register(flags *pflag.FlagSet) {
	c := &f.columns
	flags.StringVar(&f.record, "record", "auto", "what the input holds: flows of packets, series of numbers, or auto, which finds out")
	flags.StringSliceVar(&c.Series, "col-series", nil, "series: columns of the channels, such as 'bytes_*': lists, NAME_0, NAME_1, …, or in CSV of a row a bin a number each (default: all that are such)")
	flags.StringVar(&c.Trace, "col-trace", "", "series: column that names the trace (default: trace, trace_id or session)")
	flags.StringVar(&c.Time, "col-time", "", "series, CSV of a row a bin: column of the time (default: time, timestamp, seconds, t or bin)")
	flags.StringVar(&f.timeUnit, "time-unit", "", "series: unit of --col-time, s, ms, us or ns (default: s)")
	flags.DurationVar(&f.step, "step", 0, "series: step from bin to bin, where the file does not tell, such as 100ms")
	flags.StringVar(&f.fill, "fill", "", "series: fill gaps, NaN and short series with zero, or hold the value before (default: they are an error)")
}

// reader makes the reader of the flags. Its errors are of usage.
func (f *seriesFlags) reader(c columnFlags, label string, length int, stderr io.Writer) (series.Reader, error) {
	r := series.Reader{Columns: f.columns, Label: label, Step: f.step, Fill: series.Fill(f.fill), Length: length}
	r.Columns.Label = c.Names.Label
	unit, known := flowflags.Units[f.timeUnit]
	switch {
	case !known:
		return r, fmt.Errorf("--time-unit %q: want s, ms, us or ns", f.timeUnit)
	case f.step < 0:
		return r, fmt.Errorf("--step %v: want one above 0", f.step)
	case r.Fill != series.Refuse && r.Fill != series.FillZero && r.Fill != series.FillHold:
		return r, fmt.Errorf("--fill %s: want %s or %s", f.fill, series.FillZero, series.FillHold)
	}
	r.Columns.TimeUnit = unit
	var flows traffic.Reader
	if err := c.Apply(&flows); err != nil {
		return r, err
	}
	r.Delimiter = flows.Delimiter
	r.Recognized = recognizedTo(stderr)
	return r, nil
}

// of finds what the paths hold. A record that is not known is an error of usage.
func (f *seriesFlags) of(paths ...string) (dataset.Record, error) {
	switch r := dataset.Record(f.record); {
	case r == dataset.Flows || r == dataset.Series:
		return r, nil
	case f.record != "auto":
		return "", fmt.Errorf("--record %s: want auto, %s or %s", f.record, dataset.Flows, dataset.Series)
	case len(f.columns.Series) > 0:
		return dataset.Series, nil
	}
	columns := f.columns
	for _, path := range paths {
		record, err := dataset.Recognize(path, columns)
		if err != nil || record == dataset.Series {
			return record, err
		}
	}
	return dataset.Flows, nil
}

// withContext stops series with ctx, and adds to errors the flags that help.
func withContext(ctx context.Context, all iter.Seq2[series.Series, error]) iter.Seq2[series.Series, error] {
	return func(yield func(series.Series, error) bool) {
		for s, err := range all {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(s, withSeriesHint(err)) || err != nil {
				return
			}
		}
	}
}

// withSeriesHint adds to an error of reading series the flags that help.
func withSeriesHint(err error) error {
	switch {
	case errors.Is(err, series.ErrNoColumn):
		return fmt.Errorf("%w (--col-series and the other --col flags name columns)", err)
	case errors.Is(err, series.ErrGap), errors.Is(err, series.ErrLength):
		return fmt.Errorf("%w (--fill zero and --fill hold fill gaps and short series, --length cuts long ones)", err)
	case errors.Is(err, series.ErrKind):
		return fmt.Errorf("%w ('netdiffus series --bin' makes series of captures and flows)", err)
	}
	return err
}
