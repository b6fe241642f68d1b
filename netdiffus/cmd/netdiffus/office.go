package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// officeFlags are the flags of captures of many connections at once.
type officeFlags struct {
	print, used              bool
	file, rate, starts, like string
	payload, labels          string
	duration                 time.Duration
	hosts                    int
	loss                     float64
	profile                  connections.Profile
}

func (o *officeFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.file, "profile", "", "captures of a network: YAML file that describes it (see --print-profile)")
	flags.BoolVar(&o.print, "print-profile", false, "print a profile with every field, its default and what it is for")
	flags.DurationVar(&o.duration, "duration", 0, "captures of a network: time in which connections start, such as 1h; 0 takes every flow once")
	flags.StringVar(&o.rate, "rate", "", "captures of a network: connections a second, such as 20/s, 90/m or 500/h")
	flags.StringVar(&o.starts, "starts", "", "captures of a network: poisson, captured (as in the captures that the flows were learned from) or back-to-back")
	flags.StringVar(&o.like, "connections-from", "", "captures of a network: captures, or a data set, to take ports, protocols, times to live and starts from (default: what the manifest of --in has)")
	flags.StringVar(&o.payload, "payload", "typed", "captures of a network: typed (TLS, DNS, … by port), random or zeros")
	flags.IntVar(&o.hosts, "hosts", 20, "captures of a network: clients")
	flags.Float64Var(&o.loss, "loss", 0, "captures of a network: share of TCP segments that are lost and sent again, up to 0.5")
	flags.StringVar(&o.labels, "labels", "", "captures of a network: file for a table of the connections and their classes (CSV)")
}

// officeOnly are flags that ask for a capture of a network.
var officeOnly = []string{"profile", "duration", "rate", "starts", "connections-from", "payload", "hosts", "loss", "labels"}

func (o *officeFlags) printProfile(w io.Writer) error {
	_, err := io.WriteString(w, connections.Example)
	return err
}

// check makes the profile. Its errors are of usage.
func (o *officeFlags) check(flags *pflag.FlagSet, out string) (err error) {
	first := ""
	for _, name := range officeOnly {
		if flags.Changed(name) {
			o.used, first = true, name
			break
		}
	}
	if !o.used {
		return nil
	}
	switch ending := strings.ToLower(filepath.Ext(out)); {
	case out == "":
		return fmt.Errorf("--%s needs --out FILE.pcap or FILE.pcapng", first)
	case ending != ".pcap" && ending != ".pcapng":
		return fmt.Errorf("--%s is for captures: --out %s ends in neither .pcap nor .pcapng", first, out)
	}
	for _, name := range []string{"ipv6", "segment", "iat-from", "share", "rest"} {
		if flags.Changed(name) {
			return fmt.Errorf("--%s does not go with --%s", name, first)
		}
	}
	if o.file != "" {
		if o.profile, err = connections.ReadProfile(o.file); err != nil {
			return err
		}
	}
	p := &o.profile
	set := func(name string, do func() error) {
		if err == nil && flags.Changed(name) {
			if err = do(); err != nil {
				err = fmt.Errorf("--%s: %w", name, err)
			}
		}
	}
	set("duration", func() error { p.Duration = o.duration; return nil })
	set("rate", func() (err error) { p.Rate, err = connections.ParseRate(o.rate); return err })
	set("starts", func() error { p.Starts = connections.Starts(o.starts); return nil })
	set("payload", func() error { p.Payload = o.payload; return nil })
	set("hosts", func() error { p.Network.Hosts = o.hosts; return nil })
	set("loss", func() error { p.Loss = o.loss; return nil })
	set("mtu", func() (err error) { p.Network.MTU, err = flags.GetInt("mtu"); return err })
	set("seed", func() (err error) { p.Seed, err = flags.GetUint64("seed"); return err })
	set("protocol", func() (err error) { p.Default.Protocol, err = flags.GetString("protocol"); return err })
	set("server-port", func() error {
		v, err := flags.GetUint16("server-port")
		p.Default.Port = int(v)
		if p.Default.Protocol == "" {
			p.Default.Protocol = "tcp"
		}
		return err
	})
	set("start", func() (err error) {
		text, _ := flags.GetString("start")
		p.Start, err = time.Parse(time.RFC3339Nano, text)
		return err
	})
	if err != nil {
		return err
	}
	return p.Check()
}

// statistics reads --connections-from.
func (o *officeFlags) statistics(ctx context.Context, input inputFlags, stderr io.Writer) (*connections.Statistics, error) {
	if isDataset(o.like) {
		set, err := dataset.Open(o.like, nil)
		if err != nil {
			return nil, err
		}
		if set.Connections == nil {
			return nil, fmt.Errorf("--connections-from %s: its manifest has nothing about connections: it is of flows without keys, or of an earlier version", o.like)
		}
		return set.Connections, nil
	}
	input.paths = []string{o.like}
	input.reader.KeepConnections, input.reader.Counted = true, nil
	var seen connections.Counter
	for f, err := range input.flows(ctx, stderr) {
		if err != nil {
			return nil, fmt.Errorf("--connections-from: %w", err)
		}
		seen.Add(f)
	}
	if s := seen.Statistics(); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("--connections-from %s: it has neither captures nor flows with keys", o.like)
}

// isDataset reports whether the path is a folder of images with a manifest.
func isDataset(path string) bool {
	if path == "" {
		return false
	}
	_, err := os.Stat(dataset.ManifestFile(path))
	return err == nil
}

// officeInput is the flows of --in, which may be a folder of images, and what is
// known of their connections.
func (o *flowsOptions) officeInput(ctx context.Context, stderr io.Writer) (iter.Seq2[traffic.Flow, error], *connections.Statistics, error) {
	if len(o.input.paths) == 1 && isDataset(o.input.paths[0]) {
		path := o.input.paths[0]
		set, err := dataset.Open(path, nil)
		if err != nil {
			return nil, nil, err
		}
		if !set.Encoding.Fitted() {
			return nil, nil, whyUnfitted(path, set)
		}
		return watched(ctx, set.Traffic(), func() {}), set.Connections, nil
	}
	o.input.reader.KeepConnections = true
	return o.input.flows(ctx, stderr), nil, nil
}

// runOffice writes a capture of a network.
func (o *flowsOptions) runOffice(ctx context.Context, stdout, stderr io.Writer) error {
	var seen capturesSeen
	o.input.reader.Counted = seen.add
	flows, known, err := o.officeInput(ctx, stderr)
	if err != nil {
		return err
	}
	if o.office.like != "" {
		if known, err = o.office.statistics(ctx, o.input, stderr); err != nil {
			return err
		}
	}
	var bar *progress
	options := connections.Options{Statistics: known, Progress: func(done, total int) {
		if bar == nil {
			bar = newProgress(stderr, "connection", total)
		}
		bar.set(done, "")
	}}
	s, err := connections.WriteFile(ctx, o.out, o.office.labels, flows, o.office.profile, options)
	if bar != nil {
		bar.finish()
	}
	if err != nil {
		if errors.Is(err, connections.ErrNoStarts) {
			err = fmt.Errorf("%w (--connections-from, or --starts poisson --rate 20/s)", err)
		}
		return err
	}
	if o.json {
		return printJSON(stdout, newOfficeJSON(s))
	}
	return printOffice(stdout, o.out, s)
}

func printOffice(w io.Writer, path string, s connections.Summary) error {
	fmt.Fprintf(w, "%s in %s: %s, %s of payload, over %v; at most %d open at once\n",
		plural(int64(s.Connections), "connection"), path, plural(s.Packets, "packet"), plural(s.Bytes, "byte"), s.Span.Round(time.Millisecond), s.MostOpen)
	fmt.Fprintf(w, "  starts      %s\n", s.Starts)
	if s.Cut > 0 {
		fmt.Fprintf(w, "  cut         %s longer than the MTU: such flows read back with more packets\n", plural(int64(s.Cut), "payload"))
	}
	if s.SentAgain > 0 {
		fmt.Fprintf(w, "  sent again  %s\n", plural(s.SentAgain, "segment"))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "connections\tclass\tservices\tby")
	for _, c := range s.Classes {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", c.Connections, c.Label, some(c.Services, 4), c.Source)
	}
	return table.Flush()
}

// officeJSON is the summary for programs.
type officeJSON struct {
	Connections int               `json:"connections"`
	Packets     int64             `json:"packets"`
	Bytes       int64             `json:"payload_bytes"`
	Seconds     float64           `json:"seconds"`
	Cut         int               `json:"cut"`
	SentAgain   int64             `json:"sent_again"`
	MostOpen    int               `json:"open_at_once"`
	Starts      string            `json:"starts"`
	Classes     []officeClassJSON `json:"classes"`
}

type officeClassJSON struct {
	Label       string   `json:"label"`
	Connections int      `json:"connections"`
	Services    []string `json:"services"`
	Source      string   `json:"source"`
}

func newOfficeJSON(s connections.Summary) officeJSON {
	j := officeJSON{s.Connections, s.Packets, s.Bytes, s.Span.Seconds(), s.Cut, s.SentAgain, s.MostOpen, string(s.Starts), nil}
	for _, c := range s.Classes {
		j.Classes = append(j.Classes, officeClassJSON{c.Label, c.Connections, c.Services, string(c.Source)})
	}
	return j
}
