package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

func TestShardRange(t *testing.T) {
	for _, c := range []struct{ n, of int }{{1, 1}, {10, 0}, {10, 3}, {7, 7}, {1_000_000, 16}} {
		next, least, most := 0, c.n, 0
		for i := range max(c.of, 1) {
			shard := dataset.Shard{Index: i, Of: c.of, N: c.n}
			if err := shard.Check(); err != nil {
				t.Fatal(err)
			}
			first, end := shard.Range()
			if first != next {
				t.Errorf("%v of %d samples begins at %d, want %d", shard, c.n, first, next)
			}
			next, least, most = end, min(least, end-first), max(most, end-first)
		}
		if next != c.n || most-least > 1 {
			t.Errorf("%d shards of %d samples: %d samples, of %d to %d each", c.of, c.n, next, least, most)
		}
	}
	for _, shard := range []dataset.Shard{{Index: 3, Of: 3, N: 9}, {Index: -1, Of: 3, N: 9}, {Of: -1, N: 9}, {Of: 10, N: 9}, {Index: 1, N: 9}} {
		if shard.Check() == nil {
			t.Errorf("%+v was taken", shard)
		}
	}
}

// drawnSet is a set as a sampler draws it: n samples of each of two classes, all of them
// or a shard.
func drawnSet(t *testing.T, shard dataset.Shard, change func(*dataset.Set)) *dataset.Set {
	t.Helper()
	set := &dataset.Set{
		Encoding: dataset.MustEncoding(dataset.Recipe{SeriesLength: 3}), Classes: []string{"a", "b"},
		Images: imaging.New(0, 3, 3, 1), Origin: &dataset.Origin{Run: "r", Step: 7, Seed: 1},
	}
	if shard.Of > 0 {
		set.Origin.Shard = &shard
	}
	first, end := shard.Range()
	for label := range set.Classes {
		for i := first; i < end; i++ {
			image := make([]float64, 9)
			for j := range image {
				image[j] = float64(label) + float64(i)/100 + float64(j)/10000
			}
			set.Images.Append(image)
			set.Labels = append(set.Labels, label)
		}
	}
	if change != nil {
		change(set)
	}
	return set
}

// saveShards saves a set in shards and returns the folder.
func saveShards(t *testing.T, of, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range of {
		saveShard(t, dir, dataset.Shard{Index: i, Of: of, N: n}, nil)
	}
	return dir
}

func saveShard(t *testing.T, dir string, shard dataset.Shard, change func(*dataset.Set)) string {
	t.Helper()
	dir = filepath.Join(dir, shard.Folder())
	if err := drawnSet(t, shard, change).Save(dir, &dataset.SaveOptions{Layout: dataset.Samples, Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// files returns what the files in a folder hold, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(text)
	}
	return out
}

// Pictures in one file are merged class after class, as they are drawn at once.
func TestMergePictures(t *testing.T) {
	for _, layout := range []dataset.Layout{dataset.Arrays, dataset.Pictures} {
		dir := t.TempDir()
		save := func(shard dataset.Shard, name string) {
			set := drawnSet(t, shard, func(s *dataset.Set) {
				s.Encoding = dataset.MustEncoding(dataset.Recipe{SeriesLength: 3, Rendering: &imaging.Rendering{Color: "jet"}})
				images := s.Encoding.NewImages(s.Len())
				first, _ := shard.Range()
				for i, label := range s.Labels {
					images.Picture(i)[0], images.Picture(i)[1] = uint8(label), uint8(first+i)
				}
				s.Images = images
			})
			// The second class is counted from its own first picture.
			first, end := shard.Range()
			for i := end - first; i < set.Len(); i++ {
				set.Images.Picture(i)[1] = uint8(first + i - (end - first))
			}
			if err := set.Save(filepath.Join(dir, name), &dataset.SaveOptions{Layout: layout}); err != nil {
				t.Fatal(err)
			}
		}
		save(dataset.Shard{N: 7}, "whole")
		for i := range 3 {
			shard := dataset.Shard{Index: i, Of: 3, N: 7}
			save(shard, filepath.Join("shards", shard.Folder()))
		}
		shards, err := dataset.OpenShards(filepath.Join(dir, "shards"))
		if err != nil {
			t.Fatal(err)
		}
		if err := shards.Merge(context.Background(), filepath.Join(dir, "merged"), nil); err != nil {
			t.Fatal(err)
		}
		sameFiles(t, filepath.Join(dir, "merged"), filepath.Join(dir, "whole"))
	}
}

// sameFiles fails the test where the files in two folders, and in the folders in them, differ.
func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	n := 0
	err := fs.WalkDir(os.DirFS(want), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		a, err := os.ReadFile(filepath.Join(want, path))
		if err != nil {
			return err
		}
		if b, err := os.ReadFile(filepath.Join(got, path)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs (%v)", path, err)
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d files, %v", n, err)
	}
}

// TestSaveParts: a set that comes in parts is saved as it is at once, in every layout; parts
// that are not of it are refused, and nothing is left.
func TestSaveParts(t *testing.T) {
	for _, layout := range []dataset.Layout{dataset.PerFlow, dataset.PerClass, dataset.Samples} {
		whole := drawnSet(t, dataset.Shard{N: 5}, nil)
		head := whole.Select(nil)
		head.Origin = whole.Origin
		in := func(images ...[]int) func(add func(*dataset.Set) error) error {
			return func(add func(*dataset.Set) error) error {
				for _, some := range images {
					if err := add(whole.Select(some)); err != nil {
						return err
					}
				}
				return nil
			}
		}
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		o := &dataset.SaveOptions{Layout: layout}
		if err := whole.Save(at("whole"), o); err != nil {
			t.Fatal(err)
		}
		for name, each := range map[string]func(func(*dataset.Set) error) error{
			"in order":        in([]int{0, 1, 2}, []int{3}, nil, []int{4, 5, 6, 7, 8}, []int{9}),
			"classes in turn": in([]int{0, 5, 6}, []int{7, 1, 2, 3}, []int{8, 9, 4}),
		} {
			for range 2 { // the second time it is there already
				if err := dataset.SaveParts(at(name), head, []int{5, 5}, o, each); err != nil {
					t.Fatalf("%s, %s: %v", layout, name, err)
				}
			}
			sameFiles(t, at(name), at("whole"))
		}
		failed := errors.New("failed")
		for want, each := range map[string]func(func(*dataset.Set) error) error{
			`class "a": more than 5 images`: in([]int{0, 1, 2, 3, 4, 0}),
			`class "b": 4 images, want 5`:   in([]int{0, 1, 2, 3, 4, 5, 6, 7, 8}),
			"failed":                        func(func(*dataset.Set) error) error { return failed },
		} {
			if err := dataset.SaveParts(at("none"), head, []int{5, 5}, o, each); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", layout, err, want)
			}
			if _, err := os.Stat(at("none")); err == nil {
				t.Errorf("%s: %s left a folder", layout, want)
			}
		}
	}
}

func TestMerge(t *testing.T) {
	for _, of := range []int{1, 3, 10} {
		whole, merged := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "merged")
		if err := drawnSet(t, dataset.Shard{N: 10}, nil).Save(whole, &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
			t.Fatal(err)
		}
		in := saveShards(t, of, 10)
		if _, err := dataset.Open(in, nil); err == nil || !strings.Contains(err.Error(), "merge them first") {
			t.Errorf("a folder of shards was opened as a set: %v", err)
		}
		shards, err := dataset.OpenShards(in)
		if err != nil {
			t.Fatal(err)
		}
		if shards.Len() != 20 || shards.Count() != of {
			t.Errorf("%d samples in %d shards, want 20 in %d", shards.Len(), shards.Count(), of)
		}
		for range 2 { // the second time over the first
			if err := shards.Merge(context.Background(), merged, &dataset.SaveOptions{Overwrite: true}); err != nil {
				t.Fatal(err)
			}
		}
		want, got := files(t, whole), files(t, merged)
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%d shards: %s differs from that of samples drawn at once", of, name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d files, want %d", len(got), len(want))
		}
		if err := shards.Merge(context.Background(), merged, nil); err == nil {
			t.Error("an earlier set was replaced without being asked to")
		}
	}
}

func TestShardsThatDoNotBelongTogether(t *testing.T) {
	const of, n = 4, 10
	shard := func(i int) dataset.Shard { return dataset.Shard{Index: i, Of: of, N: n} }
	for _, c := range []struct {
		name, want string
		change     func(dir string)
	}{
		{"missing", "1 of 4 shards missing: 2", func(dir string) { os.RemoveAll(filepath.Join(dir, shard(2).Folder())) }},
		{"twice", "shard 1 of 4 is there twice", func(dir string) {
			os.Rename(saveShard(t, t.TempDir(), shard(1), nil), filepath.Join(dir, "shard-00009-of-00004"))
		}},
		{"seed", "what they were drawn from differ", func(dir string) {
			saveShard(t, dir, shard(1), func(s *dataset.Set) { s.Origin.Seed = 2 })
		}},
		{"weights", "what they were drawn from differ", func(dir string) {
			saveShard(t, dir, shard(3), func(s *dataset.Set) { s.Origin.SHA256 = "other" })
		}},
		{"decoded otherwise", "what they were drawn from differ", func(dir string) {
			saveShard(t, dir, shard(3), func(s *dataset.Set) { s.Origin.Decode = "matrix" })
		}},
		{"classes", "classes differ", func(dir string) {
			saveShard(t, dir, shard(3), func(s *dataset.Set) { s.Classes = []string{"a", "c"} })
		}},
		{"recipe", "recipes differ", func(dir string) {
			saveShard(t, dir, shard(3), func(s *dataset.Set) {
				s.Encoding = dataset.MustEncoding(dataset.Recipe{SeriesLength: 3, Image: imaging.GADF{}})
			})
		}},
		{"of another number", "10 samples in 4 shards, and 15 in 5", func(dir string) {
			saveShard(t, dir, dataset.Shard{Index: 4, Of: 5, N: 15}, nil)
		}},
		{"too few samples", `class "b": 2 samples, want 3`, func(dir string) {
			saveShard(t, dir, shard(0), func(s *dataset.Set) {
				s.Labels = s.Labels[:5]
				s.Images = drawnSet(t, shard(0), nil).Images
				s.Images.N, s.Images.Data = 5, s.Images.Data[:5*9]
			})
		}},
		{"whole set", "is a whole set and not a shard", func(dir string) {
			saveShard(t, dir, shard(0), func(s *dataset.Set) { s.Origin.Shard = nil })
		}},
		{"damaged", "manifest.json", func(dir string) {
			os.WriteFile(filepath.Join(dir, shard(0).Folder(), "manifest.json"), []byte("{"), 0o666)
		}},
	} {
		dir := saveShards(t, of, n)
		c.change(dir)
		if _, err := dataset.OpenShards(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}

	dir := saveShards(t, of, n)
	class := filepath.Join(dir, shard(2).Folder(), "b_synthetic_samples.npz")
	text, err := os.ReadFile(class)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(class, text[:len(text)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	shards, err := dataset.OpenShards(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := shards.Merge(context.Background(), out, nil); err == nil || !strings.Contains(err.Error(), class) {
		t.Errorf("a damaged shard: %v, want an error that names %s", err, class)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Error("half of a set was left")
	}
	if err := shards.Merge(context.Background(), dir, nil); err == nil || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("into the shards' own folder: %v", err)
	}
	if _, err := dataset.OpenShards(t.TempDir()); !errors.Is(err, dataset.ErrNoShards) {
		t.Errorf("an empty folder: %v", err)
	}
}

func ExampleOpenShards() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	flow := traffic.Flow{Label: "dns", Packets: []traffic.Packet{{Length: 40}, {Length: 120, Dir: traffic.Down}}}
	for i := range 2 { // on two machines, say
		shard := dataset.Shard{Index: i, Of: 2, N: 2}
		set, err := dataset.Build(traffic.All([]traffic.Flow{flow}), dataset.Recipe{SeriesLength: 2})
		if err != nil {
			fmt.Println(err)
			return
		}
		set.Origin = &dataset.Origin{Run: "0123", Shard: &shard} // which sample.Generator does
		if err := set.Save(filepath.Join(dir, shard.Folder()), &dataset.SaveOptions{Layout: dataset.Samples}); err != nil {
			fmt.Println(err)
			return
		}
	}
	shards, err := dataset.OpenShards(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = shards.Merge(context.Background(), filepath.Join(dir, "all"), nil)
	fmt.Println(shards.Len(), "samples of", shards.Count(), "shards:", err)
	// Output: 2 samples of 2 shards: <nil>
}
