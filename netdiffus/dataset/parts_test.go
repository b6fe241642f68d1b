package dataset

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// raggedFlows are n flows of three classes of one to four packets, some of them of 0 bytes
// from the server; the class "z" has one flow.
func raggedFlows(n int) []traffic.Flow {
	var flows []traffic.Flow
	for i := range n {
		f := traffic.Flow{Label: []string{"b", "a", "b"}[i%3]}
		if i == 4 {
			f.Label = "z"
		}
		for k := range 1 + i%4 {
			f.Packets = append(f.Packets, traffic.Packet{Length: (i*37 + k) % 11 * 100, Dir: traffic.Direction((i + k) % 2)})
		}
		flows = append(flows, f)
	}
	return flows
}

// checkParts fails the test unless parts of few images at a time are together what Open reads.
func checkParts(t *testing.T, path string, o *OpenOptions) {
	t.Helper()
	want, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenParts(path, o)
	if err != nil {
		t.Fatal(err)
	}
	if p.Len() != want.Len() {
		t.Errorf("%d images, want %d", p.Len(), want.Len())
	}
	one := want.Images.Pixels()
	if !want.Images.Pictures() {
		one *= 8
	}
	for _, most := range []int{1, 2, 5, want.Len(), want.Len() + 1} {
		p.bytes = most * one
		for range 2 { // it can be repeated
			at := 0
			for part, err := range p.All() {
				if err != nil {
					t.Fatal(err)
				}
				if part.Len() != min(most, want.Len()-at) {
					t.Errorf("a part of %d images behind %d, want %d", part.Len(), at, min(most, want.Len()-at))
				}
				if !reflect.DeepEqual(part.Classes, want.Classes) || !reflect.DeepEqual(part.Encoding, want.Encoding) ||
					!reflect.DeepEqual(part.Origin, want.Origin) || !reflect.DeepEqual(part.Connections, want.Connections) || (part.Rows == nil) != (want.Rows == nil) {
					t.Errorf("a part of %v with rows %v, want %v, %v", part.Classes, part.Rows, want.Classes, want.Rows)
				}
				for i := range part.Len() {
					same := slices.Equal(part.Images.At(i), want.Images.At(at)) && part.Labels[i] == want.Labels[at] &&
						reflect.DeepEqual(part.remainder(i), want.remainder(at)) && (part.Rows == nil || part.Rows[i] == want.Rows[at])
					if !same {
						t.Errorf("parts of %d: image %d differs", most, at)
					}
					at++
				}
			}
			if at != want.Len() {
				t.Errorf("parts of %d: %d images, want %d", most, at, want.Len())
			}
		}
	}
}

// TestParts: in every layout the images come part by part as they come all at once, with all
// that is known of their flows.
func TestParts(t *testing.T) {
	jet := &imaging.Rendering{Color: "jet"}
	for _, c := range []struct {
		name   string
		layout Layout
		recipe Recipe
	}{
		{"per flow", PerFlow, Recipe{SeriesLength: 4}},
		{"per class", PerClass, Recipe{SeriesLength: 4}},
		{"per class, two channels", PerClass, Recipe{SeriesLength: 3, Channels: []Channel{{Feature: traffic.SignedLength{}}, {Feature: traffic.PacketDirection{}}}}},
		{"samples", Samples, Recipe{SeriesLength: 4}},
		{"pictures", Pictures, Recipe{SeriesLength: 4, Rendering: jet}},
		{"arrays", Arrays, Recipe{SeriesLength: 4, Rendering: jet}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := Build(traffic.All(raggedFlows(23)), c.recipe)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			save := func(name string, s *Set) string {
				path := filepath.Join(dir, name)
				if err := s.Save(path, &SaveOptions{Layout: c.layout}); err != nil {
					t.Fatal(err)
				}
				return path
			}
			known := save("known", set)
			checkParts(t, known, nil)

			upside := set.Select([]int{9, 8, 3, 4, 5, 0, 1, 22, 21, 20, 2}) // rows that do not rise
			checkParts(t, save("upside", upside), nil)

			drawn := *set
			drawn.Rows, drawn.SeriesLengths, drawn.Origin = nil, nil, &Origin{Run: "0123"}
			checkParts(t, save("drawn", &drawn), nil)

			if err := os.Remove(filepath.Join(known, manifestName)); err != nil {
				t.Fatal(err)
			}
			if c.recipe.Rendering == nil {
				checkParts(t, known, &OpenOptions{Recipe: c.recipe})
			} else {
				checkParts(t, known, nil)
				checkParts(t, known, &OpenOptions{Side: 8})
			}
		})
	}
}

// TestPartsOfSeries: series come part by part, with the numbers of their traces.
func TestPartsOfSeries(t *testing.T) {
	var all []series.Series
	for i := range 9 {
		s := series.Series{Label: []string{"a", "b"}[i%2], Channels: []string{"up"}, Values: [][]float64{{float64(i), 1, 2}}}
		if i > 3 {
			s.Trace = "t" + string(rune('0'+i/3))
		}
		all = append(all, s)
	}
	set, err := BuildSeries(func(yield func(series.Series, error) bool) {
		for _, s := range all {
			if !yield(s, nil) {
				return
			}
		}
	}, Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	for _, layout := range []Layout{PerFlow, PerClass, Samples} {
		dir := filepath.Join(t.TempDir(), "set")
		if err := set.Save(dir, &SaveOptions{Layout: layout}); err != nil {
			t.Fatal(err)
		}
		checkParts(t, dir, nil)
	}
}

// TestPartsOfShards: shards come one after the other, each in parts.
func TestPartsOfShards(t *testing.T) {
	set, err := Build(traffic.All(storedFlows(14)), Recipe{SeriesLength: 3})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for index := range 3 {
		shard := Shard{Index: index, Of: 3, N: 7}
		first, end := shard.Range()
		var images []int
		for label := range 2 {
			for i := first; i < end; i++ {
				images = append(images, 2*i+label)
			}
		}
		part := set.Select(images)
		part.Rows, part.SeriesLengths, part.Origin = nil, nil, &Origin{Run: "0123", Shard: &shard}
		if err := part.Save(filepath.Join(dir, shard.Folder()), &SaveOptions{Layout: Samples}); err != nil {
			t.Fatal(err)
		}
	}
	var want []float64
	for index := range 3 {
		s, err := Open(filepath.Join(dir, Shard{Index: index, Of: 3}.Folder()), nil)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, s.Images.Data...)
	}
	p, err := OpenParts(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.bytes = 2 * 9 * 8
	var got []float64
	for s, err := range p.All() {
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() > 2 || s.Origin.Shard == nil {
			t.Errorf("a part of %d images, %v", s.Len(), s.Origin.Shard)
		}
		got = append(got, s.Images.Data...)
	}
	if p.Len() != 14 || !slices.Equal(got, want) {
		t.Errorf("%d images: %v, want %v", p.Len(), got, want)
	}
}

// TestPartsOfDamagedFiles: what is wrong at the end of a file is found, if only there.
func TestPartsOfDamagedFiles(t *testing.T) {
	images := make([]float32, 20000*4)
	for name, c := range map[string]struct {
		arrays []npz.Named
		spoil  func(file []byte) []byte
		want   string
		early  bool // before any image
	}{
		"no number at the end": {
			[]npz.Named{{Name: "images", Array: npz.New(append(slices.Clone(images[1:]), float32(math.NaN())), 20000, 2, 2)}}, nil, "NaN", false,
		},
		"a pixel changed": {
			[]npz.Named{{Name: "images", Array: npz.New(images, 20000, 2, 2)}},
			func(file []byte) []byte { file[len(file)/2] ^= 1; return file }, "checksum", false,
		},
		"lengths of others": {
			[]npz.Named{{Name: "images", Array: npz.New(images, 20000, 2, 2)}, {Name: "lengths", Array: npz.New([]int64{1, 2})}}, nil, "lengths: shape [2] for 20000 images", true,
		},
		"a length too large": {
			[]npz.Named{{Name: "images", Array: npz.New(images, 20000, 2, 2)}, {Name: "lengths", Array: npz.New(append(make([]int64, 19999), 3))}}, nil, "3 packets, want at most 2", false,
		},
		"a row that is none": {
			[]npz.Named{{Name: "images", Array: npz.New(images, 20000, 2, 2)}, {Name: "rows", Array: npz.New(append(make([]float64, 19999), 0.5))}}, nil, "not a whole number", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.npz")
			if err := npz.Write(path, c.arrays...); err != nil {
				t.Fatal(err)
			}
			if c.spoil != nil {
				file, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, c.spoil(file), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			p, err := OpenParts(path, nil)
			if (err != nil) != c.early {
				t.Fatalf("opened with %v", err)
			}
			if err == nil {
				p.bytes = 8 * 4 * 1000
				before := 0
				for part, failed := range p.All() {
					if err = failed; err == nil {
						before += part.Len()
					}
				}
				if before == 0 {
					t.Error("no part before the error")
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: error %v, want %q", err, c.want)
			}
		})
	}
}
