package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func flowsCommand() *cobra.Command {
	var o flowsOptions
	c := &cobra.Command{
		Use:   "flows --in PATH [--in PATH] [--out FILE]",
		Short: "Read flows from captures and other files, write them as another kind",
		Long: `Flows reads flows of any kind and writes them as any kind, chosen by the name's
ending: .parquet, .csv, .tsv, .jsonl, .pcap, or DIR/ for a folder of captures,
one a label. Without --out it only counts them.

A capture becomes flows (biflows) by addresses, ports and protocol; the client is
who sent the SYN, else who was first. Only packets with payload are kept. Addresses
and ports stay out of what is written unless --keep-keys is given. What the captures
held is printed at the end: tunnels, packets in no flow, packets captured twice or sent
again, and why connections ended.

Flows become a capture as connections of their own between addresses that are
reserved for documentation, with handshake, acknowledgements and checksums, one
after another. Reading it gives back the same flows.

With --profile, --duration, --rate or --starts they become a capture as of a network
(.pcap or .pcapng): many connections at once, between hosts and ports as a profile or
the captures that the flows were learned from have them, with payload that programs
understand, never bytes of real traffic. --in may then be a folder of images, such as
'sample' writes. --print-profile prints a profile with every field, to be edited.`,
		Example: `  netdiffus flows --in captures/ --max-packets 10 --out flows.parquet
  netdiffus flows --in chat.pcapng --label chat --min-packets 4 --out chat.csv
  netdiffus flows --in synthetic.parquet --iat-from flows.parquet --out synthetic/
  netdiffus flows --in runs/synthetic --out office.pcap --duration 1h --rate 20/s --labels office.csv
  netdiffus flows --print-profile > profile.yaml
  netdiffus flows --in runs/synthetic --out office.pcapng --profile profile.yaml
  netdiffus flows --in flows.parquet --share 0.8 --out train.parquet --rest test.parquet
  netdiffus flows --in packets.csv.gz --col-flow stream --col-length bytes --csv-delimiter ';' --out flows.jsonl
  netdiffus flows --in theirs.parquet --col-length sizes --col-dir dirs --col-iat gaps --iat-unit ms --col-label app --out flows.parquet
  netdiffus flows --in nfstream.csv --col-label application_name --out flows.parquet`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.office.print {
				return o.office.printProfile(c.OutOrStdout())
			}
			w, err := o.check()
			if err == nil {
				err = o.office.check(c.Flags(), o.out)
			}
			if err != nil {
				return usageOf(c, err)
			}
			if o.office.used {
				return o.runOffice(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
			}
			return o.run(c.Context(), w, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	o.input.register(flags)
	flags.BoolVar(&o.input.reader.KeepKeys, "keep-keys", false, "write addresses and ports as KEY, to Parquet, CSV and JSON Lines")
	flags.BoolVar(&o.json, "json", false, "print what was read as one JSON object instead of the summary")
	flags.StringVar(&o.out, "out", "", "file, or folder of captures (DIR/), to write")
	flags.Float64Var(&o.share, "share", 1, "share of the flows to write, drawn by --seed; for a training set")
	flags.StringVar(&o.rest, "rest", "", "file, or DIR/, for the flows that --share leaves")
	p := &o.pcap
	flags.StringVar(&o.protocol, "protocol", "tcp", "captures written: tcp or udp")
	flags.BoolVar(&p.IPv6, "ipv6", false, "captures written: IPv6 instead of IPv4")
	flags.IntVar(&p.MTU, "mtu", 1500, "captures written: longest IP packet, bytes, up to 65535")
	flags.BoolVar(&p.Segment, "segment", false, "captures written: cut payloads too long for the MTU into several packets (which do not read back as one)")
	flags.Uint16Var(&p.Port, "server-port", 9, "captures written: port of the servers")
	flags.StringVar(&o.start, "start", "2024-01-01T00:00:00Z", "captures written: time of the first packet, RFC 3339")
	flags.StringVar(&o.timesFrom, "iat-from", "", "captures written, of flows without times: file of flows to draw inter-arrival times from (default: 1 ms each)")
	flags.Uint64Var(&p.Seed, "seed", 0, "of the drawing of flows and inter-arrival times")
	o.office.register(flags)
	return c
}

// flowsOptions are the flags of the verb flows.
type flowsOptions struct {
	input                           inputFlags
	out, protocol, start, timesFrom string
	share                           float64
	rest                            string
	json                            bool
	pcap                            traffic.Pcap
	office                          officeFlags
}

// check makes the writer that the flags describe. Its errors are of usage.
func (o *flowsOptions) check() (traffic.Writer, error) {
	if err := o.input.check(); err != nil {
		return traffic.Writer{}, err
	}
	if !(o.share > 0 && o.share <= 1) {
		return traffic.Writer{}, fmt.Errorf("--share %v: want it above 0, up to 1", o.share)
	}
	if o.rest != "" && (o.out == "" || o.share == 1) {
		return traffic.Writer{}, errors.New("--rest needs --out and a --share below 1")
	}
	if o.protocol != "tcp" && o.protocol != "udp" {
		return traffic.Writer{}, fmt.Errorf("--protocol %s: want tcp or udp", o.protocol)
	}
	start, err := time.Parse(time.RFC3339Nano, o.start)
	if err != nil {
		return traffic.Writer{}, fmt.Errorf("--start: %w", err)
	}
	w := traffic.Writer{Pcap: o.pcap}
	w.Pcap.UDP, w.Pcap.Start = o.protocol == "udp", start
	return w, nil
}

func (o *flowsOptions) run(ctx context.Context, w traffic.Writer, stdout, stderr io.Writer) error {
	var tally classTally
	o.input.lent = o.timesFrom != ""
	all := o.input.flows(ctx, stderr)
	flows := tally.watch(o.drawn(all, true))
	if o.timesFrom != "" {
		var times []float64
		err := withColumns(o.input.columns.reader(stderr), func(r traffic.Reader) (err error) {
			times, err = traffic.Values(r.Read(o.timesFrom), traffic.InterArrival{}, "")
			return err
		})
		if err != nil {
			return fmt.Errorf("--iat-from: %w", err)
		}
		// The first packet of a flow has no time before it.
		if w.Pcap.Times = slices.DeleteFunc(times, func(v float64) bool { return v <= 0 }); len(w.Pcap.Times) == 0 {
			return fmt.Errorf("--iat-from %s: its flows have no inter-arrival times", o.timesFrom)
		}
	}
	if o.out != "" {
		if err := w.Write(o.out, flows); err != nil {
			if errors.Is(err, traffic.ErrOverMTU) {
				err = fmt.Errorf("%w (--mtu 65535, or --segment)", err)
			}
			return err
		}
	} else {
		for _, err := range flows {
			if err != nil {
				return err
			}
		}
	}
	if o.rest != "" {
		if err := w.Write(o.rest, o.drawn(all, false)); err != nil {
			return err
		}
	}
	if o.json {
		return printJSON(stdout, tally.json(o.input.seen.json(o.input.reader.Capture)))
	}
	o.input.seen.print(stdout, o.input.reader.Capture)
	return tally.print(stdout)
}

// drawn is the flows that --share takes, or those that it leaves. Whether a flow
// is taken follows from the seed and its place alone.
func (o *flowsOptions) drawn(flows iter.Seq2[traffic.Flow, error], taken bool) iter.Seq2[traffic.Flow, error] {
	if o.share == 1 {
		return flows
	}
	return func(yield func(traffic.Flow, error) bool) {
		row := uint64(0)
		for f, err := range flows {
			take := noise.Stream(o.pcap.Seed, row).Float64() < o.share
			row++
			if (err != nil || take == taken) && !yield(f, err) {
				return
			}
		}
	}
}

// classTally counts flows and packets by class.
type classTally struct {
	flows, packets map[string]int
}

// watch counts the flows that pass. None at all are an error.
func (c *classTally) watch(flows iter.Seq2[traffic.Flow, error]) iter.Seq2[traffic.Flow, error] {
	return func(yield func(traffic.Flow, error) bool) {
		c.flows, c.packets = map[string]int{}, map[string]int{}
		for f, err := range flows {
			if err == nil {
				c.flows[f.Label]++
				c.packets[f.Label] += len(f.Packets)
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
		if len(c.flows) == 0 { // though there are some in the input
			yield(traffic.Flow{}, errors.New("--share left no flow: raise it, or take another --seed"))
		}
	}
}

func (c *classTally) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "flows\tpackets\t\tclass\t")
	flows, packets := 0, 0
	for _, label := range slices.Sorted(maps.Keys(c.flows)) {
		fmt.Fprintf(table, "%d\t%d\t\t%s\t\n", c.flows[label], c.packets[label], label)
		flows += c.flows[label]
		packets += c.packets[label]
	}
	fmt.Fprintf(table, "%d\t%d\t\tin all\t\n", flows, packets)
	return table.Flush()
}

// flowsJSON is what flows prints with --json.
type flowsJSON struct {
	Flows    int           `json:"flows"`
	Packets  int           `json:"packets"`
	Classes  []classJSON   `json:"classes"`
	Captures *capturesJSON `json:"captures,omitempty"`
}

type classJSON struct {
	Label   string `json:"label"`
	Flows   int    `json:"flows"`
	Packets int    `json:"packets"`
}

func (c *classTally) json(captures *capturesJSON) flowsJSON {
	j := flowsJSON{Captures: captures}
	for _, label := range slices.Sorted(maps.Keys(c.flows)) {
		j.Classes = append(j.Classes, classJSON{label, c.flows[label], c.packets[label]})
		j.Flows += c.flows[label]
		j.Packets += c.packets[label]
	}
	return j
}
