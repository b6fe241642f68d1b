package dataset

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// flowWriter writes the PerFlow layout.
type flowWriter struct {
	dir, key string
	shape    []int // of an image
	names    []string
	manifest manifest
}

// flowShape is the shape of a per-flow file's image: the reference's [L,L], and
// [L,L,C] only where there are several channels.
func flowShape(r Recipe) []int {
	size := r.Image.Size(r.Length)
	if n := len(r.Channels()); n > 1 {
		return []int{size, size, n}
	}
	return []int{size, size}
}

func (w *flowWriter) add(label, row int, e encoded) error {
	arrays := []npz.Named{{Name: w.key, Array: npz.New(e.image, w.shape...)}}
	if e.length >= 0 {
		arrays = append(arrays, npz.Named{Name: "length", Array: npz.New([]int64{int64(e.length)}, []int{}...)})
	}
	if len(e.zeroDown) > 0 {
		arrays = append(arrays, npz.Named{Name: "zero_down", Array: npz.New(int64s(e.zeroDown))})
	}
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
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("dataset: %s: %w", file.Name(), err)
	}
	return nil
}

func (w *flowWriter) parallel() bool { return true }

func (w *flowWriter) finish(f finish) error { return w.manifest.finish(w.dir, f) }

func (w *flowWriter) abort() {}

func int64s(values []int) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return out
}
