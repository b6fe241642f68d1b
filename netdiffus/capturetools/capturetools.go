// Package capturetools runs the programs of others over a capture and gathers what
// they see in it: flows, what they warn of, protocols. It shows whether a capture
// that was written is one that tools believe.
//
// Every program has a time limit, ends with the context, and writes into a
// temporary folder only, which is removed.
package capturetools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Result is what one tool sees in a capture.
type Result struct {
	Tool   string `json:"tool"`
	Absent bool   `json:"absent,omitempty"` // it is not installed
	Error  string `json:"error,omitempty"`  // it failed, or ran out of time

	Flows    int `json:"flows"`
	Errors   int `json:"errors"`   // tshark's expert information; other tools have none
	Warnings int `json:"warnings"` //
	Notes    int `json:"notes"`    //

	// Medians over the flows.
	Seconds float64 `json:"median_seconds"` // from a flow's first packet to its last
	Packets float64 `json:"median_packets"`
	Bytes   float64 `json:"median_bytes"`
	Gap     float64 `json:"median_gap"` // seconds between the starts of flows

	Services map[string]int `json:"services"` // flows by protocol, as the tool names it
}

// flow is a flow as a tool reports it.
type flow struct {
	start, seconds, packets, bytes float64
	service                        string
}

// summarize fills in what follows from the flows.
func (r *Result) summarize(flows []flow) {
	r.Flows, r.Services = len(flows), map[string]int{}
	column := func(value func(flow) float64) []float64 {
		list := make([]float64, len(flows))
		for i, f := range flows {
			list[i] = value(f)
		}
		slices.Sort(list)
		return list
	}
	r.Seconds = median(column(func(f flow) float64 { return f.seconds }))
	r.Packets = median(column(func(f flow) float64 { return f.packets }))
	r.Bytes = median(column(func(f flow) float64 { return f.bytes }))
	starts := column(func(f flow) float64 { return f.start })
	var gaps []float64
	for i := 1; i < len(starts); i++ {
		gaps = append(gaps, starts[i]-starts[i-1])
	}
	slices.Sort(gaps)
	r.Gap = median(gaps)
	for _, f := range flows {
		r.Services[f.service]++
	}
}

// median of sorted values, 0 of none.
func median(sorted []float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

// tool is one program, or two that work together.
type tool struct {
	name     string
	programs []string // that must be on the PATH
	// run looks at the capture at path, which is absolute, from the folder dir.
	run func(ctx context.Context, path, dir string, r *Result) error
}

var tools = []tool{
	{"netdiffus", nil, runReader},
	{"tshark", []string{"tshark"}, runTshark},
	{"nfdump", []string{"softflowd", "nfcapd", "nfdump"}, runNfdump},
	{"argus", []string{"argus", "racluster"}, runArgus},
	{"nfstream", nil, runNFStream},
	{"tcpprep", []string{"tcpprep"}, runTcpprep},
	{"zeek", []string{"zeek"}, runZeek},
	{"suricata", []string{"suricata"}, runSuricata},
}

// DefaultLimit is how long each tool may take for a capture.
const DefaultLimit = 5 * time.Minute

// Run runs all tools over a capture, one after another, each for at most the limit; 0
// means DefaultLimit. A tool that is absent or fails is a Result of its own. The
// error is that of the capture or the context.
func Run(ctx context.Context, capture string, limit time.Duration) ([]Result, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	if info, err := os.Stat(capture); err != nil {
		return nil, fmt.Errorf("capturetools: %w", err)
	} else if info.IsDir() {
		return nil, fmt.Errorf("capturetools: %s is a folder: name a capture", capture)
	}
	path, err := filepath.Abs(capture) // the tools run in folders of their own
	if err != nil {
		return nil, fmt.Errorf("capturetools: %w", err)
	}
	var results []Result
	for _, t := range tools {
		r := Result{Tool: t.name, Services: map[string]int{}}
		for _, name := range t.programs {
			if _, err := exec.LookPath(name); err != nil {
				r.Absent = true
			}
		}
		if !r.Absent {
			err := inFolder(ctx, limit, func(ctx context.Context, dir string) error { return t.run(ctx, path, dir, &r) })
			switch {
			case ctx.Err() != nil:
				return results, ctx.Err()
			case errors.Is(err, errAbsent):
				r.Absent = true
			case errors.Is(err, context.DeadlineExceeded):
				r.Error = fmt.Sprintf("took longer than %v", limit)
			case err != nil:
				r.Error = err.Error()
			}
		}
		results = append(results, r)
	}
	return results, nil
}

var errAbsent = errors.New("not installed")

// inFolder calls do with a temporary folder and a time limit.
func inFolder(ctx context.Context, limit time.Duration, do func(ctx context.Context, dir string) error) error {
	dir, err := os.MkdirTemp("", "netdiffus-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = do(ctx, dir)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// output runs a program in dir and returns what it prints.
func output(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, args...)
	command.KillGroup(c)
	c.Dir, c.WaitDelay = dir, 5*time.Second
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, command.LastLines(complaint.String(), 2))
	}
	return out.Bytes(), nil
}

// runReader is this library's own reader.
func runReader(ctx context.Context, path, _ string, r *Result) error {
	var flows []flow
	reader := traffic.Reader{KeepConnections: true, KeepEmpty: true, Warn: func(error) {}}
	for f, err := range reader.Read(path) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		one := flow{start: float64(f.Connection.Start) / 1e9, packets: float64(len(f.Packets)), service: fmt.Sprintf("%s/%d", map[uint8]string{traffic.TCP: "tcp", traffic.UDP: "udp"}[f.Connection.Protocol], f.Connection.ServerPort)}
		for _, p := range f.Packets {
			one.bytes += float64(p.Length)
			one.seconds += p.IAT / 1e6
		}
		flows = append(flows, one)
	}
	r.summarize(flows)
	return nil
}

// fields splits the lines of a table.
func fields(text []byte, separator string) [][]string {
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			rows = append(rows, strings.Split(line, separator))
		}
	}
	return rows
}
