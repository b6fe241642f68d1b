package sample

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// tiny is the smallest network.
func tiny() netdiffus.Config {
	c := netdiffus.Default()
	c.UNet = unet.Config{Channels: 32, ResBlocks: 1, ChannelMult: []float64{1}, Heads: 2, Attention: []int{}}
	c.Diffusion.Steps = 20
	c.Training.LabelDropout = 0.1
	return c
}

// newRun makes a run directory of a model with random weights for images of
// side x side pixels and two classes, as train would have left it. The
// average's weights differ from the model's.
func newRun(t testing.TB, cfg netdiffus.Config, side int) (dir, ckpt string) {
	t.Helper()
	cfg, err := cfg.Fit(&dataset.Set{
		Encoding: dataset.MustEncoding(dataset.Recipe{SeriesLength: side}), Classes: []string{"down", "up"},
		Images: imaging.New(2, side, side, 1), Labels: []int{0, 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	state := checkpoint.State{Step: 3, EMA: map[string]checkpoint.Tensors{}}
	random := func(seed uint64) checkpoint.Tensors {
		store := model.NewStore()
		if err := cfg.Network().Create(store.Scope(weightScope), seed); err != nil {
			t.Fatal(err)
		}
		tensors, err := checkpoint.FromStore(store, weightScope)
		if err != nil {
			t.Fatal(err)
		}
		for name, tensor := range tensors { // the layers that start at zero too
			values, err := tensor.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			r := noise.Stream(seed, noise.Key(name))
			for i := range values {
				values[i] += float32(r.NormFloat64() * 0.05)
			}
			if tensors[name], err = checkpoint.Float32(values, tensor.Shape...); err != nil {
				t.Fatal(err)
			}
		}
		return tensors
	}
	state.Model, state.EMA["0.999"] = random(1), random(2)
	dir = filepath.Join(t.TempDir(), "run")
	run, err := track.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if err := run.WriteConfig(cfg); err != nil {
		t.Fatal(err)
	}
	if ckpt, err = checkpoint.Save(track.Checkpoints(dir), state); err != nil {
		t.Fatal(err)
	}
	return dir, ckpt
}

func open(t testing.TB, dir string, w Weights) *Generator {
	t.Helper()
	g, err := OpenWeights(backendtest.Open(t), dir, w)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func draw(t *testing.T, g *Generator, r Request) *dataset.Set {
	t.Helper()
	set, err := g.Draw(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// apart is the largest difference between two sets of images.
func apart(t *testing.T, a, b []float64) float64 {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%d and %d values", len(a), len(b))
	}
	worst := 0.0
	for i := range a {
		worst = max(worst, math.Abs(a[i]-b[i]))
	}
	return worst
}

// across is how far a sample may be apart when it is drawn with another batch
// size, where XLA sums in another order: the float32 rounding of one forward
// pass (1e-6 of values about 1), carried through the steps.
const across = 1e-4

func TestASampleDependsOnSeedClassAndNumberAlone(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	for _, generator := range noise.Generators() {
		t.Run(string(generator), func(t *testing.T) { samplesDependOnSeedClassAndNumberAlone(t, g, generator) })
	}
}

func samplesDependOnSeedClassAndNumberAlone(t *testing.T, g *Generator, generator noise.Generator) {
	all := draw(t, g, Request{N: 5, Seed: 9, Batch: 4, Noise: generator})
	if want := []int{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}; !slices.Equal(all.Labels, want) {
		t.Fatalf("labels %v, want %v", all.Labels, want)
	}
	up := all.Images.Data[5*64:]

	same := draw(t, g, Request{N: 3, Seed: 9, Batch: 4, Classes: []string{"up"}, Noise: generator})
	if !slices.Equal(same.Classes, []string{"up"}) || !slices.Equal(same.Labels, []int{0, 0, 0}) {
		t.Errorf("one class drawn: classes %v, labels %v", same.Classes, same.Labels)
	}
	if got := apart(t, same.Images.Data, up[:3*64]); got != 0 {
		t.Errorf("the same batch size: samples drawn without the other class are %g apart, want the same bits", got)
	}
	for _, batch := range []int{3, 8} {
		other := draw(t, g, Request{N: 5, Seed: 9, Batch: batch, Noise: generator})
		got := apart(t, other.Images.Data, all.Images.Data)
		t.Logf("batch %d against 4: %g apart", batch, got)
		if got > across {
			t.Errorf("batch %d: samples are %g apart from those of batch 4, want at most %g", batch, got, across)
		}
	}
	if reseeded := draw(t, g, Request{N: 5, Seed: 10, Batch: 4, Noise: generator}); apart(t, reseeded.Images.Data, all.Images.Data) < 0.1 {
		t.Error("another seed draws the same samples")
	}
	if first, second := all.Images.At(0), all.Images.At(1); apart(t, first, second) < 0.1 {
		t.Error("samples 0 and 1 of a class are the same")
	}
	for i, v := range all.Images.Data {
		if math.Abs(v) > 1 {
			t.Fatalf("value %d is %v, want it within [-1,1]", i, v)
		}
	}
}

func TestStepsEndWithDraw(t *testing.T) {
	_, ckpt := newRun(t, tiny(), 8)
	g := open(t, ckpt, "ema_0.999")
	for _, generator := range noise.Generators() {
		t.Run(string(generator), func(t *testing.T) { stepsEndWithDraw(t, g, generator) })
	}
}

func stepsEndWithDraw(t *testing.T, g *Generator, generator noise.Generator) {
	r := Request{N: 2, Seed: 1, Sampler: netdiffus.Samplers.Must("ddim"), Steps: "5", Batch: 4, Noise: generator}
	want := draw(t, g, r)
	var left []int
	var last Step
	for s, err := range g.Steps(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Images.N != 4 || len(left) > 0 && s.X0.N != 4 {
			t.Errorf("step %d: %d images and %d clean ones, want 4", s.T, s.Images.N, s.X0.N)
		}
		left, last = append(left, s.T), s
	}
	if !slices.Equal(left, []int{5, 4, 3, 2, 1, 0}) {
		t.Errorf("steps left %v", left)
	}
	if got := apart(t, last.Images.Data, want.Images.Data); got != 0 {
		t.Errorf("the last step is %g apart from Draw", got)
	}
	if got := apart(t, last.X0.Data, want.Images.Data); got > 1e-6 { // ddim ends on the clean image
		t.Errorf("the last clean image is %g apart from Draw", got)
	}
	for range g.Steps(t.Context(), r) {
		break // leaves without a fuss
	}
}

func TestWaysOfDrawingDiffer(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g, trained := open(t, dir, ""), open(t, dir, "model")
	plain := draw(t, g, Request{N: 2, Steps: "4"})
	for name, other := range map[string]*dataset.Set{
		"model's weights": draw(t, trained, Request{N: 2, Steps: "4"}),
		"ddim, no clip":   draw(t, g, Request{N: 2, Steps: "4", Sampler: netdiffus.Samplers.Must("ddim"), NoClip: true}),
		"dpm++":           draw(t, g, Request{N: 2, Steps: "4", Sampler: netdiffus.Samplers.Must("dpm++")}),
		"guidance":        draw(t, g, Request{N: 2, Steps: "4", Guidance: 3}),
		"philox":          draw(t, g, Request{N: 2, Steps: "4", Noise: noise.Philox}),
	} {
		if apart(t, plain.Images.Data, other.Images.Data) < 1e-3 {
			t.Errorf("%s: the same samples", name)
		}
	}
	// Guidance of scale 1 is none at twice the cost.
	one := draw(t, g, Request{N: 2, Steps: "4", Guidance: 1})
	if got := apart(t, plain.Images.Data, one.Images.Data); got > across {
		t.Errorf("guidance 1 is %g apart from none", got)
	}
}

func TestDrawStopsAndRefuses(t *testing.T) {
	dir, _ := newRun(t, tiny(), 8)
	g := open(t, dir, "")
	ctx, stop := context.WithCancel(t.Context())
	_, err := g.Draw(ctx, Request{N: 1, Progress: func(done, total int) {
		if done == total/2 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped Draw: %v, want context.Canceled", err)
	}
	for _, c := range []struct {
		r    Request
		want string
	}{
		{Request{Classes: []string{"left"}}, `no class "left": the model has down, up`},
		{Request{Decode: "head"}, "want one of diagonal, matrix"},
		{Request{Steps: "21"}, "21 steps wanted"},
		{Request{N: -1}, "positive"},
		{Request{Noise: "pcg"}, `no generator "pcg"`},
	} {
		if _, err := g.Draw(t.Context(), c.r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Draw(%+v): %v, want an error with %q", c.r, err, c.want)
		}
	}
	b := backendtest.Open(t)
	for _, c := range []struct {
		dir, want string
		w         Weights
	}{
		{t.TempDir(), "neither a run directory nor a checkpoint", ""},
		{dir, "0.999", "ema_0.5"},
		{dir, "want model, ema or ema_RATE", "best"},
	} {
		if _, err := OpenWeights(b, c.dir, c.w); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("OpenWeights(%s, %q): %v, want an error with %q", c.dir, c.w, err, c.want)
		}
	}
}
