package dataset

import (
	"context"
	"iter"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Layout is how a set lies in files.
type Layout string

const (
	// PerFlow is one file a flow, LABEL/LABEL_row.npz, key "gasf", float64
	// [L,L]: the reference's.
	PerFlow Layout = "per-flow"
	// PerClass is one file a class, LABEL.npz, key "images", float64
	// [N,L,L,1].
	PerClass Layout = "per-class"
	// Samples is one file a class, LABEL_synthetic_samples.npz, key "images",
	// float32 [N,L,L,1]: what the reference's sampler writes. No lengths.
	Samples Layout = "samples"
)

// SaveOptions say how a set is written.
type SaveOptions struct {
	Layout    Layout  // "" means PerFlow
	Overwrite bool    // replace an earlier set in the folder; other files are never replaced
	Inputs    []Input // the files that the flows came from, for the manifest
}

// Input is a file as the manifest records it.
type Input struct {
	File   string `json:"file"` // base name
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Hash reads the file and describes it.
func Hash(path string) (Input, error) { panic("not built yet") }

// Save writes the set into the folder dir, one file a flow, with a manifest.
// The folder must be new or empty. It appears when everything is written; on
// an error nothing is left.
func (s *Set) Save(dir string) error { return s.SaveAs(dir, SaveOptions{}) }

// SaveAs is Save with options.
func (s *Set) SaveAs(dir string, o SaveOptions) error { panic("not built yet") }

// Open reads a set: a folder that Save, SaveAs or Convert wrote in any layout,
// or the reference's own files without a manifest (folders of per-flow files,
// a folder of per-class or sample files, or one such file). Without a manifest
// the recipe is the reference's with an unknown scale: enough to train on, and
// to invert with OpenAs.
func Open(path string) (*Set, error) { return OpenAs(path, Recipe{}) }

// OpenAs is Open for files without a manifest that were made by recipe r,
// whose codec holds the scale. A Length of 0 is taken from the images.
func OpenAs(path string, r Recipe) (*Set, error) { panic("not built yet") }

// ConvertOptions say how Convert writes, and who watches.
type ConvertOptions struct {
	SaveOptions
	Classes  []string         // convert only these; nil means all
	Progress func(p Progress) // called some times a second; may be nil
}

// Progress is how far Convert is.
type Progress struct {
	Stage string // "reading" (learns the scale and the classes) or "converting"
	Done  int    // flows
	Total int    // flows; 0 while not known
}

// Report is what Convert did.
type Report struct {
	Recipe  Recipe // fitted
	Classes []string
	Counts  []int // flows of each class
	Flows   int
	Cut     int // flows that had more packets than Recipe.Length

	// Invertible tells whether the image kind has a way back. Where it has,
	// every flow was decoded again, from the float64 pixels as written and
	// from the same rounded to float32, as a model sees them; the counts are
	// the flows that came back just as they went in.
	Invertible       bool
	Exact64, Exact32 int
}

// Convert makes a set of the flows in the folder dir without holding it in
// memory: flows is ranged over twice, first to fit the codec and count the
// classes, then to write. On an error, or when ctx is cancelled, nothing is
// left of it.
func Convert(ctx context.Context, flows iter.Seq2[traffic.Flow, error], r Recipe, dir string, o ConvertOptions) (Report, error) {
	panic("not built yet")
}
