package dataset

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// classFiles are the layouts PerClass and Samples.
type classFiles struct {
	layout Layout
	ending string // of file names
	narrow bool   // float32
}

var (
	perClass = classFiles{PerClass, ".npz", false}
	samples  = classFiles{Samples, "_synthetic_samples.npz", true} // as the reference's sampler writes
)

func (l classFiles) name() Layout   { return l.layout }
func (l classFiles) pictures() bool { return false }

// detect takes what is left, once; the files of both layouts are read alike.
func (l classFiles) detect(f found) bool { return l == perClass && len(f.arrays) > 0 }

func (l classFiles) open(f found, o OpenOptions) (*Set, error) {
	var sources []classSource
	if m := f.manifest; m != nil {
		for _, c := range m.Classes {
			sources = append(sources, classSource{label: c.Label, path: filepath.Join(f.path, c.Path), flows: c.Flows, counted: true})
		}
	}
	for _, file := range f.arrays {
		sources = append(sources, classSource{label: classOfFile(file.path), path: file.path})
	}
	// Their names sort otherwise: "a.npz" comes behind "a-b.npz".
	slices.SortStableFunc(sources, func(a, b classSource) int { return strings.Compare(a.label, b.label) })

	classes := make([]classArrays, len(sources))
	e, err := f.encoding(o)
	if err != nil {
		return nil, err
	}
	total, size := 0, 0
	for i, c := range sources {
		if classes[i], err = c.read(e, o.chosen); err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", c.path, err)
		}
		size = cmp.Or(size, classes[i].size)
		if n := classes[i].n; n > 0 && classes[i].size != size {
			return nil, fmt.Errorf("dataset: %s: images of size %d, want %d as in the files before it", c.path, classes[i].size, size)
		}
		total += classes[i].n
	}
	s, err := f.newSet(o, e, size, total)
	if err != nil {
		return nil, err
	}
	for _, c := range sources {
		s.Classes = append(s.Classes, c.label)
	}
	s.gather(classes)
	return s, s.check()
}

// classOfFile is the class that a file without a manifest is of.
func classOfFile(path string) string {
	stem := strings.TrimSuffix(filepath.Base(path), perClass.ending)
	return strings.TrimSuffix(stem, strings.TrimSuffix(samples.ending, perClass.ending))
}

// gather puts the images of all classes into the set.
func (s *Set) gather(classes []classArrays) {
	places, rows := arrange(classes, s.Len())
	s.Rows = rows
	pixels := s.Images.Pixels()
	for label, c := range classes {
		for i, at := range places[label] {
			copy(s.Images.At(at), c.pixels[i*pixels:(i+1)*pixels])
			s.Labels[at] = label
			s.setRemainder(at, c.remainder(i))
		}
		classes[label].pixels = nil // copied
	}
	s.forgetUnknown()
}

// arrange returns the place in the set of every image of every class: by rows
// where all files have them, class after class otherwise.
func arrange(classes []classArrays, total int) (places [][]int, rows []int) {
	type image struct{ label, i, row int }
	order := make([]image, 0, total)
	known := true
	for label, c := range classes {
		places = append(places, make([]int, c.n))
		known = known && (c.rows != nil || c.n == 0)
		for i := range c.n {
			row := 0
			if c.rows != nil {
				row = c.rows[i]
			}
			order = append(order, image{label, i, row})
		}
	}
	if known {
		slices.SortStableFunc(order, func(a, b image) int { return cmp.Compare(a.row, b.row) })
		rows = make([]int, total)
	}
	for at, im := range order {
		places[im.label][im.i] = at
		if known {
			rows[at] = im.row
		}
	}
	return places, rows
}

// classSource is the file of one class.
type classSource struct {
	label, path string
	flows       int  // how many the manifest counts
	counted     bool // by a manifest
}

// classArrays is what a per-class file holds.
type classArrays struct {
	n, size int
	pixels  []float64 // [n,size,size,C]
	readColumns
}

// read reads the file, or the chosen images in it. A class without images, by the manifest,
// needs none.
func (c classSource) read(e *Encoding, chosen choice) (classArrays, error) {
	f, err := npz.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) && c.counted && c.flows == 0 {
		return classArrays{}, nil
	}
	if err != nil {
		return classArrays{}, err
	}
	defer f.Close()
	key := imageKey(f, "images")
	shape, dtype, err := f.Shape(key)
	if err != nil {
		return classArrays{}, err
	}
	if len(shape) < 3 {
		return classArrays{}, fmt.Errorf("%s: shape %v, want [N,L,L,%d]", key, shape, len(e.recipe.Channels))
	}
	a := classArrays{n: shape[0]}
	if a.size, err = e.checkShape(shape[1:], dtype); err != nil { // before all of them are read
		return a, fmt.Errorf("%s: %w", key, err)
	}
	if c.counted && a.n != c.flows {
		return a, fmt.Errorf("%s: %d images, the manifest counts %d", key, a.n, c.flows)
	}
	if some, limited := chosen[c.label]; limited {
		return c.readSome(f, key, a, some)
	}
	images, err := f.Read(key)
	if err != nil {
		return a, err
	}
	a.pixels = images.Floats()
	if err := checkFinite(a.pixels); err != nil {
		return a, fmt.Errorf("%s: %w", key, err)
	}
	a.readColumns, err = newReadColumns(f, a.n)
	return a, err
}

// readSome reads the images with these numbers. All are looked at, so that a damaged file is
// found.
func (c classSource) readSome(f *npz.File, key string, a classArrays, some []int) (classArrays, error) {
	next := 0
	err := f.EachRow(key, func(row int, values []float64) error {
		if err := checkFinite(values); err != nil {
			return err
		}
		if next < len(some) && some[next] == row {
			a.pixels = append(a.pixels, values...)
			next++
		}
		return nil
	})
	if err != nil {
		return a, fmt.Errorf("%s: %w", key, err)
	}
	all, err := newReadColumns(f, a.n)
	if err != nil {
		return a, err
	}
	a.n, a.readColumns = len(some), all.choose(some)
	return a, nil
}

func (l classFiles) create(dir string, _ SaveOptions, c contents) (writer, placement, error) {
	w := &classWriter{files: make([]classFile, len(c.classes))}
	var p placement
	for i, name := range FileNames(c.classes) {
		p.classes = append(p.classes, name+l.ending)
		if c.counts[i] == 0 {
			continue // a class without images needs no file
		}
		if err := w.files[i].create(filepath.Join(dir, name+l.ending), l.narrow, c.encoding.NewImages(0), c.counts[i], c.known); err != nil {
			w.abort()
			return nil, p, err
		}
	}
	return w, p, nil
}

// classWriter writes the files of all classes.
type classWriter struct{ files []classFile }

func (w *classWriter) add(label, row int, e encoded) error { return w.files[label].add(row, e) }

func (w *classWriter) parallel() bool { return false }

func (w *classWriter) close() error {
	for i := range w.files {
		if w.files[i].archiveFile == nil {
			continue
		}
		if err := w.files[i].close(); err != nil {
			return err
		}
	}
	return nil
}

func (w *classWriter) abort() {
	for _, f := range w.files {
		if f.archiveFile != nil {
			f.abort()
		}
	}
}

// classFile is the file of one class under way. The images go straight to the
// file; the few bytes a flow that stand behind them are kept.
type classFile struct {
	*archiveFile                      // nil when there is none
	wide         *npz.Stream[float64] // one of the two is set
	narrow       *npz.Stream[float32]
	pixels       []float32 // one image for narrow
	known        bool      // lengths and rows are known
	columns
}

func (c *classFile) create(path string, narrow bool, like imaging.Images, n int, known bool) (err error) {
	if c.archiveFile, err = newArchiveFile(path); err != nil {
		return err
	}
	c.known, c.columns = known, newColumns(path)
	if narrow {
		c.narrow, err = npz.Begin[float32](c.archive, "images", n, like.H, like.W, like.C)
	} else {
		c.wide, err = npz.Begin[float64](c.archive, "images", n, like.H, like.W, like.C)
	}
	return err
}

func (c *classFile) add(row int, e encoded) error {
	if err := c.columns.add(row, e.remainder); err != nil {
		return err
	}
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
	return c.finish(errors.Join(c.columns.write(c.archive, c.known), c.drop()))
}

func (c *classFile) abort() {
	c.drop()
	c.archiveFile.abort()
}

// archiveFile is an .npz file that is being written.
type archiveFile struct {
	file    *os.File // nil once it is closed
	buffer  *bufio.Writer
	archive *npz.Writer
}

func newArchiveFile(path string) (*archiveFile, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	buffer := bufio.NewWriterSize(file, 64<<10)
	return &archiveFile{file, buffer, npz.NewWriter(buffer)}, nil
}

// finish completes the file. err is that of writing it so far.
func (a *archiveFile) finish(err error) error {
	if err == nil {
		err = a.archive.Close()
	}
	if err == nil {
		err = a.buffer.Flush()
	}
	name := a.file.Name()
	err = cmp.Or(err, a.file.Close())
	a.file = nil
	if err != nil {
		return fmt.Errorf("dataset: %s: %w", name, err)
	}
	return nil
}

// abort closes the file, if it is open.
func (a *archiveFile) abort() {
	if a.file != nil {
		a.file.Close()
	}
}
