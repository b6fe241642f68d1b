package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/classify/cnn"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// readSeries reads the sides of an evaluation of series.
func (o evaluateOptions) readSeries(c *cobra.Command, r series.Reader, limit report.Limit) (d report.SeriesData, err error) {
	var drawn []*report.Drawn
	read := func(path string) []series.Series {
		if err != nil {
			return nil
		}
		var list []series.Series
		var part *report.Drawn
		list, part, err = limitedSeries(c.Context(), r, path, limit)
		drawn = append(drawn, part)
		return list
	}
	d.Train, d.Test, d.Synthetic = read(o.train), read(o.test), read(o.synthetic)
	for _, a := range o.also {
		d.Others = append(d.Others, report.Other[series.Series]{Name: a.name, Records: read(a.path)})
	}
	if err == nil {
		d.Inputs, err = o.describe(c.Context(), drawn)
	}
	return d, err
}

// measureSeries is measure for series.
func (o evaluateOptions) measureSeries(c *cobra.Command, options report.Options, watch func(*report.Options) func()) (*report.Report, error) {
	if o.shadowRun != "" {
		return nil, errors.New("--shadow-run is for flows: shadow models of series are copulas; leave it out")
	}
	if !c.Flags().Changed("per-class") {
		options.PerClass = nil // the defaults are those of flows
	}
	if !c.Flags().Changed("tasks") {
		options.Tasks = nil
	}
	r, err := o.series.reader(o.columns, "", 0, c.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	d, err := o.readSeries(c, r, o.limitFor(options))
	if err != nil {
		return nil, err
	}
	if slices.Contains(o.classifiers, "cnn") && len(d.Train) > 0 {
		device, _, err := openDevice(c.Context(), c.ErrOrStderr(), *o.device)
		if err != nil {
			return nil, err
		}
		defer device.Finalize()
		network := cnn.NewSeries(device, d.Train[0].Bins(), len(d.Train[0].Channels), cnn.Options{})
		options.Judges = []report.NamedJudge{{Name: "cnn", Title: "CNN along the series", Judge: network.Judge()}}
		options.Networks = network.Features()
	}
	defer watch(&options)()
	return report.RunSeries(c.Context(), d, options)
}
