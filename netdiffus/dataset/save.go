package dataset

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Layout is how a set lies in files.
type Layout string

const (
	// PerFlow is one file a flow, LABEL/LABEL_row.npz, with the image under
	// the image kind's name: the reference's "gasf", float64 [L,L], or [L,L,C]
	// where there are several channels. Beside it
	// stand "length", the flow's number of packets, and where it has packets
	// of 0 bytes from the server their places, "zero_down".
	PerFlow Layout = "per-flow"
	// PerClass is one file a class, LABEL.npz, key "images", float64
	// [N,L,L,C], with "lengths" [N], "rows" [N] and "zero_down" [K,2]: image
	// and place.
	PerClass Layout = "per-class"
	// Samples is PerClass in float32, in files LABEL_synthetic_samples.npz:
	// what the reference's sampler writes. Lengths and rows are there only if
	// they are known.
	Samples Layout = "samples"

	// Pictures is one PNG a flow, LABEL/LABEL_row.png, for recipes with a
	// rendering. What pictures do not tell stands in flows.csv.
	Pictures Layout = "png"
	// Arrays is guided-diffusion's file of samples, samples_NxHxWxC.npz, for
	// recipes with a rendering: arr_0 are all pictures, uint8 [N,H,W,C], arr_1
	// the numbers of their classes, int64 [N], which label_map.csv names.
	Arrays Layout = "samples-npz"
)

// SaveOptions say how a set is written.
type SaveOptions struct {
	Layout    Layout            // "" means PerFlow, or Pictures where the recipe has a rendering
	Group     string            // Pictures: a folder for those of the classes to lie in; "" means none
	Overwrite bool              // replace an earlier set in the folder; other files are never replaced
	Inputs    []provenance.File // the files that the flows came from, for the manifest
}

// Save writes the set into the folder dir, one file a flow, with a manifest.
// The folder must be new or empty, or hold this very set already: then Save does
// nothing, so that it can be repeated. The folder appears when everything is
// written; on an error nothing is left.
func (s *Set) Save(dir string) error { return s.SaveAs(dir, SaveOptions{}) }

// SaveAs is Save with options.
func (s *Set) SaveAs(dir string, o SaveOptions) error {
	if err := s.check(); err != nil {
		return err
	}
	r := s.Recipe.withDefaults()
	write := func(staged string) error {
		w, err := newWriter(staged, o, r, s.Classes, s.Counts(), s.Lengths != nil)
		if err != nil {
			return err
		}
		defer w.abort()
		for i, label := range s.Labels {
			row := i
			if s.Rows != nil {
				row = s.Rows[i]
			}
			if err := w.add(label, row, s.at(i)); err != nil {
				return err
			}
		}
		return w.finish(finish{inputs: o.Inputs})
	}
	if !o.Overwrite && checkFree(dir, false) != nil && checkFree(dir, true) == nil {
		if same, err := wouldWrite(dir, write); err != nil || same {
			return err
		}
	}
	return stage(dir, o, write)
}

// wouldWrite tells whether write would fill a folder with just what is in dir.
// The same set always gives the same bytes.
func wouldWrite(dir string, write func(staged string) error) (bool, error) {
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	defer staged.Abort()
	if err := write(staged.Path()); err != nil {
		return false, err
	}
	return sameFiles(staged.Path(), dir)
}

// sameFiles tells whether two folders hold the same files.
func sameFiles(a, b string) (bool, error) {
	names := func(dir string) (list []string, err error) {
		err = fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
			list = append(list, path)
			return err
		})
		return list, err
	}
	ofA, err := names(a)
	if err != nil {
		return false, fmt.Errorf("dataset: %w", err)
	}
	ofB, err := names(b)
	if err != nil || !slices.Equal(ofA, ofB) {
		return false, err
	}
	for _, name := range ofA {
		info, err := os.Stat(filepath.Join(a, name))
		if err != nil {
			return false, fmt.Errorf("dataset: %w", err)
		}
		if info.IsDir() {
			continue
		}
		x, err := os.ReadFile(filepath.Join(a, name))
		if err != nil {
			return false, fmt.Errorf("dataset: %w", err)
		}
		y, err := os.ReadFile(filepath.Join(b, name))
		if err != nil || !bytes.Equal(x, y) {
			return false, nil // a file that cannot be read is not the same
		}
	}
	return true, nil
}

// stage lets write fill a folder that becomes dir when write succeeds, and is
// removed when it does not.
func stage(dir string, o SaveOptions, write func(staged string) error) error {
	if err := checkFree(dir, o.Overwrite); err != nil {
		return err
	}
	made, err := makeParents(dir)
	if err == nil {
		err = fill(dir, o.Overwrite, write)
	}
	if err != nil {
		for _, parent := range made {
			os.Remove(parent) // fails where something else lies in it by now
		}
	}
	return err
}

// fill is stage where the folder above dir is there.
func fill(dir string, overwrite bool, write func(staged string) error) error {
	staged, err := atomicfile.CreateDir(dir)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer staged.Abort()
	if err := write(staged.Path()); err != nil {
		return err
	}
	if overwrite {
		err = staged.Replace()
	} else {
		err = staged.Commit()
	}
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// makeParents makes the folders above dir and returns those that it made, the
// deepest first.
func makeParents(dir string) (made []string, err error) {
	parent := filepath.Dir(filepath.Clean(dir))
	for above := parent; ; above = filepath.Dir(above) {
		if _, err := os.Stat(above); err == nil || above == filepath.Dir(above) {
			break
		}
		made = append(made, above)
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return made, fmt.Errorf("dataset: %w", err)
	}
	return made, nil
}

// writer writes images into a staged folder. add may be called by several
// goroutines where parallel says so.
type writer interface {
	add(label, row int, e encoded) error
	parallel() bool
	finish(f finish) error // writes the manifest, too
	abort()                // closes what is open; after finish it does nothing
}

// finish is what is known when all images are written.
type finish struct {
	inputs []provenance.File
	cut    int
	loss   *Loss
}

// newWriter makes a writer of counts[i] images of each class.
func newWriter(dir string, o SaveOptions, r Recipe, classes []string, counts []int, lengths bool) (writer, error) {
	layout := o.Layout
	if r.Rendering != nil {
		return newPictureWriter(dir, o, r, classes, counts, lengths)
	}
	names := FileNames(classes)
	switch layout {
	case "", PerFlow:
		w := &flowWriter{dir: dir, key: r.Image.Name(), shape: flowShape(r), names: names}
		w.manifest = newManifest(PerFlow, r, classes, names, counts)
		for _, name := range names {
			if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
				return nil, fmt.Errorf("dataset: %w", err)
			}
		}
		return w, nil
	case PerClass, Samples:
		ending := ".npz"
		if layout == Samples {
			ending = samplesEnding
		}
		paths := make([]string, len(names))
		for i, name := range names {
			paths[i] = name + ending
		}
		w := &classWriter{dir: dir, files: make([]classFile, len(classes))}
		w.manifest = newManifest(layout, r, classes, paths, counts)
		for i := range w.files {
			if counts[i] == 0 {
				continue // a class without images needs no file
			}
			if err := w.files[i].create(filepath.Join(dir, paths[i]), layout, counts[i], r.Image.Size(r.Length), len(r.Channels()), lengths); err != nil {
				w.abort()
				return nil, err
			}
		}
		return w, nil
	}
	return nil, fmt.Errorf("dataset: layout %q: want %s, %s or %s", layout, PerFlow, PerClass, Samples)
}

// samplesEnding ends the reference's file names of samples.
const samplesEnding = "_synthetic_samples.npz"
