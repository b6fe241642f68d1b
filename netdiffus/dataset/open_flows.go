package dataset

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// flowFile is the file of one flow.
type flowFile struct {
	path       string
	label, row int
}

// openFlows reads a set of the PerFlow layout.
func openFlows(sources []source, r Recipe) (*Set, error) {
	var files []flowFile
	for label, c := range sources {
		inside, err := flowFiles(c.path, label)
		if err != nil {
			return nil, err
		}
		if c.counted && len(inside) != c.flows {
			return nil, fmt.Errorf("dataset: %s holds %d flows, the manifest says %d", c.path, len(inside), c.flows)
		}
		files = append(files, inside...)
	}
	slices.SortStableFunc(files, func(a, b flowFile) int { return cmp.Compare(a.row, b.row) })
	return readFlows(files, sources, r)
}

// readFlows reads per-flow files into a set of the sources' classes, in this
// order.
func readFlows(files []flowFile, sources []source, r Recipe) (*Set, error) {
	key, size, channels := r.withDefaults().Image.Name(), 0, len(r.Channels())
	if len(files) > 0 {
		first, err := readFlow(files[0].path, key, channels)
		if err != nil {
			return nil, err
		}
		size = first.size
	}
	s, err := newSet(sources, r, size)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", filepath.Dir(sources[0].path), err)
	}
	s.Images = imaging.New(len(files), size, size, channels)
	s.Labels, s.Rows, s.Lengths = make([]int, len(files)), make([]int, len(files)), make([]int, len(files))
	zeroDown := make([][]int, len(files))

	var wait sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for w := range errs {
		wait.Go(func() {
			for i := w; i < len(files) && errs[w] == nil; i += len(errs) {
				f := files[i]
				read, err := readFlow(f.path, key, channels)
				if err == nil && read.size != size {
					err = fmt.Errorf("dataset: %s: an image of size %d, want %d as in %s", f.path, read.size, size, files[0].path)
				}
				errs[w] = err
				copy(s.Images.At(i), read.image)
				s.Labels[i], s.Rows[i], s.Lengths[i], zeroDown[i] = f.label, f.row, read.length, read.zeroDown
			}
		})
	}
	wait.Wait()
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	for i, places := range zeroDown {
		s.setZeroDown(i, places)
	}
	s.forgetUnknown()
	return s, s.check()
}

// flowFiles lists the per-flow files of a class.
func flowFiles(dir string, label int) ([]flowFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	var files []flowFile
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), ".npz")
		if !ok || strings.HasPrefix(stem, ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		row, err := strconv.Atoi(stem[strings.LastIndexByte(stem, '_')+1:])
		if err != nil || row < 0 {
			return nil, fmt.Errorf("dataset: %s: want a name that ends in _ROW.npz", path)
		}
		files = append(files, flowFile{path, label, row})
	}
	return files, nil
}

// readImage is an image as a file gives it.
type readImage struct {
	encoded
	size int
}

// readFlow reads a per-flow file, its image of so many channels under key.
func readFlow(path, key string, channels int) (readImage, error) {
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
	if out.size, err = checkShape(image.Shape, image.DType(), channels); err == nil {
		out.image = image.Floats()
		if key == halvedKey {
			out.image = doubled(out.image)
		}
		err = checkFinite(out.image)
	}
	if err != nil {
		return out, fmt.Errorf("dataset: %s: %s: %w", path, key, err)
	}
	out.length = -1
	if f.Has("length") {
		lengths, err := readInts(f, "length")
		if err != nil {
			return out, fmt.Errorf("dataset: %w", err)
		}
		if len(lengths) != 1 || lengths[0] < 0 || lengths[0] > maxLength {
			return out, fmt.Errorf("dataset: %s: length: want one number of packets, got %.4v", path, lengths)
		}
		out.length = lengths[0]
	}
	if f.Has("zero_down") {
		if out.zeroDown, err = readInts(f, "zero_down"); err != nil {
			return out, fmt.Errorf("dataset: %w", err)
		}
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

// readInts reads an array of whole numbers.
func readInts(f *npz.File, key string) ([]int, error) {
	a, err := f.Read(key)
	if err != nil {
		return nil, err
	}
	wide, err := a.Ints()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	out := make([]int, len(wide))
	for i, v := range wide {
		out[i] = int(v)
	}
	return out, nil
}
