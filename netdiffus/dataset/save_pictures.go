package dataset

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// newPictureWriter makes a writer of counts[i] pictures of each class.
func newPictureWriter(dir string, o SaveOptions, r Recipe, classes []string, counts []int, lengths bool) (writer, error) {
	if err := r.Rendering.Validate(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	none := r.NewImages(0)
	names := FileNames(classes)
	switch o.Layout {
	case "", PerFlow, Pictures:
		w := &pictureWriter{dir: dir, size: none.H, channels: none.C, names: names, classes: classes}
		if o.Group != "" {
			w.group = FileNames([]string{o.Group})[0]
		}
		var paths []string
		for _, name := range names {
			folder := filepath.Join(w.group, name)
			paths = append(paths, filepath.ToSlash(folder))
			if err := os.MkdirAll(filepath.Join(dir, folder), 0o777); err != nil {
				return nil, fmt.Errorf("dataset: %w", err)
			}
		}
		w.manifest = newManifest(Pictures, r, classes, paths, counts)
		w.manifest.Files = []string{flowsName}
		return w, nil
	case PerClass, Samples, Arrays:
		return newArrayWriter(dir, none, r, classes, counts, lengths)
	}
	return nil, fmt.Errorf("dataset: layout %q: want %s or %s", o.Layout, Pictures, Arrays)
}

// flowsName is the table of what pictures do not tell of their flows.
const flowsName = "flows.csv"

// pictureWriter writes the Pictures layout.
type pictureWriter struct {
	dir, group     string
	size, channels int
	names, classes []string
	manifest       manifest

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
	fields := []string{name, w.classes[label], strconv.Itoa(row), "", ""}
	if e.length >= 0 {
		fields[3] = strconv.Itoa(e.length)
	}
	fields[4] = strings.Trim(fmt.Sprint(e.zeroDown), "[]")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, flowLine{row, fields})
	return nil
}

func (w *pictureWriter) finish(f finish) error {
	slices.SortFunc(w.lines, func(a, b flowLine) int {
		return cmp.Or(cmp.Compare(a.row, b.row), strings.Compare(a.fields[0], b.fields[0]))
	})
	lines := [][]string{{"file", "label", "row", "packets", "zero_down"}}
	for _, l := range w.lines {
		lines = append(lines, l.fields)
	}
	if err := writeTable(filepath.Join(w.dir, flowsName), lines); err != nil {
		return err
	}
	return w.manifest.finish(w.dir, f)
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

// labelMapName is the reference's table of classes.
const labelMapName = "label_map.csv"

// arrayWriter writes the Arrays layout. The pictures go straight to the file.
type arrayWriter struct {
	dir      string
	manifest manifest
	classes  []string
	file     *os.File // nil when it is closed
	buffer   *bufio.Writer
	archive  *npz.Writer
	pictures *npz.Stream[uint8]
	known    bool // lengths and rows are known

	labels, lengths, rows, zeroDown []int64
}

func newArrayWriter(dir string, none imaging.Images, r Recipe, classes []string, counts []int, known bool) (*arrayWriter, error) {
	n := 0
	for _, c := range counts {
		n += c
	}
	name := fmt.Sprintf("samples_%dx%dx%dx%d.npz", n, none.H, none.W, none.C)
	w := &arrayWriter{dir: dir, classes: classes, known: known}
	w.manifest = newManifest(Arrays, r, classes, slices.Repeat([]string{name}, len(classes)), counts)
	w.manifest.Files = []string{labelMapName}
	var err error
	if w.file, err = os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	w.buffer = bufio.NewWriterSize(w.file, 64<<10)
	w.archive = npz.NewWriter(w.buffer)
	w.pictures, err = npz.Begin[uint8](w.archive, "arr_0", n, none.H, none.W, none.C)
	if err != nil {
		w.abort()
	}
	return w, err
}

func (w *arrayWriter) parallel() bool { return false }

func (w *arrayWriter) add(label, row int, e encoded) error {
	for _, place := range e.zeroDown {
		w.zeroDown = append(w.zeroDown, int64(len(w.rows)), int64(place))
	}
	w.labels = append(w.labels, int64(label))
	w.lengths = append(w.lengths, int64(e.length))
	w.rows = append(w.rows, int64(row))
	return w.pictures.Append(e.picture)
}

func (w *arrayWriter) finish(f finish) error {
	err := w.archive.Add("arr_1", npz.New(w.labels))
	if w.known && err == nil {
		err = errors.Join(w.archive.Add("lengths", npz.New(w.lengths)), w.archive.Add("rows", npz.New(w.rows)))
	}
	if len(w.zeroDown) > 0 && err == nil {
		err = w.archive.Add("zero_down", npz.New(w.zeroDown, len(w.zeroDown)/2, 2))
	}
	if err == nil {
		err = w.archive.Close()
	}
	if err == nil {
		err = w.buffer.Flush()
	}
	name := w.file.Name()
	if err = cmp.Or(err, w.file.Close()); err != nil {
		return fmt.Errorf("dataset: %s: %w", name, err)
	}
	w.file = nil
	lines := [][]string{{"label", "index"}}
	for i, class := range w.classes {
		lines = append(lines, []string{class, strconv.Itoa(i)})
	}
	if err := writeTable(filepath.Join(w.dir, labelMapName), lines); err != nil {
		return err
	}
	return w.manifest.finish(w.dir, f)
}

func (w *arrayWriter) abort() {
	if w.file != nil {
		w.file.Close()
	}
}
