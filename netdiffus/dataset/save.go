package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// Layout is how a set lies in files.
type Layout string

const (
	// PerFlow is one file a flow, LABEL/LABEL_row.npz, with the image under
	// the image kind's name: the reference's "gasf", float64 [L,L]. Beside it
	// stand "length", the flow's number of packets, and where it has packets
	// of 0 bytes from the server their places, "zero_down".
	PerFlow Layout = "per-flow"
	// PerClass is one file a class, LABEL.npz, key "images", float64
	// [N,L,L,1], with "lengths" [N], "rows" [N] and "zero_down" [K,2]: image
	// and place.
	PerClass Layout = "per-class"
	// Samples is PerClass in float32, in files LABEL_synthetic_samples.npz:
	// what the reference's sampler writes. Lengths and rows are there only if
	// they are known.
	Samples Layout = "samples"
)

// SaveOptions say how a set is written.
type SaveOptions struct {
	Layout    Layout  // "" means PerFlow
	Overwrite bool    // replace an earlier set in the folder; other files are never replaced
	Inputs    []Input // the files that the flows came from, for the manifest
}

// Save writes the set into the folder dir, one file a flow, with a manifest.
// The folder must be new or empty. It appears when everything is written; on
// an error nothing is left.
func (s *Set) Save(dir string) error { return s.SaveAs(dir, SaveOptions{}) }

// SaveAs is Save with options.
func (s *Set) SaveAs(dir string, o SaveOptions) error {
	if err := s.check(); err != nil {
		return err
	}
	r := s.Recipe.withDefaults()
	return stage(dir, o, func(staged string) error {
		w, err := newWriter(staged, o.Layout, r, s.Classes, s.Counts(), s.Lengths != nil)
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
		return w.finish(o.Inputs, 0)
	})
}

// stage lets write fill a folder that becomes dir when write succeeds, and is
// removed when it does not.
func stage(dir string, o SaveOptions, write func(staged string) error) error {
	if err := checkFree(dir, o.Overwrite); err != nil {
		return err
	}
	made, err := makeParents(dir)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	staged, err := atomicfile.CreateDir(dir)
	if err == nil {
		defer staged.Abort()
		if err = write(staged.Path()); err == nil {
			if o.Overwrite {
				err = staged.Replace()
			} else {
				err = staged.Commit()
			}
		}
		staged.Abort()
	}
	if err != nil {
		for _, parent := range made {
			os.Remove(parent) // fails where something else lies in it by now
		}
	}
	return err
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
	return made, os.MkdirAll(parent, 0o777)
}

// writer writes images into a staged folder. add may be called by several
// goroutines where the layout is PerFlow.
type writer interface {
	add(label, row int, e encoded) error
	finish(inputs []Input, cut int) error // writes the manifest, too
	abort()                               // closes what is open; after finish it does nothing
}

// newWriter makes a writer of counts[i] images of each class.
func newWriter(dir string, layout Layout, r Recipe, classes []string, counts []int, lengths bool) (writer, error) {
	names := FileNames(classes)
	switch layout {
	case "", PerFlow:
		w := &flowWriter{dir: dir, key: r.Image.Name(), size: r.Image.Size(r.Length), names: names}
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
			if err := w.files[i].create(filepath.Join(dir, paths[i]), layout, counts[i], r.Image.Size(r.Length), lengths); err != nil {
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

// flowWriter writes the PerFlow layout.
type flowWriter struct {
	dir, key string
	size     int
	names    []string
	manifest manifest
}

func (w *flowWriter) add(label, row int, e encoded) error {
	arrays := []npz.Named{{Name: w.key, Array: npz.New(e.image, w.size, w.size)}}
	if e.length >= 0 {
		arrays = append(arrays, npz.Named{Name: "length", Array: npz.New([]int64{int64(e.length)}, []int{}...)})
	}
	if len(e.zeroDown) > 0 {
		arrays = append(arrays, npz.Named{Name: "zero_down", Array: npz.New(int64s(e.zeroDown))})
	}
	name := w.names[label]
	file, err := os.OpenFile(filepath.Join(w.dir, name, name+"_"+strconv.Itoa(row)+".npz"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	buffered := bufio.NewWriter(file)
	err = npz.Encode(buffered, arrays...)
	if err == nil {
		err = buffered.Flush()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("dataset: %s: %w", file.Name(), err)
	}
	return nil
}

func (w *flowWriter) finish(inputs []Input, cut int) error {
	w.manifest.Inputs, w.manifest.Cut = inputs, cut
	return w.manifest.write(w.dir)
}

func (w *flowWriter) abort() {}

// classWriter writes the PerClass and Samples layouts.
type classWriter struct {
	dir      string
	manifest manifest
	files    []classFile
}

func (w *classWriter) add(label, row int, e encoded) error { return w.files[label].add(row, e) }

func (w *classWriter) finish(inputs []Input, cut int) error {
	for i := range w.files {
		if w.files[i].file == nil {
			continue
		}
		if err := w.files[i].close(); err != nil {
			return err
		}
	}
	w.manifest.Inputs, w.manifest.Cut = inputs, cut
	return w.manifest.write(w.dir)
}

func (w *classWriter) abort() {
	for i := range w.files {
		if file := w.files[i].file; file != nil {
			file.Close()
		}
	}
}

// classFile is the file of one class under way. The images go straight to the
// file; the few bytes a flow that stand after them are kept.
type classFile struct {
	file     *os.File // nil when there is none, or it is closed
	buffer   *bufio.Writer
	archive  *npz.Writer
	wide     *npz.Stream[float64] // one of the two is set
	narrow   *npz.Stream[float32]
	pixels   []float32 // one image for narrow
	known    bool      // lengths and rows are known
	lengths  []int64
	rows     []int64
	zeroDown []int64 // pairs of image and place
}

func (c *classFile) create(path string, layout Layout, n, size int, known bool) (err error) {
	if c.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	c.buffer = bufio.NewWriterSize(c.file, 64<<10)
	c.archive = npz.NewWriter(c.buffer)
	c.known = known
	if layout == Samples {
		c.narrow, err = npz.Begin[float32](c.archive, "images", n, size, size, 1)
	} else {
		c.wide, err = npz.Begin[float64](c.archive, "images", n, size, size, 1)
	}
	return err
}

func (c *classFile) add(row int, e encoded) error {
	for _, place := range e.zeroDown {
		c.zeroDown = append(c.zeroDown, int64(len(c.rows)), int64(place))
	}
	c.lengths = append(c.lengths, int64(e.length))
	c.rows = append(c.rows, int64(row))
	if c.wide != nil {
		return c.wide.Append(e.image)
	}
	c.pixels = c.pixels[:0]
	for _, pixel := range e.image {
		c.pixels = append(c.pixels, float32(pixel))
	}
	return c.narrow.Append(c.pixels)
}

func (c *classFile) close() error {
	var err error
	if c.known {
		err = errors.Join(
			c.archive.Add("lengths", npz.New(c.lengths)),
			c.archive.Add("rows", npz.New(c.rows)))
	}
	if len(c.zeroDown) > 0 && err == nil {
		err = c.archive.Add("zero_down", npz.New(c.zeroDown, len(c.zeroDown)/2, 2))
	}
	if err == nil {
		err = c.archive.Close()
	}
	if err == nil {
		err = c.buffer.Flush()
	}
	name := c.file.Name()
	if closeErr := c.file.Close(); err == nil {
		err = closeErr
	}
	c.file = nil
	if err != nil {
		return fmt.Errorf("dataset: %s: %w", name, err)
	}
	return nil
}

func int64s(values []int) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return out
}
