package dataset

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// flowFiles is the layout PerFlow.
type flowFiles struct{}

func (flowFiles) name() Layout   { return PerFlow }
func (flowFiles) pictures() bool { return false }

// detect takes files in folders, and files next to each other that hold one flow
// each.
func (flowFiles) detect(f found) bool {
	if !f.folder || len(f.arrays) == 0 {
		return false
	}
	return f.classFrom == FromFile || slices.ContainsFunc(f.arrays, func(file foundFile) bool { return len(file.folders) > 0 }) || holdsOneFlow(f.arrays[0].path)
}

// holdsOneFlow reports whether the file is of one image instead of a class's.
func holdsOneFlow(path string) bool {
	f, err := npz.Open(path)
	if err != nil {
		return false // reading it proper reports it
	}
	defer f.Close()
	if f.Has("images") || f.Has("arr_0") && len(f.Keys()) > 1 {
		return false
	}
	return slices.ContainsFunc(f.Keys(), func(key string) bool {
		shape, _, err := f.Shape(key)
		return err == nil && len(shape) == 2
	})
}

func (flowFiles) open(f found, o OpenOptions) (*reading, error) {
	e, err := f.encoding(o)
	if err != nil {
		return nil, err
	}
	classes, files, rows, err := f.flows()
	if err != nil {
		return nil, err
	}
	if len(o.chosen) > 0 {
		seen := make([]int, len(classes))
		files = slices.DeleteFunc(files, func(file flowFile) bool {
			seen[file.label]++
			return !o.chosen.has(classes[file.label], seen[file.label]-1)
		})
	}
	key, size := e.Image().Name(), 0
	if len(files) > 0 {
		first, err := e.readFlow(files[0].path, key)
		if err != nil {
			return nil, err
		}
		size = first.size
	}
	head, err := f.head(o, e, size)
	if err != nil {
		return nil, err
	}
	head.Classes = classes
	fill := func(s *Set) error {
		some := files[:s.Len()]
		files = files[s.Len():]
		if err := s.readFlows(some, key); err != nil {
			return err
		}
		if !rows {
			s.Rows = nil
		}
		return nil
	}
	return &reading{head: head, left: len(files), fill: fill, close: func() error { return nil }}, nil
}

// flows lists the classes and the files of one flow each, in the order of their
// rows where these are known.
func (f found) flows() (classes []string, files []flowFile, rows bool, err error) {
	if f.manifest == nil {
		nested := slices.ContainsFunc(f.arrays, func(file foundFile) bool { return len(file.folders) > 1 })
		flat := !slices.ContainsFunc(f.arrays, func(file foundFile) bool { return len(file.folders) > 0 })
		if nested || flat || f.classFrom == FromFile {
			return labelled(f.arrays, f.classFrom)
		}
		if at := slices.IndexFunc(f.arrays, func(file foundFile) bool { return len(file.folders) == 0 }); at >= 0 {
			return nil, nil, false, fmt.Errorf("dataset: %s holds .npz files both in it and in folders, such as %s: which are the classes?", f.path, f.arrays[at].path)
		}
		for _, file := range f.arrays {
			if i, found := slices.BinarySearch(classes, file.folders[0]); !found {
				classes = slices.Insert(classes, i, file.folders[0])
			}
		}
		for _, file := range f.arrays {
			label, _ := slices.BinarySearch(classes, file.folders[0])
			files = append(files, flowFile{file.path, label, file.row()})
		}
	} else {
		classes = f.manifest.labels()
		for label, c := range f.manifest.Classes {
			of, err := f.manifest.classFiles(f.path, c, ".npz", "flows")
			if err != nil {
				return nil, nil, false, err
			}
			for _, file := range of {
				files = append(files, flowFile{file.path, label, file.row()})
			}
		}
	}
	if at := slices.IndexFunc(files, func(file flowFile) bool { return file.row < 0 }); at >= 0 {
		return nil, nil, false, fmt.Errorf("dataset: %s: want a name that ends in _ROW.npz", files[at].path)
	}
	slices.SortStableFunc(files, func(a, b flowFile) int { return cmp.Compare(a.row, b.row) })
	return classes, files, true, nil
}

// readFlows reads the files' images, under key, with their labels and rows.
func (s *Set) readFlows(files []flowFile, key string) error {
	s.Rows = make([]int, len(files))
	remainders := make([]remainder, len(files))
	var wait sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for w := range errs {
		wait.Go(func() {
			for i := w; i < len(files) && errs[w] == nil; i += len(errs) {
				f := files[i]
				read, err := s.Encoding.readFlow(f.path, key)
				if err == nil && read.size != s.Images.W {
					err = fmt.Errorf("dataset: %s: an image of size %d, want %d as the first one", f.path, read.size, s.Images.W)
				}
				errs[w] = err
				copy(s.Images.At(i), read.image)
				s.Labels[i], s.Rows[i], remainders[i] = f.label, f.row, read.remainder
			}
		})
	}
	wait.Wait()
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	for i, m := range remainders {
		s.setRemainder(i, m)
	}
	s.forgetUnknown()
	return nil
}

// readImage is an image as a file gives it.
type readImage struct {
	image []float64
	size  int
	remainder
}

// readFlow reads a per-flow file, its image under key.
func (e *Encoding) readFlow(path, key string) (readImage, error) {
	var out readImage
	f, err := npz.Open(path)
	if err != nil {
		return out, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	key = imageKey(f, key)
	image, err := f.Read(key)
	if err != nil {
		return out, fmt.Errorf("dataset: %w", err)
	}
	if out.size, err = e.checkShape(image.Shape, image.DType()); err == nil {
		out.image = image.Floats()
		if key == halvedKey {
			out.image = doubled(out.image)
		}
		err = checkFinite(out.image)
	}
	if err != nil {
		return out, fmt.Errorf("dataset: %s: %s: %w", path, key, err)
	}
	if out.remainder, err = readRemainder(f); err != nil {
		return out, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return out, nil
}

// halvedKey names images g that hold g/2 + 1/2: the reference's older variant.
const halvedKey = "x"

func doubled(image []float64) []float64 {
	out := make([]float64, len(image))
	for i, v := range image {
		out[i] = 2*v - 1
	}
	return out
}

func (flowFiles) create(dir string, _ SaveOptions, c contents) (writer, placement, error) {
	names := FileNames(c.classes)
	for _, name := range names {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			return nil, placement{}, fmt.Errorf("dataset: %w", err)
		}
	}
	// The reference's [L,L], and [L,L,C] only where there are several channels.
	like := c.encoding.NewImages(0)
	shape := []int{like.H, like.W}
	if like.C > 1 {
		shape = append(shape, like.C)
	}
	return &flowWriter{dir, c.encoding.Image().Name(), shape, names}, placement{classes: names}, nil
}

// flowWriter writes a file a flow.
type flowWriter struct {
	dir, key string
	shape    []int // of an image
	names    []string
}

func (w *flowWriter) add(label, row int, e encoded) error {
	arrays := append([]npz.Named{{Name: w.key, Array: npz.New(e.image, w.shape...)}}, e.arrays()...)
	name := w.names[label]
	file, err := os.OpenFile(filepath.Join(w.dir, name, name+"_"+strconv.Itoa(row)+".npz"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	buffered := bufio.NewWriter(file)
	err = npz.Encode(buffered, arrays...)
	if err == nil {
		err = buffered.Flush()
	}
	if err = cmp.Or(err, file.Close()); err != nil {
		return fmt.Errorf("dataset: %s: %w", file.Name(), err)
	}
	return nil
}

func (w *flowWriter) parallel() bool { return true }

func (w *flowWriter) close() error { return nil }

func (w *flowWriter) abort() {}
