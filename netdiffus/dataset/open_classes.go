package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// classArrays is what a per-class file holds.
type classArrays struct {
	n, size       int
	pixels        []float64 // [n,size,size,C]
	lengths, rows []int     // nil where the file has none
	zeroDown      []int     // pairs of image and place
}

// openClasses reads a set of the PerClass or Samples layout.
func openClasses(sources []source, r Recipe) (*Set, error) {
	classes := make([]classArrays, len(sources))
	total, size, channels := 0, 0, len(r.Channels())
	for i, c := range sources {
		a, err := readClass(c, channels)
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", c.path, err)
		}
		if size == 0 {
			size = a.size
		}
		if a.n > 0 && a.size != size {
			return nil, fmt.Errorf("dataset: %s: images of size %d, want %d as in the files before it", c.path, a.size, size)
		}
		classes[i] = a
		total += a.n
	}
	s, err := newSet(sources, r, size)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", filepath.Dir(sources[0].path), err)
	}
	s.Images = imaging.New(total, size, size, channels)
	s.Labels, s.Lengths = make([]int, total), make([]int, total)
	places, rows := arrange(classes, total)
	s.Rows = rows
	for label, c := range classes {
		for i, at := range places[label] {
			n := size * size * channels
			copy(s.Images.At(at), c.pixels[i*n:(i+1)*n])
			s.Labels[at], s.Lengths[at] = label, -1
			if c.lengths != nil {
				s.Lengths[at] = c.lengths[i]
			}
		}
		for i := 0; i < len(c.zeroDown); i += 2 {
			at := places[label][c.zeroDown[i]]
			s.setZeroDown(at, append(s.zeroDown[at], c.zeroDown[i+1]))
		}
		classes[label].pixels = nil // copied
	}
	s.forgetUnknown()
	return s, s.check()
}

// arrange says where in the set every image of every class goes: by rows where
// all files have them, class after class otherwise.
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

// readClass reads a per-class file. A class that has no images, as the manifest
// says, needs none.
func readClass(c source, channels int) (classArrays, error) {
	f, err := npz.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) && c.counted && c.flows == 0 {
		return classArrays{}, nil
	}
	if err != nil {
		return classArrays{}, err
	}
	defer f.Close()
	key := imageKey(f, "images")
	images, err := f.Read(key)
	if err != nil {
		return classArrays{}, err
	}
	if len(images.Shape) < 3 {
		return classArrays{}, fmt.Errorf("%s: shape %v, want [N,L,L,%d]", key, images.Shape, channels)
	}
	a := classArrays{n: images.Shape[0], pixels: images.Floats()}
	if a.size, err = checkShape(images.Shape[1:], images.DType(), channels); err == nil {
		err = checkFinite(a.pixels)
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", key, err)
	}
	if c.counted && a.n != c.flows {
		return a, fmt.Errorf("%s: %d images, the manifest says %d", key, a.n, c.flows)
	}
	if a.lengths, err = readColumn(f, "lengths", a.n); err != nil {
		return a, err
	}
	if a.rows, err = readColumn(f, "rows", a.n); err != nil {
		return a, err
	}
	if !f.Has("zero_down") {
		return a, nil
	}
	if a.zeroDown, err = readInts(f, "zero_down"); err != nil {
		return a, err
	}
	if len(a.zeroDown)%2 != 0 {
		return a, errors.New("zero_down: want pairs of image and place")
	}
	for i := 0; i < len(a.zeroDown); i += 2 {
		if image := a.zeroDown[i]; image < 0 || image >= a.n {
			return a, fmt.Errorf("zero_down: image %d of %d", image, a.n)
		}
	}
	return a, nil
}

// readColumn reads n whole numbers, or returns nil where the file has none.
func readColumn(f *npz.File, key string, n int) ([]int, error) {
	if !f.Has(key) {
		return nil, nil
	}
	column, err := readInts(f, key)
	if err == nil && len(column) != n {
		err = fmt.Errorf("%s: %d of them for %d images", key, len(column), n)
	}
	return column, err
}
