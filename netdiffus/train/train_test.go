package train

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// tiny is the smallest network with all that has a random stream or a state of
// its own: dropout, hidden labels, loss-aware timesteps, two averages.
func tiny() netdiffus.Config {
	c := netdiffus.Default()
	c.UNet = unet.Config{Channels: 32, ResBlocks: 1, ChannelMult: []float64{1}, Heads: 2, Attention: []int{}, Dropout: 0.1}
	c.Diffusion.Steps = 2 // few, so that loss-aware timesteps warm up
	c.Training = netdiffus.Training{
		Seed: 5, BatchSize: 4, LR: 1e-3, AnnealSteps: 20, EMA: []float64{0.9, 0.5},
		Sampler: netdiffus.TimestepSamplers.Must("loss-second-moment"), LabelDropout: 0.3,
	}
	return c
}

// gradients are n images of two classes, with a slope of their own each.
func gradients(n int) *dataset.Set {
	const side = 8
	set := &dataset.Set{Encoding: dataset.MustEncoding(dataset.Recipe{SeriesLength: side}), Classes: []string{"down", "up"}, Images: imaging.New(n, side, side, 1)}
	r := noise.Stream(1)
	for i := range n {
		label := i % 2
		set.Labels = append(set.Labels, label)
		slope := (float64(label)*2 - 1) * (0.5 + r.Float64()/2)
		for j := range set.Images.At(i) {
			set.Images.At(i)[j] = slope * (float64(j/side)/(side-1)*2 - 1)
		}
	}
	return set
}

// all runs to the end.
func all(t *testing.T, cfg netdiffus.Config, set *dataset.Set, opt Options) []StepMetrics {
	t.Helper()
	var reports []StepMetrics
	for r, err := range Run(t.Context(), backendtest.Open(t), cfg, set, opt) {
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, r)
	}
	return reports
}

// newest reads every tensor of dir's newest checkpoint.
func newest(t *testing.T, dir string) (int, checkpoint.Tensors) {
	t.Helper()
	c, _, err := checkpoint.OpenLatest(track.Checkpoints(dir))
	if err != nil {
		t.Fatal(err)
	}
	every := checkpoint.Tensors{}
	collect := func(prefix string, part checkpoint.Tensors, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for name, tensor := range part {
			every[prefix+name] = tensor
		}
	}
	part, err := c.Model()
	collect("model ", part, err)
	part, err = c.Optim()
	collect("optim ", part, err)
	for _, rate := range c.Rates() {
		part, err = c.EMA(rate)
		collect(rate+" ", part, err)
	}
	return c.Step, every
}

// A run that is stopped by its context and started again has the same losses
// and leaves the same weights, to the bit, as one that is not.
func TestResumedRunIsTheSameRun(t *testing.T) {
	set, cfg := gradients(10), tiny()
	straight, broken := filepath.Join(t.TempDir(), "straight"), filepath.Join(t.TempDir(), "broken")
	const steps, stopped = 14, 11 // loss-aware timesteps have warmed up by then
	want := all(t, cfg, set, Options{Dir: straight, Steps: steps, LogEvery: 2})

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var got []StepMetrics
	var last error
	for r, err := range Run(ctx, backendtest.Open(t), cfg, set, Options{Dir: broken, Steps: steps, LogEvery: 2}) {
		if last = err; err != nil {
			if r.Step != stopped {
				t.Errorf("stopped after step %d, want %d", r.Step, stopped)
			}
			break
		}
		got = append(got, r)
		if r.Step == stopped {
			stop()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Fatalf("the stopped run ends with %v, want context.Canceled", last)
	}
	got = append(got, all(t, cfg, set, Options{Dir: broken, Steps: steps, LogEvery: 2})...)

	if len(got) != steps || len(want) != steps {
		t.Fatalf("%d and %d steps, want %d", len(got), len(want), steps)
	}
	for i := range want {
		if got[i].Step != i+1 || got[i].Loss != want[i].Loss || got[i].GradNorm != want[i].GradNorm || got[i].LR != want[i].LR {
			t.Errorf("step %d: resumed %+v, want %+v", i+1, got[i], want[i])
		}
	}
	stepA, a := newest(t, straight)
	stepB, bTensors := newest(t, broken)
	if stepA != steps || stepB != steps || len(a) != len(bTensors) {
		t.Fatalf("checkpoints of steps %d and %d with %d and %d tensors", stepA, stepB, len(a), len(bTensors))
	}
	for name, tensor := range a {
		if !slices.Equal(tensor.Data, bTensors[name].Data) {
			t.Errorf("%s differs", name)
		}
	}
	series, err := track.Metrics(broken)
	if err != nil {
		t.Fatal(err)
	}
	if at := series["loss"].Step; !slices.IsSorted(at) || at[len(at)-1] != steps {
		t.Errorf("metrics.jsonl has the loss at steps %v", at)
	}
	if text, err := os.ReadFile(filepath.Join(broken, "label_map.csv")); err != nil || string(text) != "label,index\ndown,0\nup,1\n" {
		t.Errorf("label_map.csv: %q, %v", text, err)
	}
}

func TestRunRefusesWhatDoesNotFit(t *testing.T) {
	b := backendtest.Open(t)
	begun := filepath.Join(t.TempDir(), "begun")
	for _, err := range Run(t.Context(), b, tiny(), gradients(4), Options{Dir: begun, Steps: 9}) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if step, _ := newest(t, begun); step != 1 {
		t.Errorf("leaving the loop after step 1 saved step %d", step)
	}
	if done := all(t, tiny(), gradients(4), Options{Dir: begun, Steps: 1}); len(done) != 0 {
		t.Errorf("a run that is done did %d more steps", len(done))
	}
	for _, c := range []struct {
		name   string
		change func(c *netdiffus.Config, set *dataset.Set, o *Options)
		want   string // in the error
	}{
		{"size", func(c *netdiffus.Config, _ *dataset.Set, _ *Options) { c.Image.Side = 10 }, "10x10x1, the data set has 8x8x1"},
		{"classes", func(c *netdiffus.Config, _ *dataset.Set, _ *Options) { c.Classes = []string{"a", "b"} }, "classes a, b; the data set has down, up"},
		{"channels", func(c *netdiffus.Config, _ *dataset.Set, _ *Options) { c.UNet.Channels = 40 }, "multiple of 32"},
		{"no images", func(_ *netdiffus.Config, s *dataset.Set, _ *Options) { s.Images = imaging.New(0, 8, 8, 1) }, "no images"},
		{"a label too many", func(_ *netdiffus.Config, s *dataset.Set, _ *Options) { s.Labels[2] = 2 }, "image 2 has class number 2"},
		{"not a number", func(_ *netdiffus.Config, s *dataset.Set, _ *Options) { s.Images.Data[70] = math.NaN() }, "image 1"},
		{"schedule", func(c *netdiffus.Config, _ *dataset.Set, _ *Options) {
			c.Diffusion.Schedule = netdiffus.Part[netdiffus.NewSchedule]{}
		}, "want one of angular, cosine, linear"},
		{"other settings", func(c *netdiffus.Config, _ *dataset.Set, o *Options) { c.Training.LR, o.Dir = 0.5, begun }, "training.lr: 0.5, was 0.001"},
		{"not a checkpoint", func(_ *netdiffus.Config, _ *dataset.Set, o *Options) { o.Resume = begun }, "begun"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, set, opt := tiny(), gradients(4), Options{Steps: 2}
			c.change(&cfg, set, &opt)
			var got error
			for _, err := range Run(t.Context(), b, cfg, set, opt) {
				got = err
				break
			}
			if got == nil || !strings.Contains(got.Error(), c.want) {
				t.Errorf("error %v, want one with %q", got, c.want)
			}
		})
	}
}

// A batch's order is every sample once an epoch, whatever the batch size.
func TestOrderVisitsEachSampleOnceAnEpoch(t *testing.T) {
	const n = 7
	a, b := order{seed: 3, n: n}, order{seed: 3, n: n}
	var last []int
	for epoch := range 3 {
		var seen []int
		for p := epoch * n; p < (epoch+1)*n; p++ {
			seen = append(seen, a.at(p))
		}
		if slices.Equal(seen, last) {
			t.Errorf("epoch %d has the order of the one before", epoch)
		}
		last = slices.Clone(seen)
		if slices.Sort(seen); !slices.Equal(seen, []int{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("epoch %d visits %v", epoch, seen)
		}
	}
	if got, want := b.at(2*n+3), last[3]; got != want {
		t.Errorf("position found at once = %d, in turn = %d", got, want)
	}
}

// A model without classes and with a fixed variance, whose batch does not
// divide into its microbatches: the losses are those of the whole batch. With
// an absurd learning rate the second step is no longer a number, which ends
// the run without a checkpoint: that of the first step is removed.
func TestMicrobatchesAndDivergence(t *testing.T) {
	set, cfg := gradients(4), tiny()
	cfg.ClassCond, cfg.Diffusion.Variance, cfg.UNet.Dropout = false, netdiffus.Variances.Must("fixed_large"), 0
	cfg.Training = netdiffus.Training{BatchSize: 4, Microbatch: 3, LR: 1e-4, Sampler: netdiffus.TimestepSamplers.Must("uniform")}
	var split []StepMetrics
	if longtest.On() { // compiles another program
		split = all(t, cfg, set, Options{Steps: 1})
	}

	cfg.Training.Microbatch, cfg.Training.LR = 0, 1e30
	dir := filepath.Join(t.TempDir(), "run")
	var whole []StepMetrics
	var last error
	for r, err := range Run(t.Context(), backendtest.Open(t), cfg, set, Options{Dir: dir, Steps: 5, SaveEvery: 1}) {
		if last = err; err == nil {
			whole = append(whole, r)
		}
	}
	if !errors.Is(last, ErrDiverged) {
		t.Errorf("the run ends with %v, want ErrDiverged", last)
	}
	if len(whole) == 0 || whole[0].VLB != 0 {
		t.Fatalf("whole %+v", whole)
	}
	if split != nil && math.Abs(split[0].MSE-whole[0].MSE) > 1e-6 {
		t.Errorf("split %+v, whole %+v", split, whole)
	}
	if steps, err := checkpoint.List(track.Checkpoints(dir)); err != nil || len(steps) > 0 {
		t.Errorf("checkpoints of steps %v, %v", steps, err)
	}
}

// Only one checkpoint is to be kept: that of before stays until a step has shown the new
// one to be good, and is what is left where none does.
func TestLastGoodCheckpoint(t *testing.T) {
	for _, good := range []bool{true, false} {
		dir := t.TempDir()
		for step := 1; step <= 2; step++ {
			if _, err := checkpoint.Save(track.Checkpoints(dir), checkpoint.State{Step: step, Train: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}
		r := &trainer{opt: Options{Dir: dir, Keep: 1, Status: func(string) {}}, saved: 2, unproven: true}
		settle, want := r.prune, 2
		if !good {
			settle, want = r.retract, 1
		}
		for range 2 { // the second changes nothing
			if err := settle(); err != nil {
				t.Fatal(err)
			}
			if steps, err := checkpoint.List(track.Checkpoints(dir)); err != nil || !slices.Equal(steps, []int{want}) {
				t.Errorf("a good step follows: %v; checkpoints of steps %v, %v, want %d", good, steps, err, want)
			}
		}
	}
}

func TestNotFinite(t *testing.T) {
	weights := func(v ...float32) checkpoint.Tensors {
		var data []byte
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		return checkpoint.Tensors{"w": {DType: "F32", Shape: []int{len(v)}, Data: data}}
	}
	for want, v := range map[string][]float32{"": {0, -1, math.MaxFloat32, 1e-45}, "w": {1, float32(math.NaN())}} {
		if got := notFinite(weights(v...)); got != want {
			t.Errorf("notFinite(%v) = %q, want %q", v, got, want)
		}
	}
	if notFinite(weights(float32(math.Inf(-1)))) == "" {
		t.Error("infinite weights pass")
	}
}
