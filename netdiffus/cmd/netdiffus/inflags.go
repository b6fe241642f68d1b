package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// inputFlags are the flags of verbs that read flows: which files, and how.
type inputFlags struct {
	paths        []string
	reader       traffic.Reader
	idle, active time.Duration
	tunnels      string
	columns      columnFlags
	seen         capturesSeen // what captures held, of those that were read
	lent         bool         // the flags of columns are for another file as well, see withColumns
}

func (f *inputFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.paths, "in", nil, "file or folder of flows, may be given several times: Parquet, pcap, pcapng, snoop, MIRAGE's JSON, JSON Lines, CSV, tables of NFStream, CESNET, tcbench and tshark; also compressed (.gz, .zst, .xz, .bz2)")
	r := &f.reader
	flags.StringVar(&r.Label, "label", "", "label of all flows; {folder} in it is the name of the file's folder, {file} the file's own (default: the label in the file, or {folder} for captures)")
	flags.IntVar(&r.MinPackets, "min-packets", 0, "leave out flows of fewer packets")
	flags.IntVar(&r.MaxPackets, "max-packets", 0, "cut flows to their first packets; 0 keeps all")
	flags.BoolVar(&r.KeepEmpty, "keep-empty", false, "captures, MIRAGE: keep packets without payload, as packets of 0 bytes")
	flags.DurationVar(&f.idle, "idle-timeout", traffic.DefaultIdle, "captures: silence that ends a flow; 0 means no limit")
	flags.DurationVar(&f.active, "active-timeout", 0, "captures: longest duration of a flow, after which it is cut in two; 0 means no limit")
	flags.BoolVar(&r.Capture.DropDuplicates, "drop-duplicates", false, "captures: leave out packets that were captured twice less than a millisecond apart")
	flags.BoolVar(&r.Capture.DropRetransmissions, "drop-retransmissions", false, "captures: leave out TCP packets of which all bytes were captured before")
	flags.BoolVar(&r.Join, "join", false, "captures: read those of a label as one in the order of time, such as a rotating set, so that flows go on in the next file")
	flags.StringVar(&f.tunnels, "tunnels", "inner", "captures: of packets within packets (VXLAN, GRE, GTP-U, …) read the inner or the outer ones")
	f.columns.register(flags)
}

// check makes the reader of the flags. Its errors are of usage.
func (f *inputFlags) check() error {
	if len(f.paths) == 0 {
		return errors.New("--in is missing")
	}
	if f.reader.MinPackets < 0 || f.reader.MaxPackets < 0 {
		return errors.New("--min-packets and --max-packets: want 0 or more")
	}
	if f.reader.MaxPackets > 0 && f.reader.MinPackets > f.reader.MaxPackets {
		return fmt.Errorf("--min-packets %d is above --max-packets %d: no flow would be left", f.reader.MinPackets, f.reader.MaxPackets)
	}
	if f.idle < 0 || f.active < 0 {
		return errors.New("--idle-timeout and --active-timeout: want 0 or more")
	}
	f.reader.Capture.Idle, f.reader.Capture.Active = f.idle, f.active
	if f.idle == 0 {
		f.reader.Capture.Idle = -1
	}
	switch f.tunnels {
	case "inner":
		f.reader.Capture.Tunnels = capture.Inner
	case "outer":
		f.reader.Capture.Tunnels = capture.Outer
	default:
		return fmt.Errorf("--tunnels %s: want inner or outer", f.tunnels)
	}
	return f.columns.apply(&f.reader)
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
