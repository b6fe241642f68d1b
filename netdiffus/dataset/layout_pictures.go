package dataset

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// maxPictures bounds what the pictures of a set take in memory, bytes.
const maxPictures = 16 << 30

// garbage is how many bytes of pictures are read before what decoding them left
// behind is swept up.
const garbage = 64 << 20

// pictureFiles is the layout Pictures.
type pictureFiles struct{}

func (pictureFiles) name() Layout   { return Pictures }
func (pictureFiles) pictures() bool { return true }

func (pictureFiles) detect(f found) bool { return len(f.pictures) > 0 }

func (pictureFiles) open(f found, o OpenOptions) (*reading, error) {
	if f.manifest != nil {
		return f.openPictures(o)
	}
	classes, files, rows, err := labelled(f.pictures, f.classFrom)
	if err != nil {
		return nil, err
	}
	sizes, err := readSizes(files)
	if err != nil {
		return nil, err
	}
	var guessed imaging.Rendering
	if o.Recipe.Rendering == nil {
		if guessed, err = guess(files); err != nil {
			return nil, err
		}
	}
	o.Recipe = pictureRecipe(o.Recipe, sizes.side, func() imaging.Rendering { return guessed })
	e, err := f.encoding(o)
	if err != nil {
		return nil, err
	}
	p := pictureReading{dir: f.path, files: files, rows: rows, progress: o.Progress}
	return p.begin(sizes, e, classes, o)
}

// openPictures opens a folder with a manifest.
func (f found) openPictures(o OpenOptions) (*reading, error) {
	e, err := f.encoding(o)
	if err != nil {
		return nil, err
	}
	var all []foundFile
	for _, c := range f.manifest.Classes {
		files, err := f.manifest.classFiles(f.path, c, ".png", "pictures")
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	names, files, rows, err := labelled(all, FromLeaf)
	if err != nil {
		return nil, err
	}
	like := e.NewImages(0)
	sizes := sizes{side: like.H, gray: like.C == 1}
	if len(files) > 0 {
		if sizes, err = readSizes(files); err != nil {
			return nil, err
		}
	}
	if o.Side == 0 && sizes.side != like.H {
		return nil, fmt.Errorf("dataset: %s: pictures of %d pixels, want %d by the manifest", f.path, sizes.side, like.H)
	}
	if o.Channels == 0 {
		o.Channels = like.C
	}
	classes := f.manifest.labels()
	for i, file := range files { // classes without pictures have no name among the files
		files[i].label, _ = slices.BinarySearch(classes, names[file.label])
	}
	p := pictureReading{dir: f.path, files: files, rows: rows, progress: o.Progress}
	if p.remainders, err = readTable(f.path, files); err != nil {
		return nil, err
	}
	return p.begin(sizes, e, classes, o)
}

// pictureRecipe is r with what pictures of that side show: how they were
// rendered, by guess, and at most how many packets they hold.
func pictureRecipe(r Recipe, side int, guess func() imaging.Rendering) Recipe {
	if r.Rendering == nil {
		p := guess()
		r.Rendering = &p
	}
	if r.SeriesLength == 0 {
		r.SeriesLength = min(side, maxLength)
	}
	return r
}

// sizes are the pictures', by their first bytes.
type sizes struct {
	side int    // the height and width of all, 0 where they differ or are not square
	gray bool   // all are
	odd  string // describes the first picture of another size
}

// readSizes reads the sizes of all pictures.
func readSizes(files []flowFile) (sizes, error) {
	all := sizes{gray: true}
	for i, f := range files {
		c, err := pictureConfig(f.path)
		if err != nil {
			return all, err
		}
		if c.Width > 16*c.Height || c.Height > 16*c.Width {
			return all, fmt.Errorf("dataset: %s: a picture of %d x %d pixels, far from a square", f.path, c.Width, c.Height)
		}
		if i == 0 {
			all.side = c.Width
		}
		if (c.Width != all.side || c.Height != all.side) && all.odd == "" {
			all.odd = fmt.Sprintf("%s: a picture of %d x %d pixels among others of %d", f.path, c.Width, c.Height, all.side)
			if i == 0 || c.Width == all.side {
				all.odd = fmt.Sprintf("%s: a picture of %d x %d pixels, which is not square", f.path, c.Width, c.Height)
			}
		}
		all.gray = all.gray && (c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model)
	}
	return all, nil
}

// pictureConfig reads what the first bytes of a picture claim.
func pictureConfig(path string) (c struct {
	Width, Height int
	ColorModel    color.Model
}, err error) {
	file, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	config, err := png.DecodeConfig(file)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return c, fmt.Errorf("dataset: %s: the PNG file is truncated", path)
	case err != nil:
		return c, fmt.Errorf("dataset: %s: %w", path, err)
	case config.Width > imaging.MaxSide || config.Height > imaging.MaxSide:
		return c, fmt.Errorf("dataset: %s: claims %d x %d pixels: too large to be read", path, config.Width, config.Height)
	}
	c.Width, c.Height, c.ColorModel = config.Width, config.Height, config.ColorModel
	if _, palette := config.ColorModel.(color.Palette); palette {
		c.ColorModel = color.RGBAModel // which can be compared
	}
	return c, nil
}

// guess detects from some of the pictures how all were coloured.
func guess(files []flowFile) (imaging.Rendering, error) {
	const some = 32
	var pictures []imaging.Picture
	for i := 0; i < len(files); i += max(1, len(files)/some) {
		p, err := readPicture(files[i].path)
		if err != nil {
			return imaging.Rendering{}, err
		}
		pictures = append(pictures, p)
	}
	return imaging.Guess(pictures...), nil
}

func readPicture(path string) (imaging.Picture, error) {
	file, err := os.Open(path)
	if err != nil {
		return imaging.Picture{}, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return imaging.Picture{}, fmt.Errorf("dataset: %w", err)
	}
	p, err := imaging.ReadPNG(file, info.Size())
	if err != nil {
		return p, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return p, nil
}

// ErrSizes is wrapped by Open's error about pictures that are not all squares of
// one size, where OpenOptions.Side is 0.
var ErrSizes = errors.New("pictures of several sizes, and no size that all are resized to")

// pictureReading is a folder of pictures that is being read.
type pictureReading struct {
	dir        string
	files      []flowFile
	rows       bool        // the files' are known
	remainders []remainder // of the files; nil where they are not known
	progress   func(completed, total int)
	done       int // files that were read
}

// begin returns the reading of pictures that are resized as the options are.
func (p *pictureReading) begin(sizes sizes, e *Encoding, classes []string, o OpenOptions) (*reading, error) {
	side := o.Side
	if side == 0 {
		if side = sizes.side; sizes.odd != "" {
			return nil, fmt.Errorf("dataset: %s: %w", sizes.odd, ErrSizes)
		}
	}
	channels := o.Channels
	if channels == 0 {
		if channels = 3; sizes.gray {
			channels = 1
		}
	}
	e, err := e.resized(side, channels)
	if err != nil {
		return nil, err
	}
	check := func(n int) error {
		if need := float64(n) * float64(side) * float64(side) * float64(channels); need > maxPictures {
			return fmt.Errorf("dataset: %s: %d pictures of %d x %d pixels and %d channels take %.0f GB: choose a smaller size or fewer", p.dir, n, side, side, channels, need/1e9)
		}
		return nil
	}
	head := &Set{Encoding: e, Classes: classes, Images: e.NewImages(0)}
	return &reading{head: head, left: len(p.files), check: check, fill: p.fill, close: func() error { return nil }}, nil
}

// fill reads the next pictures.
func (p *pictureReading) fill(s *Set) error {
	from := p.done
	p.done += s.Len()
	progress := p.progress
	if progress != nil {
		progress = func(completed, _ int) { p.progress(from+completed, len(p.files)) }
	}
	s.Rows = make([]int, s.Len())
	if err := s.readPictures(p.files[from:p.done], progress); err != nil {
		return err
	}
	if !p.rows {
		s.Rows = nil
	}
	if p.remainders == nil {
		s.SeriesLengths = nil
		return nil
	}
	for i, m := range p.remainders[from:p.done] {
		s.setRemainder(i, m)
	}
	s.forgetUnknown()
	return nil
}

// readPictures reads the pictures, by several goroutines, with their labels and
// rows.
func (s *Set) readPictures(files []flowFile, progress func(completed, total int)) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var next atomic.Int64
	var failed error
	sweep := max(1, garbage/max(1, s.Images.Pixels()))
	for range min(runtime.GOMAXPROCS(0), 8) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				err := s.readPicture(i, files[i])
				if len(s.Images.Bytes) > 4*garbage && i%sweep == sweep-1 {
					runtime.GC() // else what decoding leaves behind grows as large as the set
				}
				mu.Lock()
				if err != nil && failed == nil {
					failed = err
					next.Store(int64(len(files)))
				}
				if progress != nil && (i+1)%64 == 0 {
					progress(i+1, len(files))
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return failed
}

// readPicture reads a file as picture i.
func (s *Set) readPicture(i int, file flowFile) error {
	s.Labels[i], s.Rows[i] = file.label, file.row
	p, err := readPicture(file.path)
	if err == nil {
		copy(s.Images.Picture(i), p.Channels(s.Images.C).Square(s.Images.H).Pix)
	}
	return err
}

// resized is e for pictures of that size and depth.
func (e *Encoding) resized(side, channels int) (*Encoding, error) {
	r := e.recipe
	p := *r.Rendering
	p.Side, p.Depth = side, 0
	if p.Color != "jet" || channels != 3 {
		p.Depth = channels
	}
	r.Rendering = &p
	return NewEncoding(r)
}

// tableHeader are the columns of flows.csv; the last is there where series are windows
// of traces.
var tableHeader = []string{"file", "label", "row", "packets", "zero_down", "trace"}

// readTable reads the files' remainders from flows.csv; nil where there is none.
func readTable(dir string, files []flowFile) ([]remainder, error) {
	name := filepath.Join(dir, flowsName)
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer file.Close()
	index := make(map[string]int, len(files))
	for i, f := range files {
		rel, err := filepath.Rel(dir, f.path)
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		index[filepath.ToSlash(rel)] = i
	}
	all := slices.Repeat([]remainder{{length: -1}}, len(files))
	table := csv.NewReader(file)
	table.FieldsPerRecord = 0 // as many as the first line: six where there are traces
	for first := true; ; first = false {
		fields, err := table.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", name, err) // which names the line itself
		}
		if first && len(fields) != len(tableHeader) && len(fields) != len(tableHeader)-1 {
			return nil, fmt.Errorf("dataset: %s: %d columns, want %s", name, len(fields), strings.Join(tableHeader, ", "))
		}
		if i, here := index[path.Clean(fields[0])]; here && !first {
			trace := ""
			if len(fields) == len(tableHeader) {
				trace = fields[len(fields)-1]
			}
			m, err := parseRemainder(fields[3], fields[4], trace)
			if err != nil {
				line, _ := table.FieldPos(0)
				return nil, fmt.Errorf("dataset: %s: line %d: %w", name, line, err)
			}
			all[i] = m
		}
	}
	return all, nil
}

func (pictureFiles) create(dir string, o SaveOptions, c contents) (writer, placement, error) {
	like := c.encoding.NewImages(0)
	w := &pictureWriter{dir: dir, size: like.H, channels: like.C, names: FileNames(c.classes), classes: c.classes}
	if o.Group != "" {
		w.group = FileNames([]string{o.Group})[0]
	}
	p := placement{others: []string{flowsName}}
	for _, name := range w.names {
		folder := filepath.Join(w.group, name)
		p.classes = append(p.classes, filepath.ToSlash(folder))
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o777); err != nil {
			return nil, p, fmt.Errorf("dataset: %w", err)
		}
	}
	return w, p, nil
}

// flowsName is the table of what pictures do not hold of their flows.
const flowsName = "flows.csv"

// pictureWriter writes a picture a flow.
type pictureWriter struct {
	dir, group     string
	size, channels int
	names, classes []string

	mu    sync.Mutex
	lines []flowLine
}

// flowLine is a picture's line in flows.csv.
type flowLine struct {
	row    int
	fields []string
}

func (w *pictureWriter) parallel() bool { return true }

func (w *pictureWriter) add(label, row int, e encoded) error {
	name := w.names[label]
	name = path.Join(w.group, name, name+"_"+strconv.Itoa(row)+".png")
	file, err := os.OpenFile(filepath.Join(w.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	buffered := bufio.NewWriter(file)
	err = imaging.Picture{W: w.size, H: w.size, C: w.channels, Pix: e.picture}.WritePNG(buffered)
	err = cmp.Or(err, buffered.Flush())
	if err = cmp.Or(err, file.Close()); err != nil {
		return fmt.Errorf("dataset: %s: %w", file.Name(), err)
	}
	packets, zeroDown, trace := e.fields()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, flowLine{row, []string{name, w.classes[label], strconv.Itoa(row), packets, zeroDown, trace}})
	return nil
}

func (w *pictureWriter) close() error {
	slices.SortFunc(w.lines, func(a, b flowLine) int {
		return cmp.Or(cmp.Compare(a.row, b.row), strings.Compare(a.fields[0], b.fields[0]))
	})
	columns := len(tableHeader)
	if !slices.ContainsFunc(w.lines, func(l flowLine) bool { return l.fields[columns-1] != "" }) {
		columns--
	}
	lines := [][]string{tableHeader[:columns]}
	for _, l := range w.lines {
		lines = append(lines, l.fields[:columns])
	}
	return writeTable(filepath.Join(w.dir, flowsName), lines)
}

func (w *pictureWriter) abort() {}

func writeTable(path string, lines [][]string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	if err := cmp.Or(csv.NewWriter(file).WriteAll(lines), file.Close()); err != nil {
		return fmt.Errorf("dataset: %s: %w", path, err)
	}
	return nil
}
