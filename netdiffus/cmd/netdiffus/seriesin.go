package main

import (
	"context"
	"fmt"
	"iter"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/report"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// areSeries reports whether all of these are series, false where all are flows. A mixture
// is an error: the names of the flags, as they stand before each path, tell which is what.
func areSeries(f *seriesFlags, named ...string) (bool, error) {
	var first dataset.Record
	for i := 0; i < len(named); i += 2 {
		if _, err := os.Stat(named[i+1]); err != nil {
			return false, err
		}
		record, err := f.of(named[i+1])
		if err != nil {
			return false, err
		}
		if i == 0 {
			first = record
		}
		if record != first {
			return false, fmt.Errorf("--%s %s holds %s, --%s %s holds %s: want the same of all", named[0], named[1], first, named[i], named[i+1], record)
		}
	}
	return first == dataset.Series, nil
}

// collectSeries reads all series of files, folders of files, or sets of images of series.
func collectSeries(ctx context.Context, r series.Reader, paths ...string) ([]series.Series, error) {
	var out []series.Series
	for _, path := range paths {
		list, err := seriesOf(r, path)
		if err != nil {
			return nil, err
		}
		for s, err := range withContext(ctx, list) {
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// limitedSeries reads the series of seriesOf, or those that limit leaves; drawn is nil where it
// leaves all.
func limitedSeries(ctx context.Context, r series.Reader, path string, limit report.Limit) (all []series.Series, drawn *report.Drawn, err error) {
	list, err := seriesOf(r, path)
	if err != nil {
		return nil, nil, err
	}
	all, drawn, err = limit.Series(withContext(ctx, list))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, drawn, nil
}

// seriesOf are the series of a file, a folder of files, or a set of images of series, of which
// few are held at a time.
func seriesOf(r series.Reader, path string) (iter.Seq2[series.Series, error], error) {
	if !isDataset(path) {
		return r.Read(path), nil
	}
	parts, err := dataset.OpenParts(path, nil)
	if err != nil {
		return nil, err
	}
	return func(yield func(series.Series, error) bool) {
		for set, err := range parts.All() {
			if err != nil {
				yield(series.Series{}, err)
				return
			}
			for s, err := range set.AllSeries() {
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}, nil
}
