package train

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// TestReplay: a run that goes on shows the earlier steps first, as they were
// logged; one that is done shows them and trains nothing.
func TestReplay(t *testing.T) {
	set, cfg := twoKinds(t), small() // quicker to compile than a UNet
	cfg.Training.BatchSize, cfg.Training.Steps = 8, 9
	dir := filepath.Join(t.TempDir(), "run")
	first := all(t, cfg, set, Options{Dir: dir, Steps: 4, LogEvery: 2, Replay: true})
	if len(first) != 4 {
		t.Fatalf("a new run yields %d reports, want 4", len(first))
	}
	then := all(t, cfg, set, Options{Dir: dir, Steps: 6, LogEvery: 2, Replay: true})
	var steps []int
	for _, r := range then {
		steps = append(steps, r.Step)
	}
	if len(steps) != 4 || steps[0] != 2 || steps[1] != 4 || steps[2] != 5 || steps[3] != 6 {
		t.Fatalf("going on yields steps %v, want 2, 4, 5, 6", steps)
	}
	a, b, got := first[0], first[1], then[0]
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s of the replayed step: %v, want the mean %v", what, got, want)
		}
	}
	near("loss", got.Loss, (a.Loss+b.Loss)/2)
	near("mse", got.MSE, (a.MSE+b.MSE)/2)
	near("vlb", got.VLB, (a.VLB+b.VLB)/2)
	near("gradient", got.GradNorm, (a.GradNorm+b.GradNorm)/2)
	near("learning rate", got.LR, (a.LR+b.LR)/2)
	if done := all(t, cfg, set, Options{Dir: dir, Steps: 6, LogEvery: 2, Replay: true}); len(done) != 3 {
		t.Errorf("a run that is done yields %d reports, want its 3 lines", len(done))
	}
	for range Run(t.Context(), backendtest.Open(t), cfg, set, Options{Dir: dir, Steps: 9, LogEvery: 2, Replay: true}) {
		break
	}
	// The manifest has how each of these sessions ended.
	m, err := track.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []track.End{{Step: 4, Outcome: track.Finished}, {Step: 6, Outcome: track.Finished}, {Step: 6, Outcome: track.Finished}, {Step: 6, Outcome: track.Stopped}}
	if len(m.ID) != 16 || len(m.Sessions) != 4 {
		t.Fatalf("ID %q, %d sessions", m.ID, len(m.Sessions))
	}
	for i, w := range want {
		if e := m.Sessions[i].End; e == nil || e.Step != w.Step || e.Outcome != w.Outcome || e.At.Before(m.Sessions[i].Started) {
			t.Errorf("session %d ended as %+v, want %+v", i, e, w)
		}
	}
	if step, _ := newest(t, dir); step != 6 {
		t.Errorf("leaving among the replayed steps trained to step %d, want none beyond 6", step)
	}
}
