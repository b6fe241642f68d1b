package sample

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// TestDrawInto: a request that was carried out is read back, another one, or one
// of other weights, is drawn.
func TestDrawInto(t *testing.T) {
	run, ckpt := newRun(t, tiny(), 8)
	g := open(t, run, "")
	dir := filepath.Join(t.TempDir(), "drawn")
	drawn := 0
	into := func(r Request) []float64 {
		t.Helper()
		r.Steps, r.Progress = "4", func(done, total int) {
			if done == total {
				drawn++
			}
		}
		set, err := g.DrawInto(t.Context(), r, dir)
		if err != nil {
			t.Fatal(err)
		}
		return set.Images.Data
	}
	first := into(Request{N: 2, Seed: 1})
	again := into(Request{N: 2, Seed: 1})
	if drawn != 1 || apart(t, first, again) != 0 {
		t.Errorf("asked twice: drawn %d times, %v apart", drawn, apart(t, first, again))
	}
	if other := into(Request{N: 2, Seed: 2}); drawn != 2 || apart(t, first, other) < 0.1 {
		t.Errorf("another seed: drawn %d times", drawn)
	}
	into(Request{N: 2, Seed: 1})

	// A folder that was damaged, and weights that have changed.
	files, err := filepath.Glob(filepath.Join(dir, "*.npz"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if got := into(Request{N: 2, Seed: 1}); drawn != 4 || apart(t, first, got) != 0 {
		t.Errorf("a file was removed: drawn %d times", drawn)
	}
	newer(t, run, ckpt)
	if err := g.Refresh(); err != nil {
		t.Fatal(err)
	}
	if got := into(Request{N: 2, Seed: 1}); drawn != 5 || apart(t, first, got) == 0 {
		t.Errorf("other weights: drawn %d times", drawn)
	}
}

// newer saves a checkpoint whose average is the weights of ckpt, a step later.
func newer(t *testing.T, run, ckpt string) {
	t.Helper()
	c, err := checkpoint.Open(ckpt)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	state := checkpoint.State{Step: c.Step + 1, Model: m, EMA: map[string]checkpoint.Tensors{"0.999": m}}
	if _, err := checkpoint.Save(track.Checkpoints(run), state); err != nil {
		t.Fatal(err)
	}
}

// TestRefresh: a generator that follows a run draws what a new one would.
func TestRefresh(t *testing.T) {
	run, ckpt := newRun(t, tiny(), 8)
	g := open(t, run, "")
	r := Request{N: 2, Steps: "4"}
	before := draw(t, g, r)
	if err := g.Refresh(); err != nil || g.Step != 3 {
		t.Fatalf("nothing new: step %d, %v", g.Step, err)
	}
	newer(t, run, ckpt)
	if err := g.Refresh(); err != nil || g.Step != 4 {
		t.Fatalf("a newer checkpoint: step %d, %v", g.Step, err)
	}
	after, want := draw(t, g, r), draw(t, open(t, run, ""), r)
	if !slices.Equal(after.Images.Data, want.Images.Data) || apart(t, before.Images.Data, after.Images.Data) < 1e-3 {
		t.Error("the newer weights are not drawn with")
	}
}
