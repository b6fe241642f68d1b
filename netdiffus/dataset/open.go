package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// Open reads a set, in the order of the input's rows where these are known: a
// folder that Save, SaveAs or Convert wrote, in any layout, or the reference's
// own files without a manifest (a folder of classes' folders of per-flow
// files, a folder of per-class or sample files, or one such file; a class's
// name is that of its folder or file). Without a manifest the recipe is the
// reference's with an unknown scale: enough to train on, and to invert with
// OpenAs.
//
// Folders of PNG pictures and guided-diffusion's files of samples open as well;
// see OpenWith.
func Open(path string) (*Set, error) { return OpenAs(path, Recipe{}) }

// OpenAs is Open for files without a manifest that were made by recipe r,
// whose codec holds the scale. A Length of 0 is taken from the images. It
// refuses a folder with a manifest, which has its own recipe, unless r is the
// zero Recipe.
func OpenAs(path string, r Recipe) (*Set, error) { return OpenWith(path, OpenOptions{Recipe: r}) }

// OpenOptions say how to read what has no manifest, and pictures.
type OpenOptions struct {
	Recipe Recipe // see OpenAs
	// Side is the height and width that pictures get, as guided-diffusion's
	// loader gives it to them; 0 leaves them as they are, all of one size.
	Side int
	// Channels is what pictures get: 3 or 1; 0 means 1 where all are gray, else 3.
	Channels int
	// ClassFrom says what names the class of a file without a manifest.
	ClassFrom ClassFrom
	// Progress is told how many pictures of how many are read, by one goroutine
	// at a time; may be nil.
	Progress func(done, total int)
}

// ClassFrom says what names a file's class.
type ClassFrom string

const (
	// FromLeaf is the folder that the file lies in, or where it lies in none its
	// name before the first "_".
	FromLeaf ClassFrom = "leaf"
	// FromFirst is the first folder below the one that is opened.
	FromFirst ClassFrom = "first"
	// FromFile is the file's name before the first "_", which is guided-diffusion's
	// rule.
	FromFile ClassFrom = "file"
)

// OpenWith is Open with options.
//
// Without a manifest, files may lie beside each other, in the classes' folders
// or one level deeper (Youtube/vid1/vid1_1.png): PNG pictures, of any size with
// Side, or .npz files of one flow each. Pictures are kept with 8 bits a pixel.
// How they were coloured is told by their colours; a packet is taken to be a
// pixel wide where the recipe does not say otherwise.
func OpenWith(path string, o OpenOptions) (*Set, error) {
	r := o.Recipe
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if !info.IsDir() {
		if isArrays(path) {
			return openArrays(path, nil, o)
		}
		return openClasses([]source{{label: classOfFile(path), path: path}}, r)
	}
	m, err := readManifest(path)
	if errors.Is(err, fs.ErrNotExist) {
		return openForeign(path, o)
	}
	if err != nil {
		return nil, err
	}
	if !r.zero() {
		if m.Recipe.fitted() && (m.Recipe.Rendering == nil || m.Recipe.Rendering.Color != "") {
			return nil, fmt.Errorf("dataset: %s has a manifest with a scale of its own", path)
		}
		m.Recipe = m.Recipe.completed(r)
	}
	switch m.Layout {
	case Pictures:
		return openPictures(path, m, o)
	case Arrays:
		return openArrays(filepath.Join(path, m.arraysFile()), &m, o)
	}
	var sources []source
	for _, c := range m.Classes {
		sources = append(sources, source{label: c.Label, path: filepath.Join(path, c.Path), flows: c.Flows, counted: true})
	}
	if m.Layout == PerFlow {
		return openFlows(sources, m.Recipe)
	}
	return openClasses(sources, m.Recipe)
}

// source is where the images of one class lie.
type source struct {
	label   string
	path    string // a folder of per-flow files, or a file
	flows   int    // how many there should be
	counted bool   // flows is known
}

// openForeign opens a folder without a manifest.
func openForeign(dir string, o OpenOptions) (*Set, error) {
	r := o.Recipe
	if found, err := findFiles(dir); err != nil {
		return nil, err
	} else if len(found.pictures) > 0 {
		return openFound(dir, found, o)
	} else if found.nested() || o.ClassFrom == FromFile || flat(found) {
		return openNested(found, o)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var folders, files []source
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			if holdsFlows(path) {
				folders = append(folders, source{label: e.Name(), path: path})
			}
		case filepath.Ext(path) == ".npz":
			files = append(files, source{label: classOfFile(path), path: path})
		}
	}
	byLabel := func(a, b source) int { return strings.Compare(a.label, b.label) }
	slices.SortFunc(folders, byLabel)
	slices.SortFunc(files, byLabel) // their names sort otherwise: "a.npz" comes behind "a-b.npz"
	switch {
	case len(folders) > 0 && len(files) > 0:
		return nil, fmt.Errorf("dataset: %s holds .npz files both beside and inside of folders: which are the classes?", dir)
	case len(folders) > 0:
		return openFlows(folders, r)
	case len(files) == 1 && isArrays(files[0].path):
		return openArrays(files[0].path, nil, o)
	case len(files) > 0:
		return openClasses(files, r)
	}
	return nil, fmt.Errorf("dataset: %s holds neither %s nor .npz or .png files, by themselves or in folders for the classes", dir, manifestName)
}

// classOfFile is the class that a file without a manifest is of.
func classOfFile(path string) string {
	stem := strings.TrimSuffix(filepath.Base(path), ".npz")
	return strings.TrimSuffix(stem, strings.TrimSuffix(samplesEnding, ".npz"))
}

// holdsFlows tells whether a folder has a .npz file.
func holdsFlows(dir string) bool {
	entries, _ := os.ReadDir(dir)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return filepath.Ext(e.Name()) == ".npz" })
}

// newSet returns an empty set of the classes, whose recipe fits images of that
// size. Without any image size is 0.
func newSet(sources []source, r Recipe, size int) (*Set, error) {
	if r.Length == 0 && size > 0 {
		r.Length = size // true of all image kinds
	}
	r = r.withDefaults()
	if want := r.Image.Size(r.Length); size != 0 && size != want {
		return nil, fmt.Errorf("images of size %d, want %d for %d packets", size, want, r.Length)
	}
	s := &Set{Recipe: r}
	for _, c := range sources {
		s.Classes = append(s.Classes, c.label)
	}
	return s, checkClasses(s.Classes)
}

// checkClasses tells whether the classes are in order, and each is there once.
func checkClasses(classes []string) error {
	for i := 1; i < len(classes); i++ {
		if classes[i] == classes[i-1] {
			return fmt.Errorf("class %q is there twice", classes[i])
		}
		if classes[i] < classes[i-1] {
			return fmt.Errorf("class %q is not in sorted order", classes[i])
		}
	}
	return nil
}

// checkShape takes the shape of images of so many channels, without the number
// of images, and returns their size.
func checkShape(shape []int, dtype string, channels int) (size int, err error) {
	whole := shape
	if len(shape) == 3 && shape[2] == channels {
		whole = shape[:2]
	} else if channels > 1 {
		whole = nil
	}
	if len(whole) != 2 || shape[0] != shape[1] || shape[0] < 1 || shape[0] > maxLength {
		return 0, fmt.Errorf("shape %v, want a square image of %d channel(s)", shape, channels)
	}
	shape = whole
	if dtype[0] != 'f' {
		return 0, fmt.Errorf("elements of type %s, want float64 or float32", dtype)
	}
	return shape[0], nil
}

// checkFinite tells whether all pixels are numbers.
func checkFinite(pixels []float64) error {
	for i, p := range pixels {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return fmt.Errorf("value %d is %v", i, p)
		}
	}
	return nil
}

// imageKey finds the images in a file: under the name they should have, or the
// one array there is.
func imageKey(f *npz.File, name string) string {
	if keys := f.Keys(); !f.Has(name) && len(keys) == 1 {
		return keys[0]
	}
	return name
}
