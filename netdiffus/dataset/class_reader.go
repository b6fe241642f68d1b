package dataset

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// classSource is the file of one class.
type classSource struct {
	label, path string
	flows       int  // how many the manifest counts
	counted     bool // by a manifest
}

// openedClass is a classSource that was opened: images of numbers of the encoding's kind, as
// many as were counted.
type openedClass struct {
	file    *npz.File // nil for a class without images that has no file
	key     string
	n, size int // images, and their width; 0 without any
}

// open opens the file and checks the shape of its images. A class without images, by the
// manifest, needs none.
func (c classSource) open(e *Encoding) (o openedClass, err error) {
	if o.file, err = npz.Open(c.path); err != nil {
		if errors.Is(err, fs.ErrNotExist) && c.counted && c.flows == 0 {
			return openedClass{}, nil
		}
		return openedClass{}, err
	}
	o.key = imageKey(o.file, "images")
	shape, dtype, err := o.file.Shape(o.key)
	if err == nil && len(shape) < 3 {
		err = fmt.Errorf("%s: shape %v, want [N,L,L,%d]", o.key, shape, len(e.recipe.Channels))
	}
	if err == nil {
		o.n = shape[0]
		if o.size, err = e.checkShape(shape[1:], dtype); err != nil {
			err = fmt.Errorf("%s: %w", o.key, err)
		}
	}
	if err == nil && c.counted && o.n != c.flows {
		err = fmt.Errorf("%s: %d images, the manifest counts %d", o.key, o.n, c.flows)
	}
	if err != nil {
		o.file.Close()
		return openedClass{}, err
	}
	return o, nil
}

// classImage is an image in a class's file.
type classImage struct {
	pixels []float64 // [L,L,C]
	row    int       // 0 where the file has none
	remainder
}

// classReader reads the images of one class in the order of their rows.
type classReader struct {
	openedClass
	label   int
	images  *npz.RowReader
	columns *columnReader
	chosen  []int // numbers of the images to read, if limited
	limited bool
	left    int // images to be read

	classImage // the next image; its pixels are nil at the end, and valid until advance

	at    int // number of the image behind it
	block struct {
		from, n, width int
		pixels         []float64
		columns        readColumns
	}
	held []classImage // those of a file that has them in another order
}

// readAhead is how many bytes of images of a class are read at once.
const readAhead = 64 << 10

// reader begins to read the class. It closes the file where it fails.
func (o openedClass) reader(label int, chosen []int, limited bool) (*classReader, error) {
	c := &classReader{openedClass: o, label: label, chosen: chosen, limited: limited, left: o.n}
	if limited {
		c.left = len(chosen)
	}
	if o.file == nil {
		return c, nil
	}
	var err error
	if c.images, err = o.file.RowReader(o.key); err == nil {
		c.block.width = 1
		for _, n := range c.images.Shape()[1:] {
			c.block.width *= n
		}
		c.columns, err = newColumnReader(o.file, o.n)
	}
	if err == nil {
		err = c.read()
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// read reads the next block.
func (c *classReader) read() error {
	b := &c.block
	a, err := c.images.Next(max(1, readAhead/(8*max(1, b.width))))
	if err != nil {
		return err
	}
	b.from, b.n, b.pixels = b.from+b.n, a.Shape[0], a.Floats()
	if err := checkFinite(b.pixels); err != nil {
		return fmt.Errorf("%s: images from %d: %w", c.key, b.from, err)
	}
	b.columns, err = c.columns.next(b.n)
	return err
}

// advance goes on to the next image. The file is read to its end even if no image there
// is chosen, so that a damaged one is found.
func (c *classReader) advance() error {
	c.classImage = classImage{}
	if c.held != nil {
		if len(c.held) > 0 {
			c.classImage, c.held = c.held[0], c.held[1:]
		}
		return nil
	}
	for ; c.at < c.n; c.at++ {
		if c.at == c.block.from+c.block.n {
			if err := c.read(); err != nil {
				return err
			}
		}
		if c.limited {
			if len(c.chosen) == 0 || c.chosen[0] != c.at {
				continue
			}
			c.chosen = c.chosen[1:]
		}
		b, i := c.block, c.at-c.block.from
		c.classImage = classImage{b.pixels[i*b.width : (i+1)*b.width], 0, b.columns.remainder(i)}
		if b.columns.rows != nil {
			c.row = b.columns.rows[i]
		}
		c.at++
		return nil
	}
	return nil
}

// byRows prepares the images to be read in the order of their rows. Those of a file that has
// them in another one are held.
func (c *classReader) byRows() error {
	if c.left == 0 {
		return nil
	}
	ordered, err := c.columns.rowsRise()
	if err != nil || ordered {
		return err
	}
	if err := c.images.Check(c.left); err != nil {
		return err
	}
	all := make([]classImage, 0, c.left)
	for {
		if err := c.advance(); err != nil {
			return err
		}
		if c.pixels == nil {
			break
		}
		one := c.classImage
		one.pixels = slices.Clone(one.pixels)
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b classImage) int { return cmp.Compare(a.row, b.row) })
	c.held = all
	return nil
}

// close closes the file. It may be called twice.
func (c *classReader) close() error {
	if c.file == nil {
		return nil
	}
	if c.images != nil {
		c.images.Close()
	}
	if c.columns != nil {
		c.columns.close()
	}
	err := c.file.Close()
	c.file = nil
	return err
}

// classReaders are classes of which images are left, a heap: first the one whose next image
// comes first, by its row where that is known, and by its class.
type classReaders struct {
	all    []*classReader
	byRows bool
}

func (h *classReaders) Len() int { return len(h.all) }
func (h *classReaders) Less(i, j int) bool {
	a, b := h.all[i], h.all[j]
	if h.byRows && a.row != b.row {
		return a.row < b.row
	}
	return a.label < b.label
}
func (h *classReaders) Swap(i, j int) { h.all[i], h.all[j] = h.all[j], h.all[i] }
func (h *classReaders) Push(x any)    { h.all = append(h.all, x.(*classReader)) }
func (h *classReaders) Pop() any {
	last := h.all[len(h.all)-1]
	h.all = h.all[:len(h.all)-1]
	return last
}

// start takes each reader's first image.
func (h *classReaders) start() error {
	for _, c := range h.all {
		if h.byRows {
			if err := c.byRows(); err != nil {
				return fmt.Errorf("dataset: %w", err)
			}
		}
		if err := c.advance(); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
	}
	h.all = slices.DeleteFunc(h.all, func(c *classReader) bool { return c.pixels == nil })
	heap.Init(h)
	return nil
}

// fill reads the set's images.
func (h *classReaders) fill(s *Set) error {
	if h.byRows {
		s.Rows = make([]int, s.Len())
	}
	for i := range s.Len() {
		c := h.all[0]
		copy(s.Images.At(i), c.pixels)
		s.Labels[i] = c.label
		s.setRemainder(i, c.remainder)
		if h.byRows {
			s.Rows[i] = c.row
		}
		if err := c.advance(); err != nil {
			return fmt.Errorf("dataset: %w", err)
		}
		if c.pixels == nil {
			heap.Remove(h, 0)
		} else {
			heap.Fix(h, 0)
		}
	}
	s.forgetUnknown()
	return nil
}
