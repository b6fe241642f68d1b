package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// isArrays tells whether the file is one of guided-diffusion's samples.
func isArrays(path string) bool {
	f, err := npz.Open(path)
	if err != nil {
		return false // reading it proper reports it
	}
	defer f.Close()
	shape, dtype, err := f.Shape("arr_0")
	return err == nil && len(shape) == 4 && dtype == "u1"
}

// arraysFile is the file of the Arrays layout.
func (m manifest) arraysFile() string {
	if len(m.Classes) == 0 {
		return "samples.npz" // which there is not
	}
	return m.Classes[0].Path
}

// openArrays opens guided-diffusion's file of samples. Without a manifest, m
// nil, the classes' names are those of label_map.csv beside it, or else their
// numbers.
func openArrays(path string, m *manifest, o OpenOptions) (*Set, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	wrap := func(err error) error { return fmt.Errorf("dataset: %s: %w", path, err) }
	a, err := f.Read("arr_0")
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	pix, bytes := npz.Values[uint8](a)
	if len(a.Shape) != 4 || !bytes || a.Shape[1] != a.Shape[2] || a.Shape[1] < 1 || a.Shape[1] > imaging.MaxSide || a.Shape[3] != 1 && a.Shape[3] != 3 {
		return nil, wrap(fmt.Errorf("arr_0: shape %v of %s, want uint8 [N,H,H,3] or [N,H,H,1]", a.Shape, a.DType()))
	}
	n, side, channels := a.Shape[0], a.Shape[1], a.Shape[3]
	if n == 0 && m == nil {
		return nil, wrap(errors.New("arr_0: no pictures"))
	}
	labels := make([]int, n)
	if f.Has("arr_1") {
		if labels, err = readColumn(f, "arr_1", n); err != nil {
			return nil, wrap(err)
		}
	}
	s := &Set{Images: imaging.Images{N: n, H: side, W: side, C: channels, Bytes: pix}}
	r := o.Recipe
	var names []string
	if m != nil {
		r = m.Recipe
		for _, c := range m.Classes {
			names = append(names, c.Label)
		}
	} else {
		if names, err = arrayNames(path, labels, f.Has("arr_1")); err != nil {
			return nil, err
		}
		if r.Rendering == nil {
			guess := imaging.Guess(imaging.Picture{W: side, H: side * n, C: channels, Pix: pix})
			r.Rendering = &guess
		}
		if r.Length == 0 {
			r.Length = min(side, maxLength)
		}
	}
	if s.Recipe, err = r.resized(side, channels); err != nil {
		return nil, wrap(err)
	}
	s.Classes = slices.Sorted(slices.Values(names))
	for i, label := range labels {
		if label < 0 || label >= len(names) {
			return nil, wrap(fmt.Errorf("arr_1: picture %d is of class %d, there are %d", i, label, len(names)))
		}
		labels[i], _ = slices.BinarySearch(s.Classes, names[label])
	}
	s.Labels = labels
	if m != nil {
		if err := s.readExtras(f, n); err != nil {
			return nil, wrap(err)
		}
	}
	if o.Side != 0 && o.Side != side || o.Channels != 0 && o.Channels != channels {
		return s.reshaped(o)
	}
	return s, s.check()
}

// arrayNames are the classes' names: of label_map.csv, or else their numbers.
func arrayNames(path string, labels []int, labelled bool) ([]string, error) {
	table := filepath.Join(filepath.Dir(path), labelMapName)
	file, err := os.Open(table)
	if err == nil {
		defer file.Close()
		names, err := ReadLabelMap(file)
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", table, err)
		}
		return names, nil
	}
	if !labelled {
		return []string{"all"}, nil
	}
	most := 0
	for _, label := range labels {
		most = max(most, label)
	}
	if most > 1e6 {
		return nil, fmt.Errorf("dataset: %s: arr_1: class number %d", path, most)
	}
	names := make([]string, most+1)
	for i := range names {
		names[i] = fmt.Sprintf("%0*d", len(strconv.Itoa(most)), i)
	}
	return names, nil
}

// readExtras reads what our own files say of the flows.
func (s *Set) readExtras(f *npz.File, n int) (err error) {
	if s.Lengths, err = readColumn(f, "lengths", n); err != nil {
		return err
	}
	if s.Rows, err = readColumn(f, "rows", n); err != nil || !f.Has("zero_down") {
		return err
	}
	pairs, err := readInts(f, "zero_down")
	if err == nil && len(pairs)%2 != 0 {
		err = fmt.Errorf("zero_down: want pairs of picture and place")
	}
	for i := 0; i < len(pairs) && err == nil; i += 2 {
		if pairs[i] < 0 || pairs[i] >= n {
			return fmt.Errorf("zero_down: picture %d of %d", pairs[i], n)
		}
		s.setZeroDown(pairs[i], append(s.zeroDown[pairs[i]], pairs[i+1]))
	}
	return err
}

// reshaped is s with its pictures as o wants them.
func (s *Set) reshaped(o OpenOptions) (*Set, error) {
	m := s.Images
	side, channels := m.H, m.C
	if o.Side != 0 {
		side = o.Side
	}
	if o.Channels != 0 {
		channels = o.Channels
	}
	r, err := s.Recipe.resized(side, channels)
	if err != nil {
		return nil, err
	}
	s.Recipe, s.Images = r, r.NewImages(m.N)
	for i := range m.N {
		p := imaging.Picture{W: m.W, H: m.H, C: m.C, Pix: m.Picture(i)}
		copy(s.Images.Picture(i), p.Channels(channels).Square(side).Pix)
	}
	return s, s.check()
}
