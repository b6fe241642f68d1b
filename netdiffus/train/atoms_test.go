package train

import (
	"math"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func TestGroups(t *testing.T) {
	for _, c := range []struct {
		counts  []int
		size    int
		balance float64
		want    []int
	}{
		{[]int{100, 100}, 8, 1, []int{4, 4}},
		{[]int{300, 100}, 8, 1, []int{6, 2}},
		{[]int{300, 100}, 8, 0, []int{4, 4}},
		{[]int{900, 100}, 8, .5, []int{6, 2}},
		{[]int{1000, 1, 0}, 8, 1, []int{7, 1, 0}}, // one at least, where there is any
		{[]int{1, 1, 1}, 8, 1, []int{3, 3, 2}},
		{[]int{1000, 1, 1, 1}, 4, 1, []int{1, 1, 1, 1}},
	} {
		if got := groups(c.counts, c.size, c.balance); !slices.Equal(got, c.want) {
			t.Errorf("groups(%v, %d, %v) = %v, want %v", c.counts, c.size, c.balance, got, c.want)
		}
	}
}

func TestLearningRate(t *testing.T) {
	r := &trainer{}
	r.training = netdiffus.Training{LR: 1, Warmup: 4, Decay: true, Steps: 100}
	for step, want := range map[int]float64{0: .25, 3: 1, 29: 1, 30: 1, 65: 1 - .99/2, 100: .01, 500: .01} {
		r.step = step
		if got := r.learningRate(); math.Abs(got-want) > 1e-12 {
			t.Errorf("learning rate after %d steps = %v, want %v", step, got, want)
		}
	}
}

// small returns a model over atoms with a small network.
func small() netdiffus.Config {
	cfg := netdiffus.Categorical(0, 0)
	atoms := cfg.Kind.(netdiffus.Atoms)
	atoms.Width, atoms.Blocks = 64, 1
	cfg.Kind = atoms
	return cfg
}

// twoKinds are flows of two classes that a chain separates, as a set of atoms.
func twoKinds(t *testing.T, more ...dataset.Channel) *dataset.Set {
	t.Helper()
	var flows []traffic.Flow
	for i := range 60 {
		label, signed := "a", []float64{-517, 1448, float64(100 + i%5)}
		switch {
		case i%3 == 1:
			signed = signed[:2]
		case i%3 == 2:
			label, signed = "b", []float64{-40, float64(60 + i%2), -40}
		}
		f := traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(signed)), Timed: true}
		traffic.SignedLength{}.Restore(signed, f.Packets)
		for j := 1; j < len(signed); j++ {
			f.Packets[j].IAT = float64((1 + i%7) * 10 * j)
		}
		flows = append(flows, f)
	}
	set, err := dataset.Build(traffic.All(flows), dataset.Recipe{
		SeriesLength: 3,
		Channels:     append([]dataset.Channel{{Feature: traffic.SignedLength{}, Codec: &codec.Atoms{}}}, more...),
		Image:        imaging.GASF{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestAtomsResume: a run over atoms that is stopped and goes on ends with the
// weights of one that is not.
func TestAtomsResume(t *testing.T) {
	longtest.Only(t, "compiles three training programs") // TestValidation does nearly this
	resume(t, twoKinds(t))
}

// TestTimedAtomsResume is the same with times as a second channel.
func TestTimedAtomsResume(t *testing.T) {
	longtest.Only(t, "compiles three training programs")
	resume(t, twoKinds(t, dataset.Channel{Feature: traffic.InterArrival{}, Codec: &codec.Atoms{Bins: 4}}))
}

// TestLongAtoms: flows of many places go round a loop, and learn all the same.
func TestLongAtoms(t *testing.T) {
	longtest.Only(t, "compiles a training program")
	cfg := small()
	cfg.Training.BatchSize, cfg.Training.Steps = 8, 2
	set := twoKinds(t, dataset.Channel{Feature: traffic.InterArrival{}, Codec: &codec.Atoms{Bins: 4}})
	long := dataset.Recipe{SeriesLength: 20, Channels: []dataset.Channel{
		{Codec: &codec.Atoms{}}, {Feature: traffic.InterArrival{}, Codec: &codec.Atoms{Bins: 4}},
	}}
	set, err := dataset.Build(set.Traffic(), long)
	if err != nil {
		t.Fatal(err)
	}
	reports := all(t, cfg, set, Options{Dir: t.TempDir(), Steps: 2})
	if last := reports[len(reports)-1]; !(last.Cross > 0 && last.Cross < math.Log(6)) || !(last.GradNorm > 0) {
		t.Errorf("cross-entropy %v, gradient %v", last.Cross, last.GradNorm)
	}
}

func resume(t *testing.T, set *dataset.Set) {
	t.Helper()
	cfg := small()
	cfg.Training.BatchSize, cfg.Training.Steps = 8, 12
	straight, stopped := t.TempDir(), t.TempDir()

	whole := all(t, cfg, set, Options{Dir: straight, Steps: 12})
	if last := whole[len(whole)-1]; !(last.Cross > 0 && last.Cross < float64(set.Images.C)*math.Log(6)) {
		t.Errorf("cross-entropy %v nats, want it between 0 and that of guessing among 6 atoms a channel", last.Cross)
	}
	all(t, cfg, set, Options{Dir: stopped, Steps: 7})
	all(t, cfg, set, Options{Dir: stopped, Steps: 12})
	step, want := newest(t, straight)
	step2, got := newest(t, stopped)
	if step != 12 || step2 != 12 || len(want) != len(got) {
		t.Fatalf("checkpoints of steps %d and %d with %d and %d tensors", step, step2, len(want), len(got))
	}
	for name, tensor := range want {
		if !slices.Equal(tensor.Data, got[name].Data) {
			t.Errorf("%s differs", name)
		}
	}
}
