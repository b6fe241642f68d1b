package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/data"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Every step with a model that has hardly been trained: every stage leaves
// its files, and a second run draws from the first one's model.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs a model twice: half a minute")
	}
	backendtest.Open(t) // skips where there is no XLA
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	out := filepath.Join(dir, "demo")
	for _, samples := range []string{"1", "2"} {
		if code := run([]string{"demo", "--in", in, "--out", out, "--steps", "4", "--num_samples", samples}); code != 0 {
			t.Fatalf("exit code %d", code)
		}
	}
	c, damaged, err := checkpoint.OpenLatest(track.Checkpoints(out))
	if err != nil || len(damaged) > 0 || c.Step != 4 {
		t.Errorf("newest checkpoint %+v, error %v, damaged %v; want step 4", c, err, damaged)
	}
	set, err := dataset.Open(filepath.Join(out, "samples", "demo"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{2, 2, 2, 2}; !slices.Equal(set.Counts(), want) {
		t.Errorf("samples of each class %v, want %v", set.Counts(), want)
	}
	if _, err := traffic.Collect(traffic.Read(filepath.Join(out, "synthetic.parquet"))); err != nil {
		t.Error(err)
	}
	plots := files(t, filepath.Join(out, "plots"))
	for _, name := range []string{"overview.png", "images.png", "loss.png", "pl_global.png", "dir_global.png", "pl_chat.png", "dir_chat.png", "distances.csv"} {
		if !slices.Contains(plots, name) {
			t.Errorf("no %s among %v", name, plots)
		}
	}
}

// The same on series, with the model that is counted.
func TestDemoOfSeries(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a model")
	}
	backendtest.Open(t) // skips where there is no XLA
	out := filepath.Join(t.TempDir(), "demo")
	if code := run([]string{"demo", "--series", "--out", out, "--num_samples", "3"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got := readAllSeries(t, filepath.Join(out, "synthetic.parquet")); len(got) != 36 || got[0].Bins() != 64 || len(got[0].Channels) != 2 {
		t.Errorf("%d series, the first %+v", len(got), got[0])
	}
	plots := files(t, filepath.Join(out, "plots"))
	for _, name := range []string{"traces_bytes_down.png", "distances.csv"} {
		if !slices.Contains(plots, name) {
			t.Errorf("no %s among %v", name, plots)
		}
	}
}

// A folder that is not the demo's, or is one of other flows, stays as it is.
func TestDemoRefusesOtherFolders(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	for name, file := range map[string]string{"foreign": "notes.txt", "other": "flows.parquet"} {
		out := filepath.Join(dir, name)
		if err := os.Mkdir(out, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, file), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		if code := run([]string{"demo", "--in", in, "--out", out}); code != exitFailed {
			t.Errorf("%s: exit code %d, want %d", name, code, exitFailed)
		}
		if got := files(t, out); !slices.Equal(got, []string{file}) {
			t.Errorf("%s: left %v", name, got)
		}
	}
	for _, args := range [][]string{{"--preset", "huge"}, {"--steps", "-1"}, {"--num_samples", "0"}} {
		if code := run(append([]string{"demo", "--out", filepath.Join(dir, "new")}, args...)); code != exitUsage {
			t.Errorf("demo %v: exit code %d, want %d", args, code, exitUsage)
		}
	}
}

// The sample traffic is what the demo needs: some classes of some hundred flows.
func TestSampleTraffic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loopback.parquet")
	if err := os.WriteFile(path, data.Loopback, 0o666); err != nil {
		t.Fatal(err)
	}
	flows := map[string]int{}
	for f, err := range traffic.Read(path) {
		if err != nil {
			t.Fatal(err)
		}
		if !f.Timed || len(f.Packets) > 32 {
			t.Fatalf("flow of %s: timed %v, %d packets; want times and at most 32", f.Label, f.Timed, len(f.Packets))
		}
		flows[f.Label]++
	}
	if len(flows) < 6 {
		t.Errorf("%d classes, want at least 6", len(flows))
	}
	for label, n := range flows {
		if n < 150 {
			t.Errorf("class %s has %d flows, want at least 150", label, n)
		}
	}
}
