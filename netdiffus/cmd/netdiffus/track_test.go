package main

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/tracker"
	"github.com/netdiffus/netdiffus-go/netdiffus/train"
)

// TestTracked follows a training that this test makes up, with a tracker that is there
// and one that is not.
func TestTracked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "first")
	training := func(yield func(train.StepMetrics, error) bool) {
		run, err := track.Create(dir)
		if err == nil {
			err = run.WriteConfig(map[string]any{"lr": 1})
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer run.Close()
		log, err := run.OpenLog(0)
		if err != nil {
			t.Error(err)
			return
		}
		for step := 1; step <= 3; step++ {
			if err := log.Add(step, map[string]float64{"loss": 1}); err != nil {
				t.Error(err)
			}
			if !yield(train.StepMetrics{Step: step}, nil) {
				return
			}
		}
		yield(train.StepMetrics{Step: 3}, errors.New("an error"))
	}
	targets, err := tracker.Parse("tensorboard,mlflow=http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	steps := 0
	for r, err := range tracked(training, dir, targets, func(line string) { said = append(said, line) }) {
		if err == nil {
			steps = r.Step
		}
	}
	if steps != 3 {
		t.Errorf("%d steps were seen", steps)
	}
	files, err := filepath.Glob(filepath.Join(dir, "tensorboard", "events.*"))
	if err != nil || len(files) != 1 {
		t.Errorf("event files %q, %v", files, err)
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"training goes on", "has not got 3 lines", "netdiffus runs export --to mlflow=http://127.0.0.1:1 " + dir} {
		if !strings.Contains(all, want) {
			t.Errorf("it was said %q; want %q in it", all, want)
		}
	}
}

// TestTrackedRefusal checks that a run that another trainer holds is not followed.
func TestTrackedRefusal(t *testing.T) {
	dir := t.TempDir()
	var refused iter.Seq2[train.StepMetrics, error] = func(yield func(train.StepMetrics, error) bool) {
		yield(train.StepMetrics{}, &track.LockedError{Dir: dir})
	}
	for range tracked(refused, dir, []tracker.Target{{Name: "tensorboard"}}, func(string) {}) {
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the directory holds %v, %v", left, err)
	}
}

func TestTrackFlag(t *testing.T) {
	t.Setenv(tracker.Variable, "tensorboard")
	for list, want := range map[string]int{"": 1, "none": 0, "mlflow,trackio": 2} {
		f := trackFlags{list}
		if got, err := f.targets(); err != nil || len(got) != want {
			t.Errorf("--track %q gives %v, %v; want %d", list, got, err, want)
		}
	}
}
