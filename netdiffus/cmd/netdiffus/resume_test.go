package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// TestRulesOfResume: which changes a run takes when it goes on, as docs/reliability.md has
// them, and how a run that diverged goes on with another rate.
func TestRulesOfResume(t *testing.T) {
	dir := t.TempDir()
	prepareTiny(t, dir)
	do := func(code int, want string, args ...string) {
		t.Helper()
		if e := finish(t, program(t, dir, args...)); e.code != code || !strings.Contains(e.output, want) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", strings.Join(args, " "), e.code, code, want, e.output)
		}
	}
	training := func(data, run, steps string, more ...string) []string {
		args := tinyTraining(run, steps)
		args[slices.Index(args, "atoms")] = data
		args = append(slices.DeleteFunc(args, func(w string) bool { return w == "--preset" || w == "quick" }), more...)
		return slices.DeleteFunc(args, func(w string) bool { return w == "--config" || w == "tiny.yaml" })
	}
	do(0, "", tinyTraining("first", "2")...)
	do(0, "", "convert", "--in", "flows.parquet", "--classes", "dns,mqtt", "--out", "other", "--codec", "atoms", "--layout", "per-class")
	do(0, "", "convert", "--in", "flows.parquet", "--classes", "dns,ssh", "--out", "copy", "--codec", "atoms", "--layout", "per-flow")

	// Refused, by name: settings, classes.
	do(1, "training.batch_size: 8, was 4", training("atoms", "first", "3", "--batch-size", "8")...)
	do(1, "training.lr: 0.5, was", training("atoms", "first", "3", "--lr", "0.5")...)
	do(1, "training.seed: 9, was 0", training("atoms", "first", "3", "--seed", "9")...)
	do(1, "classes", training("other", "first", "3")...)
	// Allowed: more steps, and the same flows in another layout.
	do(0, "after step 2", training("atoms", "first", "3")...)
	do(0, "after step 3", training("copy", "first", "4")...)
	m, err := track.ReadManifest(filepath.Join(dir, "first"))
	if err != nil || len(m.Sessions) != 3 || m.Sessions[2].Inputs[0].SHA256 == m.Sessions[0].Inputs[0].SHA256 {
		t.Fatalf("%v: the sessions %+v do not tell the data apart", err, m.Sessions)
	}

	// A rate that is far too high: the run stops, and keeps no checkpoint of spoiled weights ...
	do(1, "not a finite number", append(tinyTraining("wild", "50"), "--lr", "1e30")...)
	if c, damaged, err := checkpoint.OpenLatest(track.Checkpoints(filepath.Join(dir, "wild"))); !errors.Is(err, checkpoint.ErrNone) || len(damaged) > 0 {
		t.Errorf("after it diverged: %+v, %v, damaged %v", c, err, damaged)
	}
	if m, err = track.ReadManifest(filepath.Join(dir, "wild")); err != nil || m.Sessions[0].End.Outcome != track.Failed || m.Sessions[0].End.Step > 10 {
		t.Errorf("%v: the manifest has %+v", err, m.Sessions)
	}
	// ... and another goes on from a good one with another rate.
	do(0, "after step 2", training("atoms", "calm", "5", "--lr", "0.001", "--resume-from-checkpoint", filepath.Join("first", "checkpoints", "step-00000002"))...)
	if m, err = track.ReadManifest(filepath.Join(dir, "calm")); err != nil {
		t.Fatal(err)
	}
	from := m.Sessions[0].FromRun
	if from == nil || from.Step != 2 || from.ID == "" || len(from.Differ) != 1 || !strings.Contains(from.Differ[0], "training.lr: 0.001, was") {
		t.Errorf("where it came from: %+v", from)
	}
	do(1, "seed", training("atoms", "seeded", "5", "--seed", "9", "--resume-from-checkpoint", filepath.Join("first", "checkpoints", "step-00000002"))...)
}
