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
	for _, args := range [][]string{{"--num_samples", "0"}, {"--out", ""}} {
		if code := run(append([]string{"chain", "--in", in, "--out", out}, args...)); code != exitUsage {
			t.Errorf("chain %v: exit code %d, want %d", args, code, exitUsage)
		}
	}
	if code := run([]string{"chain", "--in", in, "--out", out, "--order", "9"}); code != exitFailed {
		t.Errorf("order 9: exit code %d, want %d", code, exitFailed)
	}
}
