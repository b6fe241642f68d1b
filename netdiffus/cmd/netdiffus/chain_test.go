package main

import (
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func TestChain(t *testing.T) {
	dir := t.TempDir()
	in := writeFlows(t, filepath.Join(dir, "in.parquet"), fewFlows(0))
	out := filepath.Join(dir, "out.parquet")
	if code := run([]string{"chain", "--in", in, "--out", out, "--num_samples", "7", "--order", "2"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	flows, err := traffic.Collect(traffic.Read(out))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range flows {
		counts[f.Label]++
	}
	for label, n := range counts {
		if n != 7 {
			t.Errorf("%d flows of %s, want 7", n, label)
		}
	}
	if code := run([]string{"chain", "--in", in, "--out", out, "--num-samples", "3", "--order", "auto"}); code != 0 {
		t.Fatalf("order auto: exit code %d", code)
	}
	if merged, err := traffic.Collect(traffic.Read(out)); err != nil || len(merged) != 3*len(counts) {
		t.Errorf("order auto drew %d flows, %v, want 3 of each of %d classes", len(merged), err, len(counts))
	}
	for _, args := range [][]string{{"--num_samples", "0"}, {"--out", ""}, {"--order", "high"}, {"--order", "-1"}} {
		if code := run(append([]string{"chain", "--in", in, "--out", out}, args...)); code != exitUsage {
			t.Errorf("chain %v: exit code %d, want %d", args, code, exitUsage)
		}
	}
	if code := run([]string{"chain", "--in", in, "--out", out, "--order", "9"}); code != exitFailed {
		t.Errorf("order 9: exit code %d, want %d", code, exitFailed)
	}
}
