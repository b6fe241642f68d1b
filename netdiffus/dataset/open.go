package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// OpenOptions are Open's, for files without a manifest and for pictures.
type OpenOptions struct {
	// Recipe is how files without a manifest were made: its codecs hold the scale. A
	// SeriesLength of 0 is taken from the images. A folder with a manifest has an
	// encoding of its own and is refused with a Recipe other than the zero one,
	// unless that encoding lacks what Recipe holds.
	Recipe Recipe
	// Side is the height and width that pictures are resized to, as
	// guided-diffusion's loader does; 0 leaves them as they are, all of one size.
	Side int
	// Channels is what pictures are converted to: 3 or 1; 0 means 1 where all are
	// gray, else 3.
	Channels int
	// ClassFrom is what names the class of a file without a manifest; "" means
	// FromLeaf.
	ClassFrom ClassFrom
	// Progress is called with the number of pictures read and of all, by one goroutine
	// at a time; it may be nil.
	Progress func(completed, total int)

	// chosen are the images to read of each class, as their numbers in it, in rising
	// order; nil means all. A layout may leave it to others (choice.of).
	chosen choice
}

// ClassFrom is what names a file's class.
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

// Open reads a set, in the order of the input's rows where these are known: a
// folder that Save or Convert wrote, in any layout, or files without a manifest.
// nil options stand for their zero value.
//
// Files without a manifest are the reference's (a folder of classes' folders of
// per-flow files, a folder of per-class or sample files, or one such file; a
// class's name is that of its folder or file), guided-diffusion's files of samples,
// or PNG pictures. Files of one flow each may lie next to each other, in the
// classes' folders or one level deeper (Youtube/vid1/vid1_1.png). Without
// OpenOptions.Recipe their encoding is the reference's with an unknown scale: enough
// to train on. Pictures are kept with 8 bits a pixel. How they were coloured is
// detected from their colours; a packet is taken to be a pixel wide where the recipe
// has no SeriesLength.
func Open(path string, options *OpenOptions) (*Set, error) {
	var o OpenOptions
	if options != nil {
		o = *options
	}
	f, err := find(path, o.ClassFrom)
	if err != nil {
		return nil, err
	}
	return f.openWhole(o)
}

// find lists what is at path: a manifest, or files without one.
func find(path string, from ClassFrom) (found, error) {
	info, err := os.Stat(path)
	if err != nil {
		return found{}, fmt.Errorf("dataset: %w", err)
	}
	f := found{path: path, folder: info.IsDir(), classFrom: from}
	if !f.folder {
		f.arrays = []foundFile{{path: path}}
		return f, nil
	}
	m, err := readManifest(path)
	if errors.Is(err, fs.ErrNotExist) {
		if InShards(path) {
			return f, fmt.Errorf("dataset: %s holds shards of a set: merge them first", path)
		}
		return f, f.list()
	}
	f.manifest = &m
	return f, err
}

// encoding returns the manifest's encoding, completed by the options, or theirs.
func (f found) encoding(o OpenOptions) (*Encoding, error) {
	if f.manifest == nil {
		return NewEncoding(o.Recipe)
	}
	e := f.manifest.Encoding
	if o.Recipe.empty() {
		return e, nil
	}
	if e.Fitted() {
		return nil, fmt.Errorf("dataset: %s has a manifest with a scale of its own", f.path)
	}
	return e.completed(o.Recipe)
}

// completed is e, which a manifest held, with what r has and e lacks.
func (e *Encoding) completed(r Recipe) (*Encoding, error) {
	out := e.recipe
	out.Channels = e.Channels()
	for i, c := range r.Channels[:min(len(r.Channels), len(out.Channels))] {
		if c.Feature != nil && e.recipe.Record == Flows {
			out.Channels[i].Feature = c.Feature
		}
		if c.Codec != nil && !e.hasCodecs() {
			out.Channels[i].Codec = c.Codec
		}
	}
	if p := out.Rendering; p != nil {
		if r.SeriesLength != 0 {
			out.SeriesLength = r.SeriesLength
		}
		if r.Rendering != nil && p.Color == "" {
			known := *p
			known.Color, known.Gamma = r.Rendering.Color, r.Rendering.Gamma
			out.Rendering = &known
		}
	}
	return NewEncoding(out)
}

// head returns a set of images of numbers of that size, without the images and the classes;
// without any image size is 0.
func (f found) head(o OpenOptions, e *Encoding, size int) (*Set, error) {
	if f.manifest == nil && o.Recipe.SeriesLength == 0 && size > 0 {
		r := e.recipe
		r.SeriesLength = size // true of all kinds of image
		var err error
		if e, err = NewEncoding(r); err != nil {
			return nil, err
		}
	}
	if size != 0 && size != e.Size() {
		return nil, fmt.Errorf("dataset: %s: images of size %d, want %d for %d %s", f.path, size, e.Size(), e.SeriesLength(), e.recipe.Record.Places())
	}
	h, w := e.Shape()
	return &Set{Encoding: e, Images: imaging.New(0, h, w, len(e.recipe.Channels))}, nil
}

// checkClasses reports classes that are out of order, or there more than once.
func checkClasses(classes []string) error {
	for i := 1; i < len(classes); i++ {
		if classes[i] == classes[i-1] {
			return fmt.Errorf("duplicate class %q", classes[i])
		}
		if classes[i] < classes[i-1] {
			return fmt.Errorf("class %q is not in sorted order", classes[i])
		}
	}
	return nil
}

// checkShape takes the shape of images, without the number of them, and returns their
// width.
func (e *Encoding) checkShape(shape []int, dtype string) (size int, err error) {
	whole, channels := shape, len(e.recipe.Channels)
	if len(shape) == 3 && shape[2] == channels {
		whole = shape[:2]
	} else if channels > 1 {
		whole = nil
	}
	if len(whole) != 2 || shape[1] < 1 || shape[1] > maxLength {
		return 0, fmt.Errorf("shape %v, want an image of %d channel(s)", shape, channels)
	}
	if h, w := imaging.Shape(e.recipe.Image, shape[1]); h != shape[0] || w != shape[1] {
		return 0, fmt.Errorf("shape %v, want an image of %d x %d and %d channel(s)", shape, h, w, channels)
	}
	if dtype[0] != 'f' {
		return 0, fmt.Errorf("elements of type %s, want float64 or float32", dtype)
	}
	return shape[1], nil
}

// checkFinite reports pixels that are not numbers.
func checkFinite(pixels []float64) error {
	for i, p := range pixels {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return fmt.Errorf("value %d is %v", i, p)
		}
	}
	return nil
}

// imageKey returns the name of the images in a file: the one they should have, or
// that of the only array there is.
func imageKey(f *npz.File, name string) string {
	if keys := f.Keys(); !f.Has(name) && len(keys) == 1 {
		return keys[0]
	}
	return name
}
