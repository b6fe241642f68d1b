package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// classWriter writes the PerClass and Samples layouts.
type classWriter struct {
	dir      string
	manifest manifest
	files    []classFile
}

func (w *classWriter) add(label, row int, e encoded) error { return w.files[label].add(row, e) }

func (w *classWriter) parallel() bool { return false }

func (w *classWriter) finish(f finish) error {
	for i := range w.files {
		if w.files[i].file == nil {
			continue
		}
		if err := w.files[i].close(); err != nil {
			return err
		}
	}
	return w.manifest.finish(w.dir, f)
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

func (c *classFile) create(path string, layout Layout, n, size, channels int, known bool) (err error) {
	if c.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	c.buffer = bufio.NewWriterSize(c.file, 64<<10)
	c.archive = npz.NewWriter(c.buffer)
	c.known = known
	if layout == Samples {
		c.narrow, err = npz.Begin[float32](c.archive, "images", n, size, size, channels)
	} else {
		c.wide, err = npz.Begin[float64](c.archive, "images", n, size, size, channels)
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
