package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

func TestRun(t *testing.T) {
	names := []string{"product of matrices 2048 x 2048", "450 samples, preset default"}
	if !slices.Contains(Names(), "training step, 10 x 10, batch 64, bf16") {
		t.Errorf("no row in bfloat16: %q", Names())
	}
	var shown []string
	r, err := Run(t.Context(), backendtest.Open(t), Options{Rows: names, Time: time.Millisecond, Report: func(r Row) { shown = append(shown, r.Name) }})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(shown, names) || len(r.Rows) != len(names) {
		t.Fatalf("measured %q, want %q", shown, names)
	}
	for _, row := range r.Rows {
		if row.Ours == nil || row.Ours.Calls < 2 || row.Ours.Least <= 0 || row.Ours.Median < row.Ours.Least {
			t.Errorf("%s: %+v %s", row.Name, row.Ours, row.Reason)
		}
	}
	if r.Machine.Cores < 1 || r.Machine.Host != "" || r.Device == "" {
		t.Errorf("machine %+v, device %q", r.Machine, r.Device)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil || back.Rows[0].Ours.Median != r.Rows[0].Ours.Median {
		t.Errorf("%v: %s", err, text)
	}
}

func TestRunEnds(t *testing.T) {
	r, err := Run(t.Context(), backendtest.Open(t), Options{Limit: 1, Time: time.Millisecond, Rows: Names()[:3]})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if row.Ours != nil || row.Reason == "" {
			t.Errorf("%s was measured after the limit", row.Name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, backendtest.Open(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if _, err := Run(t.Context(), backendtest.Open(t), Options{Rows: []string{"nothing"}}); err == nil || !strings.Contains(err.Error(), "no row") {
		t.Errorf("an unknown row: %v", err)
	}
}

func TestChosen(t *testing.T) {
	small, err := chosen(Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := chosen(Options{Large: true})
	if err != nil || len(all) != len(Names()) || len(small) >= len(all) {
		t.Errorf("%d rows, %d with the large ones, %d names: %v", len(small), len(all), len(Names()), err)
	}
}

// fakePython is a program that answers as peer.py does.
func fakePython(t *testing.T, script string) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	path := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPeer(t *testing.T) {
	p, err := NewPeer(t.Context(), fakePython(t, `
echo '{"description": "a peer", "parameters": 7}'
read line; echo '{"first": 3, "took": [0.5, 0.25, 0.75]}'
read line; echo '{"error": "OutOfMemoryError: too large"}'
read line; echo gone >&2; exit 1
`), false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Description != "a peer" || p.Parameters != 7 {
		t.Errorf("%+v", p)
	}
	got, err := p.measure(t.Context(), task{What: "step"}, time.Second)
	if err != nil || got != (Time{First: 3, Median: 0.5, Least: 0.25, Calls: 3}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, want := range []string{"too large", "gone"} {
		if _, err := p.measure(t.Context(), task{What: "step"}, time.Second); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := NewPeer(t.Context(), fakePython(t, `echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1`), true); err == nil || !strings.Contains(err.Error(), "No module named 'torch'") {
		t.Errorf("a Python without PyTorch: %v", err)
	}
	if _, err := NewPeer(t.Context(), filepath.Join(t.TempDir(), "none"), false); err == nil {
		t.Error("a Python that is not there was started")
	}
}

// The peer's network has as many parameters as ours.
func TestPeerNetwork(t *testing.T) {
	python := os.Getenv("NETDIFFUS_TORCH_PYTHON")
	if python == "" {
		t.Skip("NETDIFFUS_TORCH_PYTHON names no Python with PyTorch")
	}
	c, _, err := network(4, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, p := range c.Network().Params() {
		want += p.Size()
	}
	p, err := NewPeer(t.Context(), python, false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Parameters != want {
		t.Errorf("%d parameters, want %d", p.Parameters, want)
	}
	for _, what := range []task{{What: "product", Size: 64}, {What: "forward", Batch: 2, Size: 10}, {What: "step", Batch: 2, Size: 10}, {What: "step", Batch: 2, Size: 10, Precision: nn.BF16}, {What: "sample", Batch: 2, Size: 10, Steps: 3}} {
		if took, err := p.measure(t.Context(), what, time.Millisecond); err != nil || took.Median <= 0 {
			t.Errorf("%+v: %+v, %v", what, took, err)
		}
	}
}

func TestWriteMarkdown(t *testing.T) {
	r := Result{Device: "a device", Peer: "a peer", Rows: []Row{
		{Name: "both", Unit: "image", Units: 4, Ours: &Time{First: 2, Median: 0.1}, Peer: &Time{Median: 0.2}},
		{Name: "ours", Unit: "GFLOP", Units: 1, Ours: &Time{First: 2, Median: 0.0001}, NoPeer: "it has nothing like it"},
		{Name: "none", Reason: "the time was over"},
	}}
	var b bytes.Buffer
	if err := r.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| both | 2 s | 100 ms | 40 images/s | 200 ms | 0.50 |",
		"| ours | 2 s | 100 µs | 1e+04 GFLOP/s | it has nothing like it |  |",
		"| none |  | the time was over |  |  |  |",
		"Against a peer",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s\nlacks %q", b.String(), want)
		}
	}
}
