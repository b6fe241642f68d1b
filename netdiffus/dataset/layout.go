package dataset

import (
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
)

// Layout is how a set lies in files.
type Layout string

const (
	// PerFlow is one file a flow, LABEL/LABEL_row.npz, with the image under
	// the image kind's name: the reference's "gasf", float64 [L,L], or [L,L,C]
	// where there are several channels. Next to it stand "length", the flow's
	// number of packets, where it has packets of 0 bytes from the server
	// their places, "zero_down", and of a window of a trace the trace's number,
	// "trace".
	PerFlow Layout = "per-flow"
	// PerClass is one file a class, LABEL.npz, key "images", float64
	// [N,L,L,C], with "lengths" [N], "rows" [N], "zero_down" [K,2]: image
	// and place, and of windows of traces "traces" [N].
	PerClass Layout = "per-class"
	// Samples is PerClass in float32, in files LABEL_synthetic_samples.npz:
	// what the reference's sampler writes. Lengths and rows are there only if
	// they are known.
	Samples Layout = "samples"

	// Pictures is one PNG a flow, LABEL/LABEL_row.png, for recipes with a
	// rendering. What pictures do not hold stands in flows.csv.
	Pictures Layout = "png"
	// Arrays is guided-diffusion's file of samples, samples_NxHxWxC.npz, for
	// recipes with a rendering: arr_0 are all pictures, uint8 [N,H,W,C], arr_1
	// the numbers of their classes, int64 [N], which label_map.csv names.
	Arrays Layout = "samples-npz"
)

// layout is one way in which sets lie in files. Each is a file of this package.
type layout interface {
	name() Layout
	// pictures reports whether the images are pictures of 8 bits a pixel.
	pictures() bool
	// detect reports whether files without a manifest are in this layout.
	detect(f found) bool
	// open begins to read the set. What the files say of themselves is checked before
	// the images are.
	open(f found, o OpenOptions) (*reading, error)
	// create begins the set's files in the folder dir.
	create(dir string, o SaveOptions, c contents) (writer, placement, error)
}

// layouts are all there are, in the order in which files without a manifest are
// tried.
var layouts = []layout{pictureFiles{}, arrayFile{}, flowFiles{}, perClass, samples}

// layoutNamed returns the layout of that name.
func layoutNamed(name Layout) (layout, error) {
	i := slices.IndexFunc(layouts, func(l layout) bool { return l.name() == name })
	if i < 0 {
		return nil, fmt.Errorf("unknown layout %q", name)
	}
	return layouts[i], nil
}

// layout returns the layout that a set of numbers or pictures is saved in.
// Pictures have two, one with a file a flow and one with a file for many.
func (o SaveOptions) layout(pictures bool) (layout, error) {
	name := o.Layout
	switch {
	case !pictures && name == "":
		name = PerFlow
	case pictures && (name == "" || name == PerFlow):
		name = Pictures
	case pictures && (name == PerClass || name == Samples):
		name = Arrays
	}
	if l, err := layoutNamed(name); err == nil && l.pictures() == pictures {
		return l, nil
	}
	var names []Layout
	for _, l := range layouts {
		if l.pictures() == pictures {
			names = append(names, l.name())
		}
	}
	return nil, fmt.Errorf("dataset: layout %q: want one of %v", o.Layout, names)
}

// contents describe the set that is to be written.
type contents struct {
	encoding *Encoding
	classes  []string
	counts   []int // images of each class
	known    bool  // the flows' lengths and rows are
	seen     *connections.Statistics
}

// placement is where a layout puts a set, in names relative to its folder.
type placement struct {
	classes []string // each class's folder or file
	others  []string // further files
}

// writer writes images into a staged folder. add may be called by several
// goroutines where parallel returns true.
type writer interface {
	add(label, row int, e encoded) error
	parallel() bool
	close() error // completes the files
	abort()       // closes what is open; after close it does nothing
}
