package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrainFromDisk: --stream leaves the images on the disk, in what can be read from there
// and by models that can be trained so; a run goes on as it was begun; and small sets are
// in memory unless it is given.
func TestTrainFromDisk(t *testing.T) {
	dir := t.TempDir()
	prepareTiny(t, dir)
	atoms, flows, run := filepath.Join(dir, "atoms"), filepath.Join(dir, "flows"), filepath.Join(dir, "run")
	succeed(t, dir, "convert", "--in", "flows.parquet", "--classes", "dns,ssh", "--out", "flows")
	quick := []string{"train", "--preset", "quick", "--config", filepath.Join(dir, "tiny.yaml"), "--batch-size", "4", "--backend", "go", "--save-interval", "1"}
	for _, c := range []struct {
		name string
		args []string
		want string // in what is printed, or in the error
	}{
		{"small", []string{"--data-dir", atoms, "--dry-run"}, "in memory"},
		{"asked for", []string{"--data-dir", atoms, "--dry-run", "--stream"}, "read from the disk as they are needed"},
		{"a file a flow", []string{"--data-dir", flows, "--dry-run", "--stream"}, "convert --layout per-class"},
		{"a first step", []string{"--data-dir", atoms, "--run", run, "--steps", "1", "--stream"}, "step-00000001"},
		{"goes on", []string{"--data-dir", atoms, "--run", run, "--steps", "2"}, "step-00000002"},
		{"otherwise", []string{"--data-dir", atoms, "--run", run, "--steps", "3", "--stream=false"}, "stream"},
	} {
		stdout, _, err := execute(context.Background(), append(quick[:len(quick):len(quick)], c.args...)...)
		if err != nil {
			stdout = err.Error()
		}
		if !strings.Contains(stdout, c.want) {
			t.Errorf("%s: %s (%v), want %q", c.name, stdout, err, c.want)
		}
	}
	for _, preset := range []string{"default", "causal"} {
		if _, _, err := execute(context.Background(), "train", "--data-dir", atoms, "--preset", preset, "--stream"); err == nil || !strings.Contains(err.Error(), "all records at once") {
			t.Errorf("preset %s: %v", preset, err)
		}
	}
}
