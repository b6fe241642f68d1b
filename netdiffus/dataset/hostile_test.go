package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

var hostileLabels = []string{
	"", ".", "..", "../../x", "/etc/passwd", `a\b`, `C:\x`, "a/b", "a\x00b", "a\nb", "\xff\xfe",
	strings.Repeat("x", 300), strings.Repeat("x", 299) + "y", strings.Repeat("é", 90),
	"App", "app", "APP", "con", "NUL.txt", "com1", "lpt9.x", "console", "-rf", ".hidden", " blank", "dot.", "a b.c-d_e",
	"manifest.json", "manifest.json.npz", "x.npz", "x_synthetic_samples", "%2E", "%2e", "%empty", "App~b2d6e5", "日本", "*?<>|\"",
}

// TestHostileLabels converts and opens flows with labels that are no file
// names.
func TestHostileLabels(t *testing.T) {
	var flows []traffic.Flow
	for i, label := range hostileLabels {
		flows = append(flows, flow(label, up(i), down(100+i)))
	}
	for _, layout := range []Layout{PerFlow, PerClass, Samples} {
		t.Run(string(layout), func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "set")
			if _, err := Convert(context.Background(), traffic.All(flows), Recipe{}, dir, ConvertOptions{SaveOptions: SaveOptions{Layout: layout}}); err != nil {
				t.Fatal(err)
			}
			checkEntries(t, parent, "set")
			set, err := Open(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkFlows(t, collect(t, set.Traffic()), flows)
			if want := slices.Sorted(slices.Values(hostileLabels)); !slices.Equal(set.Classes, want) {
				t.Errorf("classes %q, want %q", set.Classes, want)
			}
		})
	}
}

func TestFileNames(t *testing.T) {
	seen := map[string]string{}
	for i, name := range FileNames(hostileLabels) {
		label := hostileLabels[i]
		folded := strings.ToLower(name)
		if other, taken := seen[folded]; taken {
			t.Errorf("%q and %q share the name %q on systems that ignore case", label, other, name)
		}
		seen[folded] = label
		if len(name) > 255-len("_18446744073709551615.npz") || name == "" || strings.Trim(name, ". ") != name || !filepath.IsLocal(name) {
			t.Errorf("%q has the name %q", label, name)
		}
		if i := strings.IndexFunc(name, func(r rune) bool { return r <= ' ' && r != ' ' || r > '~' || strings.ContainsRune(`/\:*?"<>|`, r) }); i >= 0 {
			t.Errorf("%q has the name %q, not safe at byte %d", label, name, i)
		}
	}
	for label, want := range map[string]string{
		"KakaoTalk": "KakaoTalk", "D-LinkHomeHub": "D-LinkHomeHub", "a b.c-d_e": "a b.c-d_e", "x1": "x1", "../../x": "%2E.%2F..%2Fx", "": "%empty", "-rf": "%2Drf",
	} {
		if got := FileNames([]string{label})[0]; got != want {
			t.Errorf("%q has the name %q, want %q", label, got, want)
		}
	}
	// The name does not depend on the order, nor on unrelated labels.
	if a, b := FileNames([]string{"App", "app", "x"}), FileNames([]string{"app", "App"}); a[0] != b[1] || a[1] != b[0] {
		t.Errorf("twins have names %q and %q", a, b)
	}
}

// checkEntries tells whether the folder holds just these names.
func checkEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// TestConvertFailureLeavesNothing fails in every stage.
func TestConvertFailureLeavesNothing(t *testing.T) {
	good := sample()
	boom := errors.New("boom")
	failing := func(pass, at int) iter.Seq2[traffic.Flow, error] {
		passes := 0
		return func(yield func(traffic.Flow, error) bool) {
			passes++
			for i, f := range good {
				if passes == pass && i == at {
					yield(traffic.Flow{}, boom)
					return
				}
				if !yield(f, nil) {
					return
				}
			}
		}
	}
	changing := func(second ...traffic.Flow) iter.Seq2[traffic.Flow, error] {
		passes := 0
		return func(yield func(traffic.Flow, error) bool) {
			flows := good
			if passes++; passes == 2 {
				flows = second
			}
			for _, f := range flows {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
	for name, c := range map[string]struct {
		flows iter.Seq2[traffic.Flow, error]
		r     Recipe
		o     ConvertOptions
		about string
	}{
		"first pass":     {failing(1, 3), Recipe{}, ConvertOptions{}, "boom"},
		"second pass":    {failing(2, 3), Recipe{}, ConvertOptions{}, "boom"},
		"no flows":       {traffic.All(nil), Recipe{}, ConvertOptions{}, "no flows"},
		"a flow less":    {changing(good[:5]...), Recipe{}, ConvertOptions{}, "changed"},
		"another class":  {changing(flow("new", up(1))), Recipe{}, ConvertOptions{}, "changed"},
		"a larger value": {changing(flow("web", up(60000))), Recipe{}, ConvertOptions{}, "outside the scale"},
		"empty flow":     {traffic.All([]traffic.Flow{good[0], flow("web")}), Recipe{}, ConvertOptions{}, "row 1: a flow without packets"},
		"constant":       {traffic.All([]traffic.Flow{flow("a", up(5)), flow("b", up(5))}), Recipe{SeriesLength: 1}, ConvertOptions{}, "constant"},
		"beyond scale":   {traffic.All(good), Recipe{Channels: []Channel{{Codec: codec.MinMax{Min: -600, Max: 600}}}}, ConvertOptions{}, "row 0: codec: minmax: value 1460"},
		"length":         {traffic.All(good), Recipe{SeriesLength: -1}, ConvertOptions{}, "length -1"},
		"too long":       {traffic.All(good), Recipe{SeriesLength: 1 << 30}, ConvertOptions{}, "length"},
		"layout":         {traffic.All(good), Recipe{}, ConvertOptions{SaveOptions: SaveOptions{Layout: "zip"}}, `layout "zip"`},
		"unknown class":  {traffic.All(good), Recipe{}, ConvertOptions{Classes: []string{"web", "ssh"}}, `"ssh"`},
		"input is named": {traffic.All([]traffic.Flow{flow("a")}), Recipe{}, ConvertOptions{SaveOptions: SaveOptions{Inputs: []provenance.File{{Path: "f.parquet"}}}}, "f.parquet: row 0"},
	} {
		for _, layout := range []Layout{PerFlow, PerClass} {
			t.Run(name+" "+string(layout), func(t *testing.T) {
				if c.o.Layout == "" {
					c.o.Layout = layout
				}
				parent := t.TempDir()
				_, err := Convert(context.Background(), c.flows, c.r, filepath.Join(parent, "a", "b", "set"), c.o)
				if err == nil || !strings.Contains(err.Error(), c.about) {
					t.Errorf("error %v, want one about %q", err, c.about)
				}
				if strings.Count(fmt.Sprint(err), "dataset: ") > 1 {
					t.Errorf("error %v names the package twice", err)
				}
				checkEntries(t, parent)
			})
			if strings.Contains(name, "pass") || c.about == "changed" || name == "a larger value" {
				break // these flows change from pass to pass
			}
		}
	}
}

func TestConvertCancelled(t *testing.T) {
	var flows []traffic.Flow
	for range 500 {
		flows = append(flows, sample()...)
	}
	for _, layout := range []Layout{PerFlow, PerClass} {
		for _, writing := range []bool{false, true} {
			parent := t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			_, err := Convert(ctx, traffic.All(flows), Recipe{}, filepath.Join(parent, "set"), ConvertOptions{
				SaveOptions: SaveOptions{Layout: layout},
				Progress: func(completed, total int) {
					if (total > 0) == writing && completed > 1000 {
						cancel()
					}
				},
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: error %v, want context.Canceled", layout, err)
			}
			checkEntries(t, parent)
			cancel()
		}
	}
}

// TestFoldersAreKept: only an earlier output is ever replaced, and only when
// asked for.
func TestFoldersAreKept(t *testing.T) {
	set, err := Build(traffic.All(sample()), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	dir := filepath.Join(parent, "set")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := set.Save(dir, nil); err != nil {
		t.Errorf("an empty folder is refused: %v", err)
	}
	others, err := Build(traffic.All(sample()[1:]), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	if err := others.Save(dir, nil); err == nil || !strings.Contains(err.Error(), "earlier output") {
		t.Errorf("over an earlier output: %v", err)
	}
	if err := set.Save(dir, &SaveOptions{Layout: PerClass}); err == nil || !strings.Contains(err.Error(), "earlier output") {
		t.Errorf("over an earlier output in another layout: %v", err)
	}
	if err := set.Save(dir, &SaveOptions{Layout: PerClass, Overwrite: true}); err != nil {
		t.Errorf("asked to overwrite: %v", err)
	}
	checkEntries(t, dir, "dns.npz", "manifest.json", "video.npz", "web.npz")
	mine := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(mine, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := set.Save(dir, &SaveOptions{Overwrite: true}); err == nil || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("over a folder with another file in it: %v", err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "x"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := set.Save(other, &SaveOptions{Overwrite: true}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over a folder that is no output: %v", err)
	}
	if err := set.Save(mine, nil); err == nil {
		t.Error("over a file: no error")
	}
	checkEntries(t, parent, "set")
}

// TestSaveTwice: saving the same set again succeeds and touches nothing; where a
// file of it was spoilt or is missing, it is not the same set.
func TestSaveTwice(t *testing.T) {
	for _, layout := range []Layout{PerFlow, PerClass, Samples} {
		set, err := Build(traffic.All(sample()), Recipe{})
		if err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "set")
		o := SaveOptions{Layout: layout}
		if err := set.Save(dir, &o); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Save(dir, &o); err != nil {
			t.Errorf("%s: saved again: %v", layout, err)
		}
		if after, err := os.Stat(dir); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("%s: saving again changed the folder (%v)", layout, err)
		}
		checkEntries(t, parent, "set")

		var files []string
		filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
			if filepath.Ext(path) == ".npz" {
				files = append(files, path)
			}
			return nil
		})
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := os.WriteFile(files[0], text, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := set.Save(dir, &o); err == nil {
			t.Errorf("%s: a spoilt file passes for the same", layout)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		if err := set.Save(dir, &o); err == nil {
			t.Errorf("%s: a missing file passes for the same", layout)
		}
	}
}

// TestLyingFiles spoils one thing after another in a good set.
func TestLyingFiles(t *testing.T) {
	set, err := Build(traffic.All(sample()), Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	image := npz.Named{Name: "gasf", Array: npz.New(slices.Clone(set.Images.At(0)), 10, 10)}
	nan := npz.Named{Name: "gasf", Array: npz.New(append([]float64{math.NaN()}, set.Images.At(0)[1:]...), 10, 10)}
	many := func(n, size int) npz.Named {
		return npz.Named{Name: "images", Array: npz.New(make([]float32, n*size*size), n, size, size, 1)}
	}
	ints := func(name string, v ...int64) npz.Named { return npz.Named{Name: name, Array: npz.New(v)} }
	write := func(path string, arrays ...npz.Named) func(dir string) error {
		return func(dir string) error { return npz.Write(filepath.Join(dir, path), arrays...) }
	}
	text := func(path string, data string) func(dir string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, path), []byte(data), 0o666) }
	}
	edit := func(old, new string) func(dir string) error {
		return func(dir string) error {
			path := filepath.Join(dir, manifestName)
			data, err := os.ReadFile(path)
			if err == nil && !strings.Contains(string(data), old) {
				err = fmt.Errorf("no %q in %s", old, data)
			}
			if err != nil {
				return err
			}
			// Who edits a manifest can make its sum anew, or leave it out.
			data = regexp.MustCompile(`,\s*"manifest_sha256": "[0-9a-f]*"`).ReplaceAll(data, nil)
			return os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o666)
		}
	}
	for name, c := range map[string]struct {
		layout Layout
		spoil  func(dir string) error
		about  string
	}{
		"manifest empty":   {PerFlow, text(manifestName, ""), "manifest.json"},
		"manifest foreign": {PerFlow, text(manifestName, `{"name": "x"}`), "format"},
		"manifest newer":   {PerFlow, edit(`"version": 1`, `"version": 2`), "version 2"},
		"layout":           {PerFlow, edit(`"per-flow"`, `"zip"`), "layout"},
		"path above":       {PerFlow, edit(`"path": "dns"`, `"path": "../dns"`), "manifest's folder"},
		"path absolute":    {PerClass, edit(`"path": "dns.npz"`, `"path": "/etc/passwd"`), "manifest's folder"},
		"order":            {PerFlow, edit(`"label": "dns"`, `"label": "zzz"`), "sorted"},
		"feature":          {PerFlow, edit("signed_length", "colour"), "colour"},
		"codec":            {PerFlow, edit("minmax", "zip"), "zip"},
		"image":            {PerFlow, edit(`"gasf"`, `"fft"`), "fft"},
		"length":           {PerFlow, edit(`"length": 10`, `"length": 11`), "want 11"},
		"length huge":      {PerFlow, edit(`"length": 10`, `"length": 1000000000`), "length"},
		"scale":            {PerFlow, edit(`"min": -800`, `"min": 99999`), ""},
		"flow missing":     {PerFlow, func(dir string) error { return os.Remove(filepath.Join(dir, "dns", "dns_1.npz")) }, "manifest counts 2"},
		"folder missing":   {PerFlow, func(dir string) error { return os.RemoveAll(filepath.Join(dir, "dns")) }, "dns"},
		"file missing":     {PerClass, func(dir string) error { return os.Remove(filepath.Join(dir, "dns.npz")) }, "dns.npz"},
		"row name": {PerFlow, func(dir string) error {
			return os.Rename(filepath.Join(dir, "dns", "dns_1.npz"), filepath.Join(dir, "dns", "dns_x.npz"))
		}, "_ROW.npz"},
		"empty file":         {PerFlow, text("dns/dns_1.npz", ""), "dns_1.npz"},
		"text file":          {PerFlow, text("dns/dns_1.npz", "hello"), "dns_1.npz"},
		"other key":          {PerFlow, write("dns/dns_1.npz", ints("a", 1), ints("b", 1)), "no such array"},
		"other shape":        {PerFlow, write("dns/dns_1.npz", npz.Named{Name: "gasf", Array: npz.New(make([]float64, 81), 9, 9)}), "size 9"},
		"not square":         {PerFlow, write("dns/dns_1.npz", npz.Named{Name: "gasf", Array: npz.New(make([]float64, 20), 10, 2)}), "square"},
		"whole numbers":      {PerFlow, write("dns/dns_1.npz", npz.Named{Name: "gasf", Array: npz.New(make([]int64, 100), 10, 10)}), "i8"},
		"NaN":                {PerFlow, write("dns/dns_1.npz", nan), "NaN"},
		"11 packets":         {PerFlow, write("dns/dns_1.npz", image, ints("length", 11)), "11"},
		"-1 packets":         {PerFlow, write("dns/dns_1.npz", image, ints("length", -1)), "length"},
		"two lengths":        {PerFlow, write("dns/dns_1.npz", image, ints("length", 1, 2)), "length"},
		"place out of range": {PerFlow, write("dns/dns_1.npz", image, ints("length", 3), ints("zero_down", 3)), "packet 3 of 3"},
		"place negative":     {PerFlow, write("dns/dns_1.npz", image, ints("length", 3), ints("zero_down", -1)), "packet -1"},
		"one image less":     {PerClass, write("dns.npz", many(1, 10)), "manifest counts 2"},
		"other size":         {PerClass, write("dns.npz", many(2, 9)), "size"},
		"two dimensions":     {PerClass, write("dns.npz", npz.Named{Name: "images", Array: npz.New(make([]float64, 20), 2, 10)}), "[N,L,L,1]"},
		"many of size 0":     {PerClass, write("dns.npz", npz.Named{Name: "images", Array: npz.New([]float64{}, 1<<40, 0, 0, 1)}), "want an image of 1 channel"},
		"lengths short":      {PerClass, write("dns.npz", many(2, 10), ints("lengths", 1)), "lengths"},
		"rows not whole":     {PerClass, write("dns.npz", many(2, 10), npz.Named{Name: "rows", Array: npz.New([]float64{0.5, 1})}), "rows"},
		"pairs odd":          {PerClass, write("dns.npz", many(2, 10), ints("lengths", 1, 1), ints("zero_down", 0, 0, 1)), "pairs"},
		"pair beyond":        {PerClass, write("dns.npz", many(2, 10), ints("lengths", 1, 1), ints("zero_down", 2, 0)), "image 2 of 2"},
		"no manifest, mixed": {PerFlow, func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, manifestName)), write("dns.npz", many(2, 10))(dir))
		}, "which are the classes"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "set")
			if err := set.Save(dir, &SaveOptions{Layout: c.layout}); err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(dir); err != nil {
				t.Fatal(err)
			}
			opened, err := Open(dir, nil)
			if c.about == "" { // opens, but gives nonsense: must not panic
				for range opened.Flows() {
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.about) {
				t.Errorf("Open = %v, want an error about %q", err, c.about)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "nothing"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of nothing = %v", err)
	}
	if _, err := Open(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "manifest.json") {
		t.Errorf("Open of an empty folder = %v, want what was looked for", err)
	}
}

// TestHandMadeSets: sets put together by hand are checked before they are used.
func TestHandMadeSets(t *testing.T) {
	good := func() *Set {
		return &Set{
			Encoding: MustEncoding(Recipe{Channels: []Channel{{Codec: codec.MinMax{Max: 1}}}}), Classes: []string{"a"},
			Images: imaging.New(2, 10, 10, 1), Labels: []int{0, 0}, SeriesLengths: []int{3, -1},
		}
	}
	for name, spoil := range map[string]func(s *Set){
		"labels short":   func(s *Set) { s.Labels = s.Labels[:1] },
		"label unknown":  func(s *Set) { s.Labels[0] = 1 },
		"label negative": func(s *Set) { s.Labels[0] = -1 },
		"length":         func(s *Set) { s.SeriesLengths[0] = 11 },
		"image size":     func(s *Set) { s.Images = imaging.New(2, 9, 9, 1) },
		"channels":       func(s *Set) { s.Images = imaging.New(2, 10, 10, 3) },
		"images short":   func(s *Set) { s.Images.Data = s.Images.Data[:150] },
		"classes":        func(s *Set) { s.Classes = []string{"b", "a"} },
		"class twice":    func(s *Set) { s.Classes = []string{"a", "a"} },
		"rows":           func(s *Set) { s.Rows = []int{1} },
	} {
		s := good()
		spoil(s)
		if _, err := traffic.Collect(s.Traffic()); err == nil {
			t.Errorf("%s: Flows gives no error", name)
		}
		if err := s.Save(filepath.Join(t.TempDir(), "x"), nil); err == nil {
			t.Errorf("%s: Save gives no error", name)
		}
		if _, _, err := s.Split(0.5, 1); err == nil {
			t.Errorf("%s: Split gives no error", name)
		}
	}
	if _, err := traffic.Collect(good().Traffic()); err != nil {
		t.Errorf("the set that the others are made of: %v", err)
	}
}

// TestForeignNames: folders without a manifest whose file names sort otherwise
// than their classes, and two files of one class.
func TestForeignNames(t *testing.T) {
	images := npz.Named{Name: "images", Array: npz.New(make([]float32, 200), 2, 10, 10, 1)}
	for _, files := range [][]string{
		{"Video_synthetic_samples.npz", "Video_HD_synthetic_samples.npz"},
		{"Video.npz", "Video-HD.npz", "._Video.npz"},
	} {
		dir := t.TempDir()
		for _, file := range files {
			if err := npz.Write(filepath.Join(dir, file), images); err != nil {
				t.Fatal(err)
			}
		}
		set, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Classes) != 2 || set.Classes[0] != "Video" || set.Len() != 4 || set.Encoding.Fitted() {
			t.Errorf("%q open as %d images of %q", files, set.Len(), set.Classes)
		}
		if err := npz.Write(filepath.Join(dir, "Video.npz"), images); err != nil {
			t.Fatal(err)
		}
		if err := npz.Write(filepath.Join(dir, "Video_synthetic_samples.npz"), images); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), `duplicate class "Video"`) {
			t.Errorf("two files of one class: %v", err)
		}
	}
}

// FuzzOpen opens any file of images, and inverts what it opens.
func FuzzOpen(f *testing.F) {
	add := func(arrays ...npz.Named) {
		var b bytes.Buffer
		if err := npz.Encode(&b, arrays...); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	images := npz.Named{Name: "images", Array: npz.New(make([]float64, 18), 2, 3, 3, 1)}
	ints := func(name string, v ...int64) npz.Named { return npz.Named{Name: name, Array: npz.New(v)} }
	add(images)
	add(images, ints("lengths", 3, 1), ints("rows", 5, 2), ints("zero_down", 0, 2))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "a.npz")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		set, err := Open(path, &OpenOptions{Recipe: Recipe{Channels: []Channel{{Codec: codec.MinMax{Min: -1460, Max: 1460}}}}})
		if err != nil {
			return
		}
		for flow, err := range set.Flows() {
			if err != nil || len(flow.Packets) > set.Encoding.SeriesLength() {
				t.Fatalf("%d packets, %v", len(flow.Packets), err)
			}
		}
	})
}

// FuzzManifest reads any manifest. One that is taken survives being written.
func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	set, err := Build(traffic.All(sample()), Recipe{})
	if err != nil {
		f.Fatal(err)
	}
	if err := set.Save(filepath.Join(dir, "set"), &SaveOptions{Inputs: []provenance.File{{Path: "a"}}}); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "set", manifestName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":"netdiffus dataset","version":1,"layout":"samples","recipe":{"length":2,"feature":"signed_length","codec":{"name":"atoms","tables":{"a":[{"values":[1],"weights":[1],"padding":0},{"values":[2],"weights":[1],"padding":0}]}},"more_channels":[{"feature":"inter_arrival","codec":{"name":"atoms","bins":2,"tables":{"a":[{"values":[0],"weights":[1],"padding":0,"beside":[{"k":[0],"n":[1]}]},{"values":[3],"weights":[1],"padding":0}]}}}],"image":{"name":"gasf"}},"classes":[{"label":"a","path":"a"}]}`))
	f.Add([]byte(`{"format":"netdiffus dataset","version":1,"layout":"samples","recipe":{"length":3,"feature":"length","codec":{"name":"atoms"},"image":{"name":"mtf","bins":3}},"classes":[{"label":"?","label_hex":"ff","path":"x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := encodings{}.parseManifest(data)
		if err != nil {
			return
		}
		for _, c := range m.Classes {
			if filepath.Dir(c.Path) != "." || strings.ContainsAny(c.Path, `/`) {
				t.Fatalf("path %q leads elsewhere", c.Path)
			}
		}
		dir := t.TempDir()
		if err := m.write(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := readManifest(dir); err != nil {
			t.Fatalf("what was read, %+v, does not survive being written: %v", m, err)
		}
	})
}

func FuzzReadLabelMap(f *testing.F) {
	f.Add("label,index\nchat,0\nssh,1\n")
	f.Add("\"a\nb\",1\nc,0")
	f.Add("a,1000000000\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, err := ReadLabelMap(strings.NewReader(text))
		if err == nil && slices.Contains(names, "") {
			t.Errorf("ReadLabelMap(%q) = %q, with a name that is empty", text, names)
		}
	})
}
