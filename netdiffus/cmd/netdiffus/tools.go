package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/capturetools"
)

func toolsCommand() *cobra.Command {
	var synthetic, real string
	var asJSON bool
	limit := capturetools.DefaultLimit
	c := &cobra.Command{
		Use:   "tools --capture FILE [--real FILE]",
		Short: "Show a capture as other tools see it: tshark, nfdump, argus, NFStream",
		Long: `Tools runs the programs of others that are on the PATH over a capture, and over a
real one to compare it with: tshark, softflowd with nfdump, argus, NFStream (of the
Python on the PATH), tcpprep, Zeek and Suricata. It prints a row for each: flows read
back, tshark's errors, warnings and notes, medians of duration, packets and bytes a
flow, of the time between starts of flows, and the protocols that the tool names. What
is not installed is named so. Nothing is written but in a temporary folder.`,
		Example: `  netdiffus tools --capture office.pcap
  netdiffus tools --capture office.pcap --real captured.pcap --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required("capture", synthetic); err != nil {
				return usageOf(c, err)
			}
			if limit <= 0 {
				return usageOf(c, errors.New("--limit: want a time such as 5m"))
			}
			all := map[string][]capturetools.Result{}
			var order []string
			for _, path := range []string{synthetic, real} {
				if path == "" {
					continue
				}
				results, err := capturetools.Run(c.Context(), path, limit)
				if err != nil {
					return err
				}
				if all[path] == nil {
					order = append(order, path)
				}
				all[path] = results
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), all)
			}
			for _, path := range order {
				if err := printTools(c.OutOrStdout(), path, all[path]); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&synthetic, "capture", "", "capture to show")
	flags.StringVar(&real, "real", "", "real capture to compare it with")
	flags.DurationVar(&limit, "limit", limit, "time that each tool may take for a capture")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object, the captures' paths with a list of tools each")
	return c
}

func printTools(w io.Writer, path string, results []capturetools.Result) error {
	fmt.Fprintln(w, path)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  tool\tflows\terrors\twarnings\tnotes\tduration\tpackets\tbytes\tgap\tprotocols")
	for _, r := range results {
		switch {
		case r.Absent:
			fmt.Fprintf(table, "  %s\tnot installed\n", r.Tool)
			continue
		case r.Error != "":
			fmt.Fprintf(table, "  %s\tfailed: %s\n", r.Tool, r.Error)
			continue
		case r.Tool == "tcpprep":
			fmt.Fprintf(table, "  %s\taccepts it\n", r.Tool)
			continue
		}
		expert := "\t\t"
		if r.Tool == "tshark" {
			expert = fmt.Sprintf("%d\t%d\t%d", r.Errors, r.Warnings, r.Notes)
		}
		names := slices.SortedFunc(maps.Keys(r.Services), func(a, b string) int {
			return cmp.Or(cmp.Compare(r.Services[b], r.Services[a]), cmp.Compare(a, b))
		})
		for i, name := range names {
			names[i] = fmt.Sprintf("%d %s", r.Services[name], name)
		}
		fmt.Fprintf(table, "  %s\t%d\t%s\t%v\t%.0f\t%.0f\t%v\t%s\n", r.Tool, r.Flows, expert, seconds(r.Seconds), r.Packets, r.Bytes, seconds(r.Gap), strings.ReplaceAll(some(names, 6), "; ", ", "))
	}
	return table.Flush()
}

func seconds(v float64) time.Duration {
	return time.Duration(v * float64(time.Second)).Round(100 * time.Microsecond)
}
