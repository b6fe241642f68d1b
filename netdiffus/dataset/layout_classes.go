package dataset

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
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

func (l classFiles) open(f found, o OpenOptions) (_ *reading, err error) {
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

	e, err := f.encoding(o)
	if err != nil {
		return nil, err
	}
	var readers []*classReader
	closeAll := func() error {
		var errs []error
		for _, c := range readers {
			errs = append(errs, c.close())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	size, left := 0, 0
	order := &classReaders{byRows: true}
	for label, c := range sources {
		some, limited := o.chosen[c.label]
		opened, err := c.open(e)
		if err == nil {
			var reader *classReader
			if reader, err = opened.reader(label, some, limited); err == nil {
				readers = append(readers, reader)
				order.byRows = order.byRows && (reader.left == 0 || reader.columns.rows != nil)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", c.path, err)
		}
		size = cmp.Or(size, opened.size)
		if opened.n > 0 && opened.size != size {
			return nil, fmt.Errorf("dataset: %s: images of size %d, want %d as in the files before it", c.path, opened.size, size)
		}
		left += readers[label].left
	}
	head, err := f.head(o, e, size)
	if err != nil {
		return nil, err
	}
	for _, c := range sources {
		head.Classes = append(head.Classes, c.label)
	}
	order.all = slices.Clone(readers)
	if err := order.start(); err != nil {
		return nil, err
	}
	check := func(n int) error {
		for _, c := range readers {
			if c.images != nil && n > 0 {
				if err := c.images.Check(min(n, c.left)); err != nil {
					return fmt.Errorf("dataset: %w", err)
				}
			}
		}
		return nil
	}
	return &reading{head: head, left: left, check: check, fill: order.fill, close: closeAll}, nil
}

// classOfFile is the class that a file without a manifest is of.
func classOfFile(path string) string {
	stem := strings.TrimSuffix(filepath.Base(path), perClass.ending)
	return strings.TrimSuffix(stem, strings.TrimSuffix(samples.ending, perClass.ending))
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
