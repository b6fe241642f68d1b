package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The road of a set too large for one machine: shards, one of them drawn twice and one
// killed, merged and inverted. What comes out is what one command would have drawn.
func TestShardsAndMerge(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	do := func(want string, args ...string) { t.Helper(); prints(t, want, args...) }
	fails := func(want string, args ...string) {
		t.Helper()
		if _, _, err := execute(context.Background(), args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	do("flows of", "convert", "--in", "../../../data/loopback.parquet", "--classes", "dns,ssh", "--out", at("atoms"), "--codec", "atoms", "--layout", "per-class")
	do("by a chain of order 1", "train", "--data-dir", at("atoms"), "--run", at("run"), "--order", "1")
	drawn := func(more ...string) []string {
		return append([]string{"sample", "--run", at("run"), "--num-samples", "25", "--seed", "3"}, more...)
	}
	do("50 samples", drawn("--out", at("whole"))...)
	do("shard 1 of 3: 8 samples of each class", drawn("--out", at("many"), "--shards", "3", "--shard", "1")...)
	do("shard 1 of 3 is there already", drawn("--out", at("many"), "--shards", "3", "--shard", "1")...)
	fails("2 of 3 shards missing: 0, 2", "merge", "--in", at("many"), "--out", at("merged"))
	// What a killed process leaves is no shard.
	if err := os.MkdirAll(filepath.Join(at("many"), "shard-00002-of-00003.tmp-1-1"), 0o777); err != nil {
		t.Fatal(err)
	}
	do("shard 1 of 3 is there already", drawn("--out", at("many"), "--shards", "3")...)
	do("50 samples of 3 shards", "merge", "--in", at("many"), "--out", at("merged"))
	fails("holds an earlier output", "merge", "--in", at("many"), "--out", at("merged"))
	do("50 samples of 3 shards", "merge", "--in", at("many"), "--out", at("merged"), "--overwrite")

	text := func(path string) string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, name := range []string{"manifest.json", "dns_synthetic_samples.npz", "ssh_synthetic_samples.npz"} {
		if text(filepath.Join(at("merged"), name)) != text(filepath.Join(at("whole"), name)) {
			t.Errorf("%s of the shards differs from that of all samples", name)
		}
	}
	do("50 flows of 2 classes", "invert", "--in", at("many"), "--out", at("many.csv"))
	do("50 flows of 2 classes", "invert", "--in", at("merged"), "--out", at("merged.csv"))
	lines := func(name string) []string { return slices.Sorted(strings.Lines(text(at(name)))) }
	if !slices.Equal(lines("many.csv"), lines("merged.csv")) {
		t.Error("the shards hold other flows than the set merged of them")
	}

	fails("another model or request", append(drawn("--out", at("many"), "--shards", "3"), "--seed", "4")...)
	fails("say with --shards how many", drawn("--out", at("x"), "--shard", "1")...)
	fails("want one from 0 to 2", drawn("--out", at("x"), "--shards", "3", "--shard", "3")...)
	fails("in 26 shards", drawn("--out", at("x"), "--shards", "26")...)
	fails("--pool chooses", drawn("--out", at("x"), "--shards", "3", "--pool", "2")...)
	fails("no shards", "merge", "--in", t.TempDir(), "--out", at("x"))
	fails("a whole set", "merge", "--in", at("whole"), "--out", at("x"))
}
