package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/baseline"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// runSeries draws series from a baseline.
func (o *chainOptions) runSeries(ctx context.Context, stdout, stderr io.Writer) error {
	if record, err := o.series.of(o.input.paths...); err != nil {
		return err
	} else if record == dataset.Flows {
		return fmt.Errorf("--baseline %s is for time series, and %s holds flows of packets: leave it out, make series of them (netdiffus series), or read them as series (--record series)", o.baseline, strings.Join(o.input.paths, ", "))
	}
	reader, err := o.series.reader(o.input.columns, o.input.reader.Label, 0, stderr)
	if err != nil {
		return err
	}
	real, err := collectSeries(ctx, reader, o.input.paths...)
	if err != nil {
		return err
	}
	if len(real) == 0 {
		return fmt.Errorf("no series in %s", o.input.paths)
	}
	like := real[0] // what is drawn has its channels, units and step
	var d baseline.Data
	for _, s := range real {
		if !slices.Equal(s.Channels, like.Channels) {
			return fmt.Errorf("series of channels %q and of %q, want the same of all", like.Channels, s.Channels)
		}
		d.Classes = append(d.Classes, s.Label)
	}
	slices.Sort(d.Classes)
	d.Classes = slices.Compact(d.Classes)
	d.Traces = make([][][][]float64, len(d.Classes))
	for _, s := range real {
		c, _ := slices.BinarySearch(d.Classes, s.Label)
		d.Traces[c] = append(d.Traces[c], s.Values)
	}
	kind, err := baseline.Find(o.baseline)
	if err != nil {
		return err
	}
	model, err := kind.Fit(ctx, d)
	if err != nil {
		return err
	}
	var drawn []series.Series
	classes := o.classes
	if classes == nil {
		classes = d.Classes
	}
	for _, label := range classes {
		c, known := slices.BinarySearch(d.Classes, label)
		if !known {
			return fmt.Errorf("no series of class %q: there are %q", label, d.Classes)
		}
		r := noise.Stream(o.seed, noise.Key(kind.Name), noise.Key(label))
		for range o.samples {
			drawn = append(drawn, series.Series{Label: label, Channels: like.Channels, Units: like.Units, Step: like.Step, Values: model.Draw(c, r)})
		}
	}
	if err := series.Write(o.out, series.All(drawn)); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d series of %d classes by the baseline %s\n", len(drawn), len(classes), kind.Title)
	_, err = fmt.Fprintln(stdout, o.out)
	return err
}
