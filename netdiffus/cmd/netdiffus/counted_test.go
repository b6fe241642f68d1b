package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// The preset default is a model that is counted: its verbs, from flows to plots.
func TestCountedModel(t *testing.T) {
	dir := t.TempDir()
	atoms, run := filepath.Join(dir, "atoms"), filepath.Join(dir, "run")
	do := func(want string, args ...string) { t.Helper(); prints(t, want, args...) }
	do("flows of", "convert", "--in", "../../../data/loopback.parquet", "--classes", "dns,ssh", "--out", atoms, "--codec", "atoms", "--layout", "per-class")
	do("a model that is counted", "train", "--data-dir", atoms, "--dry-run", "--order", "1")
	do("by a chain of order 1", "train", "--data-dir", atoms, "--run", run, "--order", "1")
	do("holds this model already", "train", "--data-dir", atoms, "--run", run, "--order", "1")
	do("--lr has no effect on a model that is counted", "train", "--data-dir", atoms, "--run", run+"2", "--order", "1", "--lr", "1")
	do("20 samples", "sample", "--run", run, "--out", filepath.Join(dir, "drawn"), "--num-samples", "10")
	do("no loss to draw", "plot", "--real", atoms, "--synthetic", filepath.Join(dir, "drawn"), "--run", run, "--out", filepath.Join(dir, "plots"))

	_, _, err := execute(context.Background(), "train", "--data-dir", atoms, "--run", run+"3", "--rare", "3")
	if err == nil || !strings.Contains(err.Error(), "give an order") {
		t.Errorf("rare without an order: %v", err)
	}
	_, _, err = execute(context.Background(), "train", "--data-dir", atoms, "--run", run+"4", "--order", "1", "--diffusion-steps", "3")
	if err == nil || !strings.Contains(err.Error(), "4 steps wanted") {
		t.Errorf("fewer steps than samples are drawn with: %v", err)
	}
}
