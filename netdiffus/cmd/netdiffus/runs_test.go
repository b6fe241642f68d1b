package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

// The verbs of runs, over two runs of a model that is counted.
func TestRunsVerbs(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("NETDIFFUS_RUNS_INDEX", filepath.Join(dir, "index"))
	sample := filepath.Join(repositoryPath(t), "data", "loopback.parquet")
	t.Chdir(dir)
	do := func(want string, args ...string) string { t.Helper(); return prints(t, want, args...) }
	fail := func(want string, args ...string) {
		t.Helper()
		_, _, err := execute(context.Background(), args...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
	do("no runs here", "runs", "list")
	do("flows of", "convert", "--in", sample, "--classes", "dns,ssh", "--out", "atoms", "--codec", "atoms", "--layout", "per-class")
	do("", "train", "--data-dir", "atoms", "--run", "runs/one", "--order", "1")
	do("", "train", "--data-dir", "atoms", "--run", "runs/two", "--order", "2", "--seed", "5")
	do("", "sample", "--run", "runs/one", "--out", "drawn", "--num-samples", "30")
	do("", "evaluate", "--real-train", sample, "--real-test", sample, "--synthetic", "drawn", "--out", "elsewhere/report",
		"--tasks", "classification", "--per-class", "20", "--seeds", "1", "--trees", "10")

	do("one", "runs", "list")
	if out := do("", "runs", "list", "--where", "order=2 and seed=5"); !strings.Contains(out, "two") || strings.Contains(out, "one") {
		t.Errorf("order=2 lists\n%s", out)
	}
	fail("is it", "runs", "list", "--where", "ordr=2")
	fail("want a value", "runs", "list", "--where", "order=")
	var list []runs.Run
	if err := json.Unmarshal([]byte(do("", "runs", "list", "--json", "--sort", "-seed")), &list); err != nil || len(list) != 2 || list[0].Name != "two" {
		t.Fatalf("--json: %v, %d runs", err, len(list))
	}
	// The report lies elsewhere and knows the run by its samples.
	if r := list[1]; len(r.Reports) != 1 || r.Reports[0].Run != r.ID || r.State != runs.Finished || r.Preset != "default" {
		t.Errorf("run one: %d reports, state %s, preset %s", len(r.Reports), r.State, r.Preset)
	}
	do("chain.order", "runs", "show", "two")
	do("tstr_accuracy", "runs", "show", "runs/one")
	do("chain.order", "runs", "compare", "one", "two")
	do("", "runs", "compare", "one", "two", "--html", "compare.html")
	if page, err := os.ReadFile("compare.html"); err != nil || !strings.Contains(string(page), "tstr_accuracy") {
		t.Errorf("the page: %v", err)
	}
	fail("two runs or more", "runs", "compare", "one")
	do("", "runs", "tag", "one", "good")
	do("", "runs", "note", "one", "the first")
	do("the first", "runs", "note", "one")
	do("good", "runs", "list", "--where", "tag=good and note~first")
	do("", "runs", "export", "one", "two", "--to", "csv", "--out", "tables")
	for _, name := range []string{"runs.csv", "metrics.csv", "figures.csv"} {
		if text, err := os.ReadFile(filepath.Join("tables", name)); err != nil || !strings.Contains(string(text), "run,") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	do("equal to the bit", "runs", "rerun", "two", "--run", "runs/again")
	fail("name a copy", "runs", "rerun", "two", "--data-dir", "drawn")
	fail("nothing deleted", "runs", "rm", "two")
	if _, err := os.Stat("runs/two"); err != nil {
		t.Error(err)
	}
	do("deleted", "runs", "rm", "two", "again", "--yes")
	if entries, err := os.ReadDir("runs"); err != nil || len(entries) != 1 {
		t.Errorf("after rm there are %v, %v", entries, err)
	}
	do("one", "runs", "list", "--all", "--in", "elsewhere")
}

// A network that is trained again has the same weights to the bit.
func TestRerunOfANetwork(t *testing.T) {
	longtest.Only(t, "it compiles a training step twice")
	dir := t.TempDir()
	t.Setenv("NETDIFFUS_RUNS_INDEX", filepath.Join(dir, "index"))
	sample := filepath.Join(repositoryPath(t), "data", "loopback.parquet")
	t.Chdir(dir)
	for _, args := range [][]string{
		{"convert", "--in", sample, "--classes", "dns,ssh", "--out", "atoms", "--codec", "atoms", "--layout", "per-class"},
		{"train", "--data-dir", "atoms", "--run", "one", "--preset", "quick", "--steps", "12", "--batch-size", "16", "--validation", "0.1", "--seed", "3"},
		{"runs", "rerun", "one"},
	} {
		stdout, stderr, err := execute(context.Background(), args...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", args, err, stderr)
		}
		if args[0] == "runs" && !strings.Contains(stdout, "equal to the bit") {
			t.Errorf("rerun says\n%s", stdout)
		}
	}
}

// repositoryPath is the repository's root, absolute.
func repositoryPath(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
