package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// storedFlows are n flows of two classes, in turn, each of its own length.
func storedFlows(n int) []traffic.Flow {
	var flows []traffic.Flow
	for i := range n {
		flows = append(flows, traffic.Flow{Label: []string{"a", "b"}[i%2], Packets: []traffic.Packet{{Length: 10 + i}, {Length: 500, Dir: traffic.Down}}})
	}
	return flows
}

// TestStored: the images of a set on the disk are those of the set in memory, class after
// class.
func TestStored(t *testing.T) {
	set, err := Build(traffic.All(storedFlows(9)), Recipe{SeriesLength: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, layout := range []Layout{PerClass, Samples} {
		dir := filepath.Join(t.TempDir(), "set")
		if err := set.Save(dir, &SaveOptions{Layout: layout}); err != nil {
			t.Fatal(err)
		}
		want, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenStored(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		head := s.Head()
		if s.Len() != 9 || !slices.Equal(s.Counts(), want.Counts()) || !slices.Equal(head.Classes, want.Classes) ||
			head.Len() != 0 || head.Images.H != 3 || head.Images.C != 1 {
			t.Errorf("%s: %d images, %v of %v, a head of %+v", layout, s.Len(), s.Counts(), head.Classes, head.Images)
		}
		for class, name := range want.Classes {
			in := want.OfClass(name, 0).Images
			got, err := s.Read(class, 1, in.N-1)
			if err != nil || !slices.Equal(got, in.Data[in.Pixels():]) {
				t.Errorf("%s, class %s: %v (%v), want %v", layout, name, got, err, in.Data[in.Pixels():])
			}
			if _, err := s.Read(class, 1, in.N); err == nil {
				t.Errorf("%s, class %s: more images than there are", layout, name)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "flows")
	if err := set.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStored(dir); !errors.Is(err, ErrNotStored) {
		t.Errorf("a file a flow: %v", err)
	}
}

// TestStoredDamaged: a changed byte is found by Verify, a file that is cut off at once.
func TestStoredDamaged(t *testing.T) {
	set, err := Build(traffic.All(storedFlows(400)), Recipe{SeriesLength: 3})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "set")
	if err := set.Save(dir, &SaveOptions{Layout: PerClass}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "b.npz")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(whole)
	changed[2000] ^= 1
	if err := os.WriteFile(path, changed, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := OpenStored(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), nil); err == nil {
		t.Error("a changed byte is not found")
	}
	s.Close()
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStored(dir); err == nil {
		t.Error("a file that is cut off opens")
	}
}
