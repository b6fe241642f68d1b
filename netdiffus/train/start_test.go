package train

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// A run that begins with weights from elsewhere and no moments takes a first
// step as long as any run's first, which Adam makes the learning rate: the
// moments' bias is corrected from where they were zero, not from step 0.
func TestStartAtWithoutMoments(t *testing.T) {
	longtest.Only(t, "compiles two training programs")
	set, cfg := gradients(10), tiny()
	cfg.Training.AnnealSteps, cfg.UNet.Dropout = 0, 0
	before, after := t.TempDir(), t.TempDir()
	all(t, cfg, set, Options{Dir: before, Steps: 40})
	c, _, err := checkpoint.OpenLatest(track.Checkpoints(before))
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := cfg.Fit(set)
	if err != nil {
		t.Fatal(err)
	}
	state := checkpoint.State{Step: c.Step, EMA: map[string]checkpoint.Tensors{}}
	if state.Train, err = StartAt(fitted, c.Step, false); err != nil {
		t.Fatal(err)
	}
	if state.Model, err = c.Model(); err != nil {
		t.Fatal(err)
	}
	for _, rate := range c.Rates() {
		state.EMA[rate] = state.Model
	}
	if state.Optim, err = c.Optim(); err != nil {
		t.Fatal(err)
	}
	for _, moment := range state.Optim {
		clear(moment.Data)
	}
	if _, err := checkpoint.Save(track.Checkpoints(after), state); err != nil {
		t.Fatal(err)
	}
	all(t, cfg, set, Options{Dir: after, Steps: c.Step + 1})

	_, moved := newest(t, after)
	longest := 0.0
	for name, tensor := range state.Model {
		was, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		is, err := moved["model "+name].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for i := range was {
			longest = max(longest, math.Abs(float64(is[i]-was[i])))
		}
	}
	if lr := cfg.Training.LR; longest < 0.99*lr || longest > 1.01*lr {
		t.Errorf("the first step is %v long, want the learning rate %v", longest, lr)
	}
}
