package sample

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
)

// TestDrawTo: what is written while it is drawn is the set that is drawn at once and saved, to
// the byte, whatever the batch and however many devices draw.
func TestDrawTo(t *testing.T) {
	dir, _ := newRun(t, tiny(), 4)
	g, err := Open(backendtest.OpenDevices(t, 4), dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Request{
		"one batch":     {N: 3, Steps: "2"},
		"batches of 2":  {N: 7, Steps: "2", Batch: 2},
		"three devices": {N: 7, Steps: "2", Batch: 2, Devices: 3},
		"one class":     {N: 5, Steps: "2", Batch: 4, Classes: []string{"up"}},
		"a part":        {N: 9, Steps: "2", Batch: 4, Shard: dataset.Shard{Index: 1, Of: 2}},
	} {
		for _, layout := range []dataset.Layout{dataset.Samples, dataset.PerFlow} {
			at := t.TempDir()
			whole, parts := filepath.Join(at, "whole"), filepath.Join(at, "parts")
			set := draw(t, g, r)
			if err := set.Save(whole, &dataset.SaveOptions{Layout: layout}); err != nil {
				t.Fatal(err)
			}
			n, err := g.DrawTo(t.Context(), r, parts, dataset.SaveOptions{Layout: layout})
			if err != nil || n != set.Len() {
				t.Fatalf("%s: %d images, %v, want %d", name, n, err, set.Len())
			}
			sameFolders(t, parts, whole)
		}
	}
}

// sameFolders fails the test where the files of two folders differ.
func sameFolders(t *testing.T, got, want string) {
	t.Helper()
	read := func(dir string) map[string]string {
		all := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			all[strings.TrimPrefix(path, dir)] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	a, b := read(got), read(want)
	for name := range b {
		if a[name] != b[name] {
			t.Errorf("%s differs from %s", filepath.Join(got, name), filepath.Join(want, name))
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d files, want %d", len(a), len(b))
	}
}

// TestDrawToTwice: the same request again leaves the folder as it is, and another one is refused
// before anything is drawn.
func TestDrawToTwice(t *testing.T) {
	run, _ := newRun(t, tiny(), 4)
	g, err := Open(backendtest.Open(t), run)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "out")
	r := Request{N: 3, Steps: "2", Seed: 1}
	for range 2 {
		if _, err := g.DrawTo(t.Context(), r, dir, dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
			t.Fatal(err)
		}
	}
	r.Seed, r.Progress = 2, func(int, int) { t.Error("samples are drawn that have no place") }
	if _, err := g.DrawTo(t.Context(), r, dir, dataset.SaveOptions{Layout: dataset.Samples}); err == nil || !strings.Contains(err.Error(), "earlier output") {
		t.Errorf("another seed: error %v", err)
	}
	r.Progress = nil
	if _, err := g.DrawTo(t.Context(), r, dir, dataset.SaveOptions{Layout: dataset.Samples, Overwrite: true}); err != nil {
		t.Error(err)
	}
}

// TestDrawToStops: a drawing that is stopped leaves nothing, and where something else is in the
// folder none is begun.
func TestDrawToStops(t *testing.T) {
	run, _ := newRun(t, tiny(), 4)
	g := open(t, run, "")
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	r := Request{N: 9, Steps: "2", Batch: 2, Progress: func(completed, total int) {
		if completed > total/2 {
			stop()
		}
	}}
	if _, err := g.DrawTo(ctx, r, filepath.Join(dir, "out"), dataset.SaveOptions{Layout: dataset.Samples}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	r.Progress = func(int, int) { t.Error("something was drawn") }
	if _, err := g.DrawTo(t.Context(), r, dir, dataset.SaveOptions{Layout: dataset.Samples}); err == nil {
		t.Error("a folder with another file was taken")
	}
}
