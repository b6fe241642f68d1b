package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/sweep"
)

// A sweep over the settings of a chain, one process a trial; the same command goes on.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	sample := filepath.Join(repositoryPath(t), "data", "loopback.parquet")
	t.Chdir(dir)
	run := func(args ...string) (string, string) {
		t.Helper()
		stdout, stderr, err := execute(context.Background(), args...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", args, err, stderr)
		}
		return stdout, stderr
	}
	run("convert", "--in", sample, "--classes", "dns,ssh", "--out", "atoms", "--codec", "atoms", "--layout", "per-class")
	if err := os.WriteFile("sweep.yaml", []byte("data: atoms\nspace:\n  chain.order: [1, 2]\n  chain.rare: [2]\nnum_samples: 7\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	args := []string{"sweep", "--config", "sweep.yaml", "--num-samples", "20", "--out", "out", "--parallel", "2"}
	table, log := run(args...)
	for _, want := range []string{"TSTR", "chain.order", "what mattered"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if !strings.Contains(log, "holding out") || strings.Count(log, "trial ") < 2 {
		t.Errorf("it printed\n%s", log)
	}
	for _, name := range []string{"table.csv", "sweep.png", "trials/trial-0002/config.json"} {
		if _, err := os.Stat(filepath.Join("out", filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
	again, log := run(args...)
	if again != table || strings.Contains(log, "trial 1:") {
		t.Errorf("the same command does not go on:\n%s%s", again, log)
	}
	if out, _ := run("runs", "list", "--where", "order=2"); !strings.Contains(out, "trial-0002") {
		t.Errorf("the trials are not listed:\n%s", out)
	}
	for want, more := range map[string][]string{
		"chain.ordr":          {"--param", "chain.ordr=1", "--out", "other"},
		"other settings":      {"--param", "chain.order=1", "--out", "out"},
		"no steps":            {"--param", "chain.order=1", "--steps", "5", "--out", "other"},
		"measure tstr":        {"--param", "chain.order=1", "--objective", "loss", "--out", "other"},
		"want NAME=VALUES":    {"--param", "chain.order", "--out", "other"},
		"a grid needs values": {"--param", "chain.order=1:3:int", "--out", "other"},
		"--out is missing":    {"--param", "chain.order=1"},
	} {
		_, _, err := execute(context.Background(), append([]string{"sweep", "--data-dir", "atoms"}, more...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", more, err, want)
		}
	}
}

func TestParseParameter(t *testing.T) {
	for word, want := range map[string]sweep.Parameter{
		"training.lr=1e-4:1e-2:log":        {Name: "training.lr", Min: 1e-4, Max: 1e-2, Log: true},
		"training.batch_size=8:64:log:int": {Name: "training.batch_size", Min: 8, Max: 64, Log: true, Int: true},
	} {
		got, err := parseParameter(word)
		if err != nil || got.Name != want.Name || got.Min != want.Min || got.Max != want.Max || got.Log != want.Log || got.Int != want.Int {
			t.Errorf("%s: %+v, %v", word, got, err)
		}
	}
	p, err := parseParameter("atoms.base=chain,field,true,3")
	if err != nil || len(p.Values) != 4 || string(p.Values[0]) != `"chain"` || string(p.Values[2]) != "true" || string(p.Values[3]) != "3" {
		t.Errorf("%s, %v", p.Values, err)
	}
	if p, err = parseParameter("training.ema_rate=[[0.99],[0.999]]"); err != nil || len(p.Values) != 2 || string(p.Values[1]) != "[0.999]" {
		t.Errorf("%s, %v", p.Values, err)
	}
}
