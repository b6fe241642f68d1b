package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// arrayFile is the layout Arrays.
type arrayFile struct{}

func (arrayFile) name() Layout   { return Arrays }
func (arrayFile) pictures() bool { return true }

// detect takes a single file of guided-diffusion's samples.
func (arrayFile) detect(f found) bool {
	if len(f.arrays) != 1 || len(f.arrays[0].folders) > 0 {
		return false
	}
	file, err := npz.Open(f.arrays[0].path)
	if err != nil {
		return false // reading it proper reports it
	}
	defer file.Close()
	shape, dtype, err := file.Shape("arr_0")
	return err == nil && len(shape) == 4 && dtype == "u1"
}

// open reads guided-diffusion's file of samples. Without a manifest the classes'
// names are those of label_map.csv next to it, or else their numbers.
func (arrayFile) open(f found, o OpenOptions) (*reading, error) {
	path := f.arrayPath()
	file, err := npz.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	a := &arrayReading{path: path, file: file}
	r, err := a.begin(f, o)
	if err != nil {
		a.close()
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return r, nil
}

// arrayPath is the file of the set.
func (f found) arrayPath() string {
	switch {
	case f.manifest == nil:
		return f.arrays[0].path
	case len(f.manifest.Classes) == 0:
		return filepath.Join(f.path, "samples.npz") // which is not there
	}
	return filepath.Join(f.path, f.manifest.Classes[0].Path)
}

// arrayReading is guided-diffusion's file of samples that is being read.
type arrayReading struct {
	path    string
	file    *npz.File
	images  *npz.RowReader
	numbers *intReader    // the classes'; nil where all pictures are of the first one
	columns *columnReader // nil without a manifest
	labels  []int         // the label of each number
}

// begin checks what the file says of itself.
func (a *arrayReading) begin(f found, o OpenOptions) (*reading, error) {
	var err error
	if a.images, err = a.file.RowReader("arr_0"); err != nil {
		return nil, err
	}
	shape := a.images.Shape()
	if len(shape) != 4 || a.images.DType() != "u1" || shape[1] != shape[2] || shape[1] < 1 || shape[1] > imaging.MaxSide || shape[3] != 1 && shape[3] != 3 {
		return nil, fmt.Errorf("arr_0: shape %v of %s, want uint8 [N,H,H,3] or [N,H,H,1]", shape, a.images.DType())
	}
	n, side, channels := shape[0], shape[1], shape[3]
	if n == 0 && f.manifest == nil {
		return nil, errors.New("arr_0: no pictures")
	}
	if a.numbers, err = newIntReader(a.file, "arr_1", n); err != nil {
		return nil, err
	}
	var names []string
	if f.manifest != nil {
		names = f.manifest.labels()
	} else if names, err = a.names(n); err != nil {
		return nil, err
	}
	head := &Set{Classes: slices.Sorted(slices.Values(names))}
	for _, name := range names {
		label, _ := slices.BinarySearch(head.Classes, name)
		a.labels = append(a.labels, label)
	}
	if f.manifest == nil && o.Recipe.Rendering == nil {
		guessed, err := a.guess()
		if err != nil {
			return nil, err
		}
		o.Recipe.Rendering = &guessed
	}
	if f.manifest == nil {
		o.Recipe = pictureRecipe(o.Recipe, side, nil)
	} else if a.columns, err = newColumnReader(a.file, n); err != nil {
		return nil, err
	}
	e, err := f.encoding(o)
	if err != nil {
		return nil, err
	}
	if e, err = e.resized(side, channels); err != nil {
		return nil, err
	}
	if head.Encoding, err = e.resized(cmp.Or(o.Side, side), cmp.Or(o.Channels, channels)); err != nil {
		return nil, err
	}
	head.Images = head.Encoding.NewImages(0)
	return &reading{head: head, left: n, check: a.images.Check, fill: a.fill, close: a.close}, nil
}

// guess detects from the first pictures how all were coloured.
func (a *arrayReading) guess() (imaging.Rendering, error) {
	images, err := a.file.RowReader("arr_0")
	if err != nil {
		return imaging.Rendering{}, err
	}
	defer images.Close()
	shape := images.Shape()
	first, err := images.Next(max(1, partBytes/(shape[1]*shape[2]*shape[3])))
	if err != nil {
		return imaging.Rendering{}, err
	}
	pixels, _ := npz.Values[uint8](first)
	return imaging.Guess(imaging.Picture{W: shape[2], H: shape[1] * first.Shape[0], C: shape[3], Pix: pixels}), nil
}

// fill reads the next pictures.
func (a *arrayReading) fill(s *Set) error {
	if err := a.read(s); err != nil {
		return fmt.Errorf("dataset: %s: %w", a.path, err)
	}
	return nil
}

func (a *arrayReading) read(s *Set) error {
	n := s.Len()
	read, err := a.images.Next(n)
	if err != nil {
		return err
	}
	m := imaging.Images{N: n, H: read.Shape[1], W: read.Shape[2], C: read.Shape[3]}
	m.Bytes, _ = npz.Values[uint8](read)
	if m.H == s.Images.H && m.C == s.Images.C {
		s.Images = m
	} else {
		for i := range n {
			p := imaging.Picture{W: m.W, H: m.H, C: m.C, Pix: m.Picture(i)}
			copy(s.Images.Picture(i), p.Channels(s.Images.C).Square(s.Images.H).Pix)
		}
	}
	numbers := make([]int, n)
	if a.numbers != nil {
		if numbers, err = a.numbers.next(n); err != nil {
			return err
		}
	}
	for i, number := range numbers {
		if number < 0 || number >= len(a.labels) {
			return fmt.Errorf("arr_1: picture %d is of class %d, there are %d", i, number, len(a.labels))
		}
		s.Labels[i] = a.labels[number]
	}
	if a.columns == nil {
		s.SeriesLengths = nil
		return nil
	}
	columns, err := a.columns.next(n)
	if err != nil {
		return err
	}
	s.Rows = columns.rows
	for i := range n {
		s.setRemainder(i, columns.remainder(i))
	}
	s.forgetUnknown()
	return nil
}

func (a *arrayReading) close() error {
	if a.images != nil {
		a.images.Close()
	}
	a.numbers.close()
	if a.columns != nil {
		a.columns.close()
	}
	return a.file.Close()
}

// names are the classes' names of n pictures: of label_map.csv, or else their numbers.
func (a *arrayReading) names(n int) ([]string, error) {
	table := filepath.Join(filepath.Dir(a.path), labelMapName)
	file, err := os.Open(table)
	if err == nil {
		defer file.Close()
		names, err := ReadLabelMap(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", labelMapName, err)
		}
		return names, nil
	}
	numbers, err := newIntReader(a.file, "arr_1", n)
	if err != nil {
		return nil, err
	}
	if numbers == nil {
		return []string{"all"}, nil
	}
	defer numbers.close()
	most := 0
	for {
		some, err := numbers.next(readAhead / 8)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			break
		}
		most = max(most, slices.Max(some))
	}
	if most > 1e6 {
		return nil, fmt.Errorf("arr_1: class number %d", most)
	}
	names := make([]string, most+1)
	for i := range names {
		names[i] = fmt.Sprintf("%0*d", len(strconv.Itoa(most)), i)
	}
	return names, nil
}

// labelMapName is the table of the classes' names, by their numbers in arr_1.
const labelMapName = "label_map.csv"

func (arrayFile) create(dir string, _ SaveOptions, c contents) (writer, placement, error) {
	n := 0
	for _, count := range c.counts {
		n += count
	}
	like := c.encoding.NewImages(0)
	name := fmt.Sprintf("samples_%dx%dx%dx%d.npz", n, like.H, like.W, like.C)
	p := placement{slices.Repeat([]string{name}, len(c.classes)), []string{labelMapName}}
	rows := [][]string{{"label", "index"}}
	for i, class := range c.classes {
		rows = append(rows, []string{class, strconv.Itoa(i)})
	}
	if err := writeTable(filepath.Join(dir, labelMapName), rows); err != nil {
		return nil, p, err
	}
	file, err := newArchiveFile(filepath.Join(dir, name))
	if err != nil {
		return nil, p, err
	}
	w := &arrayWriter{archiveFile: file, known: c.known, columns: newColumns(filepath.Join(dir, name))}
	if w.pixels, err = npz.Begin[uint8](w.archive, "arr_0", n, like.H, like.W, like.C); err != nil {
		w.abort()
	}
	return w, p, err
}

// arrayWriter writes guided-diffusion's file of samples.
type arrayWriter struct {
	*archiveFile
	pixels *npz.Stream[uint8]
	known  bool // lengths and rows are known
	labels []int64
	columns
}

func (w *arrayWriter) parallel() bool { return false }

func (w *arrayWriter) add(label, row int, e encoded) error {
	if err := w.columns.add(row, e.remainder); err != nil {
		return err
	}
	w.labels = append(w.labels, int64(label))
	return w.pixels.Append(e.picture)
}

func (w *arrayWriter) close() error {
	err := w.archive.Add("arr_1", npz.New(w.labels))
	if err == nil {
		err = w.columns.write(w.archive, w.known)
	}
	return w.finish(errors.Join(err, w.drop()))
}

func (w *arrayWriter) abort() {
	w.drop()
	w.archiveFile.abort()
}
