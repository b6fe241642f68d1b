package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// inputFlags are the flags of verbs that read flows: which files, and how.
type inputFlags struct {
	paths   []string
	reader  traffic.Reader
	reading flowflags.Reading
	columns columnFlags
	seen    capturesSeen // what captures held, of those that were read
	lent    bool         // the flags of columns are for another file as well, see withColumns
}

func (f *inputFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.paths, "in", nil, "file or folder of flows, may be given several times: Parquet, pcap, pcapng, snoop, MIRAGE's JSON, JSON Lines, CSV, tables of NFStream, CESNET, tcbench and tshark; also compressed (.gz, .zst, .xz, .bz2)")
	f.reading.Register(flags, &f.reader)
	flags.BoolVar(&f.reader.Join, "join", false, "captures: read those of a label as one in the order of time, such as a rotating set, so that flows go on in the next file")
	f.columns.Register(flags)
}

// check makes the reader of the flags. Its errors are of usage.
func (f *inputFlags) check() error {
	if len(f.paths) == 0 {
		return errors.New("--in is missing")
	}
	if err := f.reading.Apply(&f.reader); err != nil {
		return err
	}
	return f.columns.Apply(&f.reader)
}

// flows ranges over the flows of all inputs. None at all are an error. Warnings go to
// stderr, each once however often the flows are ranged over.
func (f *inputFlags) flows(ctx context.Context, stderr io.Writer) iter.Seq2[traffic.Flow, error] {
	r := f.reader
	warned := map[string]bool{}
	r.Warn = func(err error) {
		text := err.Error()
		if _, twice := errors.AsType[*traffic.DuplicatePackets](err); twice {
			text += " (--drop-duplicates leaves them out)"
		}
		if _, parts := errors.AsType[*traffic.CaptureSet](err); parts {
			text += " (--join reads them as one)"
		}
		if !warned[text] {
			warned[text] = true
			fmt.Fprintf(stderr, "netdiffus: warning: %s\n", text)
		}
	}
	r.Recognized = recognizedTo(stderr)
	r.Counted = f.seen.add
	var all func(yield func(traffic.Flow, error) bool)
	all = func(yield func(traffic.Flow, error) bool) {
		some := false
		for flow, err := range r.ReadAll(f.paths...) {
			if err == nil {
				err = ctx.Err()
			}
			if f.lent && !some && errors.Is(err, traffic.ErrNoColumn) && r.Columns != (traffic.Columns{}) {
				r.Columns = traffic.Columns{}
				all(yield)
				return
			}
			some = true
			if !yield(flow, f.withHint(err)) || err != nil {
				return
			}
		}
		if !some {
			yield(traffic.Flow{}, f.seen.noFlows())
		}
	}
	return all
}

// withHint adds to an error what helps: the flags that name columns, or the verbs for
// series of numbers where the input holds those.
func (f *inputFlags) withHint(err error) error {
	if !errors.Is(err, traffic.ErrNoColumn) {
		return err
	}
	for _, path := range f.paths {
		if ofSeries, _ := series.Recognize(path, series.Columns{}); ofSeries {
			return fmt.Errorf("%w (--col-length and the other --col flags name columns; if it holds series of numbers, 'netdiffus series' and 'netdiffus convert' read it: --record series)", err)
		}
	}
	return withColumnHint(err)
}

// recognizedTo prints what tables were read as to w: each schema once, with the
// first of its files.
func recognizedTo(w io.Writer) func(path, schema string) {
	printed := map[string]bool{}
	return func(path, schema string) {
		if !printed[schema] {
			printed[schema] = true
			fmt.Fprintf(w, "%s: read as %s\n", path, schema)
		}
	}
}

// count returns the number of flows where a file holds it itself, and 0
// otherwise.
func (f *inputFlags) count() int {
	if len(f.paths) != 1 || f.reader.MinPackets > 0 || !strings.HasSuffix(f.paths[0], ".parquet") {
		return 0
	}
	info, err := traffic.Stat(f.paths[0])
	if err != nil {
		return 0 // the reading proper reports it
	}
	return int(info.Rows)
}

// hash describes the input files.
func (f *inputFlags) hash(ctx context.Context) ([]provenance.File, error) {
	return hashFiles(ctx, f.paths, traffic.Files)
}

// hashFiles describes the files that list finds at the paths.
func hashFiles(ctx context.Context, paths []string, list func(path string) ([]string, error)) ([]provenance.File, error) {
	var inputs []provenance.File
	for _, path := range paths {
		files, err := list(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			input, err := provenance.Hash(ctx, file)
			if err != nil {
				return nil, err
			}
			inputs = append(inputs, input)
		}
	}
	return inputs, nil
}
