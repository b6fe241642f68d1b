package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// jet64 is the older road: RGB pictures of 64 pixels.
var jet64 = &imaging.Rendering{Color: "jet", Side: 64}

func mustBuild(t *testing.T, flows []traffic.Flow, r Recipe) *Set {
	t.Helper()
	set, err := Build(traffic.All(flows), r)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestPicturesRoundTrip: sets of pictures are read as they were written, in both
// layouts, and flows come back with their number of packets and their classes,
// and lengths within what 8 bits tell.
func TestPicturesRoundTrip(t *testing.T) {
	for _, p := range []imaging.Rendering{
		{Color: "jet"}, {Color: "gray"}, *jet64, {Color: "gray", Side: 32, Gamma: 0.5}, {Color: "gray", Depth: 3},
	} {
		for _, o := range []SaveOptions{{Layout: Pictures}, {Layout: Arrays}, {Layout: Pictures, Group: "Youtube"}, {}} {
			name := fmt.Sprintf("%s %d %s %s", p.Color, p.Side, o.Layout, o.Group)
			dir := filepath.Join(t.TempDir(), "set")
			set := mustBuild(t, sample(), Recipe{Rendering: &p})
			if !set.Images.Pictures() {
				t.Fatalf("%s: built without pictures", name)
			}
			if err := set.Save(dir, &o); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			back, err := Open(dir, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(back.Images.Bytes, set.Images.Bytes) || !slices.Equal(back.Labels, set.Labels) || !slices.Equal(back.Rows, set.Rows) {
				t.Errorf("%s: comes back otherwise", name)
			}
			flows := collect(t, back.Traffic())
			for i, want := range cut(sample(), 10) {
				got := flows[i]
				if got.Label != want.Label || len(got.Packets) != len(want.Packets) {
					t.Errorf("%s: flow %d is %v, want %v", name, i, got, want)
					continue
				}
				for j, p := range want.Packets {
					// One of 256 steps is at most 220 bytes at the flat end of
					// the scale, and some bytes elsewhere.
					if d := got.Packets[j].Length - p.Length; d > 250 || d < -250 || p.Length > 30 && got.Packets[j].Dir != p.Dir {
						t.Errorf("%s: flow %d packet %d is %v, want %v", name, i, j, got.Packets[j], p)
					}
				}
			}
			if err := back.Save(dir, &SaveOptions{Layout: o.Layout, Overwrite: true}); err != nil {
				t.Errorf("%s: overwriting: %v", name, err)
			}
		}
	}
}

// TestConvertMeasuresTheLoss: Convert says how many packets come back, as
// decoding the written pictures does.
func TestConvertMeasuresTheLoss(t *testing.T) {
	flows := sample()
	for _, layout := range []Layout{Pictures, Arrays} {
		dir := filepath.Join(t.TempDir(), "set")
		report, err := Convert(t.Context(), traffic.All(flows), Recipe{Rendering: jet64}, dir, ConvertOptions{SaveOptions: SaveOptions{Layout: layout}})
		if err != nil {
			t.Fatal(err)
		}
		set, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		packets, exact, sum := 0, 0, 0
		back := collect(t, set.Traffic())
		for i, want := range cut(flows, 10) {
			for j, p := range want.Packets {
				d := back[i].Packets[j].Length - p.Length
				packets++
				sum += max(d, -d)
				if d == 0 {
					exact++
				}
			}
		}
		l := report.Loss
		if l == nil || l.Packets != packets || l.Exact != exact || fmt.Sprintf("%.3f", l.Mean) != fmt.Sprintf("%.3f", float64(sum)/float64(packets)) {
			t.Errorf("loss %+v, want %d of %d exact and %d bytes in all", l, exact, packets, sum)
		}
		if said, err := LossOf(dir); err != nil || *said != *l {
			t.Errorf("the manifest says %+v, %v", said, err)
		}
	}
}

// TestArraysAreGuidedDiffusions: names, types and shapes of its samples.
func TestArraysAreGuidedDiffusions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	built := mustBuild(t, sample(), Recipe{Rendering: jet64})
	if err := built.Save(dir, &SaveOptions{Layout: Arrays}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "samples_6x64x64x3.npz")
	f, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if keys := f.Keys(); !slices.Equal(keys[:2], []string{"arr_0", "arr_1"}) {
		t.Errorf("arrays %q", keys)
	}
	for key, want := range map[string]string{"arr_0": "[6 64 64 3] u1", "arr_1": "[6] i8"} {
		if shape, dtype, err := f.Shape(key); err != nil || fmt.Sprint(shape, " ", dtype) != want {
			t.Errorf("%s: %v %s, %v, want %s", key, shape, dtype, err, want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "label_map.csv")); err != nil || string(text) != "label,index\ndns,0\nvideo,1\nweb,2\n" {
		t.Errorf("label_map.csv: %q, %v", text, err)
	}
	// The file alone, as a sampler leaves it: with the table beside it, and without.
	alone := filepath.Join(t.TempDir(), "samples_6x64x64x3.npz")
	copyFile(t, path, alone)
	set, err := Open(alone, &OpenOptions{Recipe: Recipe{SeriesLength: 10, Channels: []Channel{{Codec: built.Encoding.Channels()[0].Codec}}}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(set.Classes, []string{"0", "1", "2"}) || set.Encoding.Rendering().Color != "jet" || !set.Encoding.Fitted() {
		t.Errorf("classes %q, %+v", set.Classes, set.Encoding.Rendering())
	}
	if n := len(collect(t, set.Traffic())); n != 4 { // two are of nothing but what cannot be told from padding
		t.Errorf("%d flows", n)
	}
	copyFile(t, filepath.Join(dir, "label_map.csv"), filepath.Join(filepath.Dir(alone), "label_map.csv"))
	if set, err = Open(filepath.Dir(alone), nil); err != nil || !slices.Equal(set.Classes, []string{"dns", "video", "web"}) {
		t.Errorf("%v, %v", set, err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o777)
	}
	if err == nil {
		err = os.WriteFile(to, data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// paint writes a PNG of one colour.
func paint(t *testing.T, path string, w, h int, c color.Color) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

var green = color.NRGBA{R: 10, G: 200, B: 30, A: 255}

// TestOpenFoundPictures: folders one to three levels deep, their classes by each
// rule, in the order that guided-diffusion lists them.
func TestOpenFoundPictures(t *testing.T) {
	for _, c := range []struct {
		files []string
		from  ClassFrom
		want  string // classes, and the labels in the order of the rows
	}{
		{[]string{"b_1.png", "a_2.png", "a_10.png"}, "", "[a b] [1 0 0]"},
		{[]string{"b/x_1.png", "a/y_0.png", ".hidden/z_1.png"}, "", "[a b] [0 1]"},
		{[]string{"b/x_1.png", "a/y_0.png"}, FromFile, "[x y] [1 0]"},
		{[]string{"Youtube/vid1/vid1_1.png", "Youtube/vid2/vid2_1.png", "Netflix/vid3/vid3_1.png"}, "", "[vid1 vid2 vid3] [2 0 1]"},
		{[]string{"Youtube/vid1/vid1_1.png", "Youtube/vid2/vid2_1.png", "Netflix/vid3/vid3_1.png"}, FromFirst, "[Netflix Youtube] [0 1 1]"},
		{[]string{"a/b/c/d_1.png"}, FromFirst, "[a] [0]"},
	} {
		dir := t.TempDir()
		for _, f := range c.files {
			paint(t, filepath.Join(dir, f), 9, 9, green)
		}
		set, err := Open(dir, &OpenOptions{ClassFrom: c.from})
		if err != nil {
			t.Errorf("%v: %v", c.files, err)
			continue
		}
		if got := fmt.Sprint(set.Classes, set.Labels); got != c.want {
			t.Errorf("%v from %q: %s, want %s", c.files, c.from, got, c.want)
		}
		if m := set.Images; m.H != 9 || m.C != 3 || m.Bytes[1] != 200 || set.Encoding.Fitted() {
			t.Errorf("pictures %dx%d, fitted %v", m.H, m.C, set.Encoding.Fitted())
		}
	}
}

// TestOpenFoundSizes: pictures of any size with Side; depth by what they are or as
// asked for.
func TestOpenFoundSizes(t *testing.T) {
	dir := t.TempDir()
	paint(t, filepath.Join(dir, "a/a_1.png"), 20, 30, green)
	paint(t, filepath.Join(dir, "a/a_2.png"), 64, 64, color.NRGBA{R: 9, G: 9, B: 9, A: 255})
	if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), "20 x 30") || !errors.Is(err, ErrSizes) {
		t.Errorf("without a size: %v", err)
	}
	for _, c := range []struct {
		o        OpenOptions
		channels int
		first    uint8
	}{
		{OpenOptions{Side: 16}, 3, 10}, {OpenOptions{Side: 16, Channels: 1}, 1, 124}, {OpenOptions{Side: 64, Channels: 3}, 3, 10},
	} {
		set, err := Open(dir, &c.o)
		if err != nil {
			t.Fatal(err)
		}
		if m := set.Images; m.H != c.o.Side || m.C != c.channels || m.Bytes[0] != c.first {
			t.Errorf("%+v: %d x %d, first value %d", c.o, m.H, m.C, m.Bytes[0])
		}
	}
}

// TestOpenFoundRefuses: what is no data set of pictures, by name.
func TestOpenFoundRefuses(t *testing.T) {
	for _, c := range []struct {
		what string
		fill func(dir string)
		want string
	}{
		{"pictures and arrays", func(dir string) {
			paint(t, filepath.Join(dir, "a/a_1.png"), 9, 9, green)
			os.WriteFile(filepath.Join(dir, "a", "a_2.npz"), []byte("PK"), 0o666)
		}, "both pictures and arrays"},
		{"too deep", func(dir string) { paint(t, filepath.Join(dir, "a/b/c/d/e.png"), 9, 9, green) }, "folders deep"},
		{"JPEG", func(dir string) { os.WriteFile(filepath.Join(dir, "a.jpg"), []byte("x"), 0o666) }, "PNG files are read"},
		{"a truncated picture", func(dir string) {
			path := filepath.Join(dir, "a/a_1.png")
			paint(t, path, 300, 300, green)
			os.Truncate(path, 100)
		}, "a_1.png: "},
		{"text", func(dir string) { os.WriteFile(filepath.Join(dir, "a.png"), []byte("no picture at all"), 0o666) }, "a.png"},
		{"far from square", func(dir string) { paint(t, filepath.Join(dir, "a.png"), 400, 4, green) }, "far from a square"},
	} {
		dir := t.TempDir()
		c.fill(dir)
		if _, err := Open(dir, &OpenOptions{Side: 16}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

// TestManyPictures: a byte a value, not more than twice that while reading.
func TestManyPictures(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 2,000 files")
	}
	dir := t.TempDir()
	paint(t, filepath.Join(dir, "a/a_0.png"), 10, 10, green)
	data, err := os.ReadFile(filepath.Join(dir, "a/a_0.png"))
	if err != nil {
		t.Fatal(err)
	}
	const n = 2000
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, "a", fmt.Sprintf("a_%d.png", i)), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Open(dir, &OpenOptions{Side: 128})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if want := n * 128 * 128 * 3; len(set.Images.Bytes) != want || m.HeapAlloc > uint64(want)*5/4 {
		t.Errorf("%d values in %d MB, want %d", len(set.Images.Bytes), m.HeapAlloc/1e6, want)
	}
}

// TestInterruptedPictures: a conversion that stops leaves no folder.
func TestInterruptedPictures(t *testing.T) {
	for _, layout := range []Layout{Pictures, Arrays} {
		dir := filepath.Join(t.TempDir(), "set")
		ctx, cancel := context.WithCancel(t.Context())
		flows := slices.Repeat(sample(), 100)
		_, err := Convert(ctx, traffic.All(flows), Recipe{Rendering: jet64}, dir, ConvertOptions{
			SaveOptions: SaveOptions{Layout: layout},
			Progress: func(_, total int) {
				if total > 0 {
					cancel()
				}
			},
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", layout, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) > 0 {
			t.Errorf("%s: %v is left", layout, left)
		}
	}
}

// TestStretchedPictures, and pictures of several features, cannot be decoded.
func TestStretchedPictures(t *testing.T) {
	set := mustBuild(t, sample(), Recipe{Rendering: &imaging.Rendering{Color: "jet", Stretch: true}})
	if _, err := traffic.Collect(set.Traffic()); err == nil || !strings.Contains(err.Error(), "stretched") {
		t.Errorf("Flows: %v", err)
	}
	if _, _, err := set.Plain(); err == nil {
		t.Error("Plain reads stretched pictures")
	}
	r := Recipe{Rendering: jet64, Channels: []Channel{{Feature: traffic.Length{}}, {Feature: traffic.PacketDirection{}}}}
	if _, err := Build(traffic.All(sample()), r); err == nil || !strings.Contains(err.Error(), "one feature") {
		t.Errorf("Build: %v", err)
	}
}

// TestNestedArrays: the reference's .npz files three levels deep and in none, and
// its older variant with g/2 + 1/2 under the key x.
func TestNestedArrays(t *testing.T) {
	img := make([]float64, 16)
	imaging.GASF{}.Encode([]float64{0, 0.3, 0.6, 1}, img)
	half := make([]float64, 16)
	for i, v := range img {
		half[i] = v/2 + 0.5
	}
	for _, files := range [][]string{
		{"Youtube/vid1/vid1_1.npz", "Youtube/vid2/vid2_1.npz"},
		{"vid1_1.npz", "vid2_2.npz"},
		{"vid1/sample_2.npz", "vid2/sample_3.npz"},
	} {
		dir := t.TempDir()
		for _, f := range files {
			path := filepath.Join(dir, f)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			array := npz.Named{Name: "gasf", Array: npz.New(img, 4, 4)}
			if strings.Contains(f, "sample") {
				array = npz.Named{Name: "x", Array: npz.New(half, 4, 4)}
			}
			if err := npz.Write(path, array); err != nil {
				t.Fatal(err)
			}
		}
		set, err := Open(dir, nil)
		if err != nil {
			t.Errorf("%v: %v", files, err)
			continue
		}
		if !slices.Equal(set.Classes, []string{"vid1", "vid2"}) || set.Len() != 2 {
			t.Errorf("%v: %q, %d images", files, set.Classes, set.Len())
		}
		for i, v := range set.Images.At(1) {
			if d := v - img[i]; d > 1e-15 || d < -1e-15 {
				t.Errorf("%v: value %d is %v, want %v", files, i, v, img[i])
			}
		}
	}
}

// TestRecordedPictures: the 30 pictures of the reference's oldest road, to the
// bit, from the flows that they show: lengths without directions, each picture
// stretched to its own range.
func TestRecordedPictures(t *testing.T) {
	recorded, err := Open(golden.Shared(t, mirage+"gasf_png_rgb"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if recorded.Len() != 30 || recorded.Images.H != 10 || recorded.Encoding.Rendering().Color != "jet" || !recorded.Encoding.Rendering().Stretch {
		t.Errorf("%d pictures of %d, %+v", recorded.Len(), recorded.Images.H, recorded.Encoding.Rendering())
	}
	flows := slices.DeleteFunc(collect(t, traffic.Read(golden.Shared(t, mirage+"Mirage-AppxAct.parquet"))), func(f traffic.Flow) bool {
		return slices.ContainsFunc(f.Packets, func(p traffic.Packet) bool { return p.Length > 1448 }) // which the set they are from had not
	})
	ours := mustBuild(t, flows, Recipe{
		Channels:  []Channel{{Feature: traffic.Length{}, Codec: codec.MinMax{Min: -1460, Max: 1448}}},
		Rendering: &imaging.Rendering{Color: "jet", Stretch: true},
	})
	made := map[string]bool{}
	for i := range ours.Len() {
		made[ours.Classes[ours.Labels[i]]+string(ours.Images.Picture(i))] = true
	}
	for i := range recorded.Len() {
		if !made[recorded.Classes[recorded.Labels[i]]+string(recorded.Images.Picture(i))] {
			t.Errorf("picture %d, of %s, is none of ours", i, recorded.Classes[recorded.Labels[i]])
		}
	}
}

// FuzzOpenPictures: whatever a picture, the table beside it or an array of
// samples holds, opening gives a set or an error.
func FuzzOpenPictures(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "set")
	set, err := Build(traffic.All(sample()), Recipe{Rendering: &imaging.Rendering{Color: "jet"}})
	if err != nil {
		f.Fatal(err)
	}
	if err := set.Save(dir, &SaveOptions{}); err != nil {
		f.Fatal(err)
	}
	arrays := filepath.Join(f.TempDir(), "set")
	if err := set.Save(arrays, &SaveOptions{Layout: Arrays}); err != nil {
		f.Fatal(err)
	}
	for i, path := range []string{filepath.Join(dir, "dns/dns_1.png"), filepath.Join(dir, flowsName), filepath.Join(arrays, "samples_6x10x10x3.npz"), filepath.Join(arrays, labelMapName)} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, data)
	}
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		paths := []string{filepath.Join(dir, "dns/dns_1.png"), filepath.Join(dir, flowsName), filepath.Join(arrays, "samples_6x10x10x3.npz"), filepath.Join(arrays, labelMapName)}
		path := paths[((which%len(paths))+len(paths))%len(paths)]
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(path, before, 0o666)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		if path == paths[3] { // which is read where there is no manifest
			path = paths[2]
		} else if path != paths[2] {
			path = dir
		}
		for _, path := range []string{path, filepath.Dir(path)} {
			set, err := Open(path, nil)
			if err == nil {
				for range set.Flows() {
				}
			}
		}
	})
}
