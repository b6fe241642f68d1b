package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// stored saves set with a file a class and opens it on the disk.
func stored(t *testing.T, set *dataset.Set) (*dataset.Stored, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "set")
	if err := set.Save(dir, &dataset.SaveOptions{Layout: dataset.PerClass}); err != nil {
		t.Fatal(err)
	}
	s, err := dataset.OpenStored(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

// numbered are n images of two classes, one of three images to the other's two, of which
// each shows its number.
func numbered(n int) *dataset.Set {
	set := &dataset.Set{Encoding: dataset.MustEncoding(dataset.Recipe{SeriesLength: 2}), Classes: []string{"a", "b"}, Images: imaging.New(n, 2, 2, 1)}
	for i := range n {
		set.Labels = append(set.Labels, i%5/3)
		set.Images.At(i)[0] = float64(i)
	}
	return set
}

// TestStreamOrder: an epoch has every image that is not held out once, with its class; the
// next epoch has them in another order; and what is at a position does not depend on where
// reading began.
func TestStreamOrder(t *testing.T) {
	const n = 1500 // 24 chunks, in windows of 8
	set := numbered(n)
	source, _ := stored(t, set)
	held := heldBy(3, 0.1)
	for name, classes := range map[string][]int{"all classes": {0, 1}, "one": {1}} {
		newOne := func() *stream {
			s := newStream(source, classes, 3, streamOrder, 0, held)
			t.Cleanup(s.stop)
			return s
		}
		s := newOne()
		if s.windows != 8 || s.n < 4*(len(s.chunks)*chunkImages)/5-chunkImages {
			t.Fatalf("%s: %d images in %d chunks, %d a window", name, s.n, len(s.chunks), s.windows)
		}
		read := func(s *stream, p int) int {
			img := make([]float32, 4)
			class, err := s.read(t.Context(), p, img)
			if err != nil {
				t.Fatal(err)
			}
			number := int(img[0])
			if int(class) != set.Labels[number] {
				t.Fatalf("%s: image %d has class %d, want %d", name, number, class, set.Labels[number])
			}
			return number
		}
		var epochs [2][]int
		for e := range epochs {
			for p := range s.n {
				epochs[e] = append(epochs[e], read(s, e*s.n+p))
			}
		}
		if slices.Equal(epochs[0], epochs[1]) || slices.IsSorted(epochs[0][:20]) {
			t.Errorf("%s: the epochs are not shuffled", name)
		}
		for _, p := range []int{2*s.n - 1, s.n / 2, s.n + 3} {
			if got, want := read(newOne(), p), epochs[p/s.n][p%s.n]; got != want {
				t.Errorf("%s: position %d has image %d where reading begins there, %d otherwise", name, p, got, want)
			}
		}
		var want []int
		at := make([]int, 2)
		for i, label := range set.Labels {
			if slices.Contains(classes, label) && !held(label, at[label]) {
				want = append(want, i)
			}
			at[label]++
		}
		for e, order := range epochs {
			if got := slices.Sorted(slices.Values(order)); !slices.Equal(got, want) {
				t.Errorf("%s, epoch %d: %d images, want %d, each once", name, e, len(got), len(want))
			}
		}
	}
}

// TestHeldBy: the share of the images that is held out is as asked for, of every class, and
// neighbours do not go together.
func TestHeldBy(t *testing.T) {
	const n = 100_000
	for _, share := range []float64{0.01, 0.1, 0.4} {
		for class := range 3 {
			held := heldBy(7, share)
			count, pairs := 0.0, 0.0
			for i := range n {
				if held(class, i) {
					count++
					if held(class, i+1) {
						pairs++
					}
				}
			}
			if off := math.Abs(count-share*n) / math.Sqrt(n*share*(1-share)); off > 4 {
				t.Errorf("share %v, class %d: %v of %d are held out, %.1f standard errors off", share, class, count, n, off)
			}
			if off := math.Abs(pairs-share*share*n) / math.Sqrt(n*share*share); off > 4 {
				t.Errorf("share %v, class %d: %v pairs of neighbours are held out, %.1f standard errors off", share, class, pairs, off)
			}
		}
	}
}

// finish runs to the end and returns the reports.
func finish(t *testing.T, ctx context.Context, cfg netdiffus.Config, s *dataset.Stored, opt Options, watch func(StepMetrics)) (reports []StepMetrics, err error) {
	t.Helper()
	for r, err := range RunStored(ctx, backendtest.Open(t), cfg, s, opt) {
		if err != nil {
			return reports, err
		}
		reports = append(reports, r)
		if watch != nil {
			watch(r)
		}
	}
	return reports, nil
}

// TestStoredRunGoesOn: a run over a set on the disk that is stopped and goes on is the run
// that is not, to the bit, validation included; and a model over pixels learns from it.
func TestStoredRunGoesOn(t *testing.T) {
	source, _ := stored(t, gradients(60))
	cfg := tiny()
	cfg.Training.Validation, cfg.Training.ValidateEvery = 0.2, 10
	straight, broken := filepath.Join(t.TempDir(), "straight"), filepath.Join(t.TempDir(), "broken")
	want, err := finish(t, t.Context(), cfg, source, Options{Dir: straight, Steps: 30}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	got, err := finish(t, ctx, cfg, source, Options{Dir: broken, Steps: 30}, func(r StepMetrics) {
		if r.Step == 17 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the stopped run ends with %v", err)
	}
	rest, err := finish(t, t.Context(), cfg, source, Options{Dir: broken, Steps: 30}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, rest...)
	if len(want) != 30 || len(got) != 30 {
		t.Fatalf("%d and %d steps, want 30", len(want), len(got))
	}
	for i := range want {
		if got[i].Loss != want[i].Loss || (got[i].Validation == nil) != (want[i].Validation == nil) ||
			want[i].Validation != nil && *got[i].Validation != *want[i].Validation {
			t.Errorf("step %d: %+v, want %+v", i+1, got[i], want[i])
		}
	}
	if first, last := want[9].Validation, want[29].Validation; first == nil || last == nil || !(last.Loss < first.Loss) {
		t.Errorf("the loss of what is held out goes from %+v to %+v", first, last)
	}
	_, a := newest(t, straight)
	_, b := newest(t, broken)
	for name, tensor := range a {
		if !slices.Equal(tensor.Data, b[name].Data) {
			t.Errorf("%s differs", name)
		}
	}
	for _, err := range Run(t.Context(), backendtest.Open(t), cfg, gradients(60), Options{Dir: broken, Steps: 40}) {
		if err == nil {
			t.Error("a run over a set on the disk goes on over one in memory")
		}
		break
	}
}

// TestStoredRunThatCannotRead: where the images can no longer be read, the run saves what it
// has and ends with an error.
func TestStoredRunThatCannotRead(t *testing.T) {
	source, dir := stored(t, gradients(264)) // files too large to be read whole when they are opened
	cfg := tiny()
	run := filepath.Join(t.TempDir(), "run")
	reports, err := finish(t, t.Context(), cfg, source, Options{Dir: run, Steps: 300}, func(r StepMetrics) {
		if r.Step > 1 {
			return
		}
		for _, class := range []string{"down", "up"} {
			if err := os.Truncate(filepath.Join(dir, class+".npz"), 1000); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err == nil || !strings.Contains(err.Error(), ".npz") {
		t.Fatalf("the run ends with %v after %d steps, want an error that names the file", err, len(reports))
	}
	if step, _ := newest(t, run); step != len(reports) || step < 1 || step > 200 { // two epochs may have been read ahead
		t.Errorf("the newest checkpoint is of step %d, of %d steps done", step, len(reports))
	}
}

func modelOf(t *testing.T, cfg netdiffus.Config, source *dataset.Stored) netdiffus.Model {
	t.Helper()
	cfg, err := cfg.FitStored(source)
	if err != nil {
		t.Fatal(err)
	}
	m, err := cfg.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestStoredGroups: batches over atoms hold each class's share; and kinds that have to see
// all flows at once are refused.
func TestStoredGroups(t *testing.T) {
	source, _ := stored(t, twoKinds(t))
	cfg := small()
	cfg.Training.BatchSize, cfg.Training.Steps = 9, 4
	f, _, err := newStreamFeed(source, cfg.Training, 2, modelOf(t, cfg, source), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop(closed())
	for step := range 20 {
		b := f.draw(t.Context(), step)
		if want := []int32{0, 0, 0, 0, 0, 0, 1, 1, 1}; b.err != nil || !slices.Equal(b.y, want) {
			t.Fatalf("step %d: classes %v (%v), want %v", step, b.y, b.err, want)
		}
	}
	for _, kind := range []netdiffus.Config{netdiffus.Presets["default"](), netdiffus.Presets["causal"]()} {
		if _, err := finish(t, t.Context(), kind, source, Options{}, nil); !errors.Is(err, netdiffus.ErrWholeSet) {
			t.Errorf("%T: %v, want ErrWholeSet", kind.Kind, err)
		}
	}
	cfg.Training.Validation, cfg.Training.LimitCopies = 0.1, true
	if _, err := finish(t, t.Context(), cfg, source, Options{}, nil); err == nil {
		t.Error("copies are limited without the flows at hand")
	}
}

func closed() <-chan batch {
	c := make(chan batch)
	close(c)
	return c
}
