package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

func watched(steps int) netdiffus.Config {
	cfg := small()
	cfg.Training.BatchSize, cfg.Training.Steps = 16, steps
	cfg.Training.Validation, cfg.Training.ValidateEvery = 0.2, 5
	return cfg
}

// reports runs cfg to the end, or to so many steps.
func reports(t *testing.T, cfg netdiffus.Config, opt Options) []StepMetrics {
	t.Helper()
	var all []StepMetrics
	for r, err := range Run(t.Context(), backendtest.Open(t), cfg, twoKinds(t), opt) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// Flows held out are measured now and then; the best checkpoint stays; and a run
// that stops in between goes on to the same weights and measurements.
func TestValidation(t *testing.T) {
	whole, halves := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	straight := reports(t, watched(20), Options{Dir: whole, Keep: 1})
	var measured []StepMetrics
	for _, r := range straight {
		if r.Validation != nil {
			measured = append(measured, r)
		}
	}
	var at []int
	best := measured[0]
	for _, r := range measured {
		at = append(at, r.Step)
		if r.Best != (r.Step == best.Step || r.Validation.Cross < best.Validation.Cross) {
			t.Errorf("step %d: best is %v with %v after %v", r.Step, r.Best, r.Validation.Cross, best.Validation.Cross)
		}
		if r.Best {
			best = r
		}
	}
	if !slices.Equal(at, []int{5, 10, 15, 20}) {
		t.Errorf("measured after steps %v, want each fifth", at)
	}
	if measured[0].Validation.Cross <= 0 || measured[0].Validation.Cross > 2 {
		t.Errorf("cross-entropy %v held out", measured[0].Validation.Cross)
	}
	if _, err := checkpoint.Open(filepath.Join(track.Checkpoints(whole), filepath.Base(best.Saved))); err != nil {
		t.Errorf("the best checkpoint: %v", err)
	}
	log, err := os.ReadFile(filepath.Join(whole, "metrics.jsonl"))
	if err != nil || strings.Count(string(log), "validation_cross_entropy") < 2 {
		t.Errorf("metrics.jsonl has no validation: %v\n%s", err, log)
	}

	if !longtest.On() { // TestResumedRunIsTheSameRun goes on, without validation
		return
	}
	reports(t, watched(20), Options{Dir: halves, Steps: 12, Keep: 1})
	rest := reports(t, watched(20), Options{Dir: halves, Keep: 1})
	if last, want := rest[len(rest)-1], straight[len(straight)-1]; *last.Validation != *want.Validation || last.Loss != want.Loss || last.Best != want.Best {
		t.Errorf("in two parts: %+v, loss %v; in one: %+v, loss %v", *last.Validation, last.Loss, *want.Validation, want.Loss)
	}
}

// Without progress training stops, and stays stopped.
func TestPatience(t *testing.T) {
	cfg, dir := watched(100), filepath.Join(t.TempDir(), "run")
	cfg.Training.LR, cfg.Training.Patience, cfg.Training.WeightDecay = 1e-12, 2, 0
	all := reports(t, cfg, Options{Dir: dir})
	last := all[len(all)-1]
	if last.Step != 15 || !last.Stopped || last.Saved == "" {
		t.Errorf("stopped %v after step %d, saved %q, want true after 15: a first measurement and two no better", last.Stopped, last.Step, last.Saved)
	}
	if again := reports(t, cfg, Options{Dir: dir}); len(again) != 0 {
		t.Errorf("started again it does %d steps more, want none", len(again))
	}
}

// Copies are counted of what the model draws, and a model that copies more than the
// flows held out do is never the best.
func TestLimitCopies(t *testing.T) {
	cfg := watched(10)
	cfg.Training.LimitCopies = true
	for _, r := range reports(t, cfg, Options{}) {
		v := r.Validation
		if v == nil {
			continue
		}
		if !(v.Copies > 0 && v.Copies <= 1) || !(v.Allowed > 0 && v.Allowed <= 1) {
			t.Errorf("step %d: copies %v, allowed %v, want shares", r.Step, v.Copies, v.Allowed)
		}
		if v.Copies > v.Allowed && r.Best {
			t.Errorf("step %d: the best with copies %v of %v", r.Step, v.Copies, v.Allowed)
		}
	}
	var w watch
	for i, c := range []struct {
		v    Validation
		best bool
	}{
		{Validation{Step: 1, Cross: 2, Copies: .5, Allowed: .6}, true},
		{Validation{Step: 2, Cross: 1, Copies: .61, Allowed: .6}, false},
		{Validation{Step: 3, Cross: 1.5, Copies: .6, Allowed: .6}, true},
		{Validation{Step: 4, Cross: 1.6, Copies: .1, Allowed: .6}, false},
	} {
		if got := w.take(c.v); got != c.best {
			t.Errorf("measurement %d: best %v, want %v", i, got, c.best)
		}
	}
	if w.Misses != 1 || w.Best.Step != 3 {
		t.Errorf("%d misses after step %d, want 1 after 3", w.Misses, w.Best.Step)
	}

	cfg.Training.Validation = 0
	if cfg.Validate() == nil {
		t.Error("copies limited with nothing held out: nothing wrong")
	}
}

// A checkpoint that cannot be written is passed over, and is not the best one; only the
// last one must be written.
func TestCheckpointsThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	checkpoints, aside := track.Checkpoints(dir), filepath.Join(dir, "aside")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var told, saved []string
	opt := Options{Dir: dir, SaveEvery: 4, Keep: 10, Status: func(line string) {
		if strings.Contains(line, "could not be written") {
			told = append(told, line)
		}
	}}
	var last error
	for r, err := range Run(t.Context(), backendtest.Open(t), watched(20), twoKinds(t), opt) {
		last = err
		switch {
		case err != nil:
		case r.Step == 4 || r.Step == 17: // a file, in which no folder can be made
			check(os.Rename(checkpoints, aside))
			check(os.WriteFile(checkpoints, nil, 0o666))
		case r.Step == 15:
			check(os.Remove(checkpoints))
			check(os.Rename(aside, checkpoints))
		}
		if r.Saved != "" {
			saved = append(saved, filepath.Base(r.Saved))
		}
		if r.Best && r.Saved == "" {
			t.Errorf("step %d is the best, and is not kept", r.Step)
		}
	}
	if want := []string{"step-00000004", "step-00000016"}; !slices.Equal(saved, want) {
		t.Errorf("saved %q, want %q", saved, want)
	}
	if !slices.ContainsFunc(told, func(line string) bool {
		return strings.HasPrefix(line, "step 12: ") && strings.HasSuffix(line, "tried after step 16")
	}) {
		t.Errorf("told %q", told)
	}
	if last == nil || !strings.Contains(last.Error(), "checkpoint") {
		t.Errorf("the last one could not be written: error %v", last)
	}
}
