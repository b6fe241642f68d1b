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
func (arrayFile) open(f found, o OpenOptions) (*Set, error) {
	path := f.arrayPath()
	file, err := npz.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	s, err := readArrays(file, f, o, path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	if o.Side != 0 && o.Side != s.Images.H || o.Channels != 0 && o.Channels != s.Images.C {
		if err := s.reshape(o); err != nil {
			return nil, err
		}
	}
	return s, s.check()
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

// readArrays reads the set in the file.
func readArrays(file *npz.File, f found, o OpenOptions, path string) (*Set, error) {
	images, err := readPixels(file)
	if err != nil {
		return nil, err
	}
	if images.N == 0 && f.manifest == nil {
		return nil, errors.New("arr_0: no pictures")
	}
	numbers := make([]int, images.N)
	if file.Has("arr_1") {
		if numbers, err = readColumn(file, "arr_1", images.N); err != nil {
			return nil, err
		}
	}
	s := &Set{Images: images}
	var names []string
	if f.manifest != nil {
		names = f.manifest.labels()
	} else if names, err = arrayNames(path, numbers, file.Has("arr_1")); err != nil {
		return nil, err
	}
	if s.Encoding, err = f.pictureEncoding(o, images); err != nil {
		return nil, err
	}
	if err := s.label(numbers, names); err != nil {
		return nil, fmt.Errorf("arr_1: %w", err)
	}
	if f.manifest == nil {
		return s, nil
	}
	columns, err := newReadColumns(file, images.N)
	if err != nil {
		return nil, err
	}
	s.Rows = columns.rows
	s.SeriesLengths = make([]int, images.N)
	for i := range images.N {
		s.setRemainder(i, columns.remainder(i))
	}
	s.forgetUnknown()
	return s, nil
}

// readPixels reads all pictures of the file.
func readPixels(file *npz.File) (imaging.Images, error) {
	a, err := file.Read("arr_0")
	if err != nil {
		return imaging.Images{}, err
	}
	pixels, bytes := npz.Values[uint8](a)
	if len(a.Shape) != 4 || !bytes || a.Shape[1] != a.Shape[2] || a.Shape[1] < 1 || a.Shape[1] > imaging.MaxSide || a.Shape[3] != 1 && a.Shape[3] != 3 {
		return imaging.Images{}, fmt.Errorf("arr_0: shape %v of %s, want uint8 [N,H,H,3] or [N,H,H,1]", a.Shape, a.DType())
	}
	return imaging.Images{N: a.Shape[0], H: a.Shape[1], W: a.Shape[2], C: a.Shape[3], Bytes: pixels}, nil
}

// pictureEncoding returns the encoding of pictures that are all in one array: the
// manifest's, or else the options' with what the pictures show.
func (f found) pictureEncoding(o OpenOptions, m imaging.Images) (*Encoding, error) {
	if f.manifest == nil {
		all := imaging.Picture{W: m.W, H: m.H * m.N, C: m.C, Pix: m.Bytes}
		o.Recipe = pictureRecipe(o.Recipe, m.H, func() imaging.Rendering { return imaging.Guess(all) })
	}
	e, err := f.encoding(o)
	if err != nil {
		return nil, err
	}
	return e.resized(m.H, m.C)
}

// label sets the classes, sorted, and each image's by the number of its name.
func (s *Set) label(numbers []int, names []string) error {
	s.Classes = slices.Sorted(slices.Values(names))
	for i, number := range numbers {
		if number < 0 || number >= len(names) {
			return fmt.Errorf("picture %d is of class %d, there are %d", i, number, len(names))
		}
		label, _ := slices.BinarySearch(s.Classes, names[number])
		s.Labels = append(s.Labels, label)
	}
	return nil
}

// arrayNames are the classes' names: of label_map.csv, or else their numbers.
func arrayNames(path string, labels []int, labelled bool) ([]string, error) {
	table := filepath.Join(filepath.Dir(path), labelMapName)
	file, err := os.Open(table)
	if err == nil {
		defer file.Close()
		names, err := ReadLabelMap(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", labelMapName, err)
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
		return nil, fmt.Errorf("arr_1: class number %d", most)
	}
	names := make([]string, most+1)
	for i := range names {
		names[i] = fmt.Sprintf("%0*d", len(strconv.Itoa(most)), i)
	}
	return names, nil
}

// reshape gives the set's pictures the size and channels of the options.
func (s *Set) reshape(o OpenOptions) error {
	m := s.Images
	side, channels := m.H, m.C
	if o.Side != 0 {
		side = o.Side
	}
	if o.Channels != 0 {
		channels = o.Channels
	}
	e, err := s.Encoding.resized(side, channels)
	if err != nil {
		return err
	}
	s.Encoding, s.Images = e, e.NewImages(m.N)
	for i := range m.N {
		p := imaging.Picture{W: m.W, H: m.H, C: m.C, Pix: m.Picture(i)}
		copy(s.Images.Picture(i), p.Channels(channels).Square(side).Pix)
	}
	return nil
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
