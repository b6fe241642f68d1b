package golden

import (
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// TestEveryRecordedArrayIsRead reads all that testdata holds.
func TestEveryRecordedArrayIsRead(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.npz")
	if err != nil || len(paths) != 20 {
		t.Fatalf("testdata holds %d files (%v), want 20", len(paths), err)
	}
	arrays := 0
	for _, path := range paths {
		f, err := npz.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, key := range f.Keys() {
			a, err := f.Read(key)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Floats()) != a.Len() {
				t.Errorf("%s: %s: %d values for shape %v", path, key, len(a.Floats()), a.Shape)
			}
			arrays++
		}
	}
	t.Logf("%d arrays", arrays)
}

func TestOpen(t *testing.T) {
	f := Open(t, "gasf.npz")
	if got := f.Ints(t, "seed_global_min"); len(got) != 1 || got[0] >= 0 {
		t.Errorf("seed_global_min = %v", got)
	}
	if got := f.Array(t, "seed_gasf").Shape; len(got) != 3 || got[0] != 8 {
		t.Errorf("seed_gasf has shape %v, want [8 10 10]", got)
	}
}
