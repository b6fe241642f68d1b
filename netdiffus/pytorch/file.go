package pytorch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// File is an open checkpoint. Its structure is read; its tensors are when they
// are asked for.
type File struct {
	// Root is what was saved: see List, Tuple, Dict and View.
	Root any

	name     string // for errors
	closer   io.Closer
	mem      *budget
	storages map[string]*storage
	load     func(s *storage) ([]byte, error)
	swap     bool // values are big-endian
}

// Open reads the structure of the checkpoint at path, in the zip format of
// PyTorch 1.6 and later or in the one before it. Close it after use.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("pytorch: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	var opened *File
	if err == nil {
		opened, err = newFile(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("pytorch: %s: %w", path, err)
	}
	opened.name, opened.closer = path+": ", f
	return opened, nil
}

// newFile reads the structure of the checkpoint that r holds in its first size
// bytes.
func newFile(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, min(size, 512))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	f := &File{mem: newBudget(size), storages: map[string]*storage{}}
	switch {
	case len(head) == 0:
		return nil, errors.New("the file is empty")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return f, f.openZip(r, size)
	case head[0] == 0x80:
		return f, f.openLegacy(r, size)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return nil, errors.New("a tar archive, as PyTorch wrote before 0.1.10: load and save it with a newer one")
	}
	return nil, fmt.Errorf("no checkpoint of PyTorch's (starts with %q)", head[:min(8, len(head))])
}

// Close closes the file. Tensors that were read stay.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Read reads a tensor of the file.
func (f *File) Read(v *View) (Tensor, error) {
	t, err := f.read(v)
	if err != nil {
		return Tensor{}, fmt.Errorf("pytorch: %s%w", f.name, err)
	}
	return t, nil
}

func (f *File) read(v *View) (Tensor, error) {
	t := Tensor{DType: v.DType, Shape: slices.Clone(v.Shape)}
	count, err := arrays.Elements(v.Shape)
	if err != nil || count == 0 {
		return t, err
	}
	n := int64(count)
	s := v.storage
	if s.data == nil {
		if s.data, err = f.load(s); err != nil {
			return t, err
		}
		if f.swap {
			swapBytes(s.data, dtypeBytes[v.DType])
		}
	}
	width := int64(dtypeBytes[v.DType])
	if v.contiguous() {
		t.Data = s.data[v.offset*width:][: n*width : n*width]
		return t, nil
	}
	// A view may repeat values without end: strides can be 0.
	if n > int64(*f.mem) {
		return t, errMemory
	}
	if err := f.mem.spend(n * width); err != nil {
		return t, err
	}
	t.Data = make([]byte, n*width)
	v.gather(t.Data)
	return t, nil
}

// swapBytes turns each value of so many bytes round.
func swapBytes(data []byte, width int) {
	for ; len(data) >= width; data = data[width:] {
		slices.Reverse(data[:width])
	}
}

// resolve returns the storage of a persistent id: ("storage", class, key,
// location, number of values[, view]).
func (f *File) resolve(id any) (any, error) {
	t, ok := id.(Tuple)
	if !ok || len(t) < 5 || t[0] != "storage" {
		if ok && len(t) > 0 && t[0] == "module" {
			return nil, errors.New("a pickled module: save model.state_dict(), not the model")
		}
		return nil, errors.New("a persistent id that is no storage's")
	}
	class, isClass := t[1].(global)
	key, isKey := t[2].(string)
	n, isCount := t[4].(int64)
	if !isClass || !isKey || !isCount || n < 0 || n > 1<<59 {
		return nil, fmt.Errorf("a storage of a %s called %s with %v values", kindOf(t[1]), kindOf(t[2]), kindOf(t[4]))
	}
	s, err := f.storage(class, key, n)
	if err != nil {
		return nil, err
	}
	if len(t) > 5 && t[5] != nil {
		return s.part(t[5])
	}
	return s, nil
}

// storage returns the storage called key, which it makes at its first mention. It
// must have the same type and number of values at every mention.
func (f *File) storage(class global, key string, values int64) (*storage, error) {
	dtype := storageTypes[class.name]
	if dtype == "" && class.name != "UntypedStorage" {
		return nil, fmt.Errorf("%s is no storage", class)
	}
	s, known := f.storages[key]
	if !known {
		s = &storage{key: key, dtype: dtype, values: values}
		f.storages[key] = s
		if err := f.mem.spend(costItem + int64(len(key))); err != nil {
			return nil, err
		}
	}
	if s.dtype != dtype || s.values != values {
		return nil, fmt.Errorf("storage %q is of %d %s, and of %d %s elsewhere", key, values, dtype, s.values, s.dtype)
	}
	return s, nil
}

// part is a part of a storage, (key, offset, size), as old files have them.
func (s *storage) part(view any) (*storage, error) {
	if t, _ := view.(Tuple); len(t) == 3 {
		start, ok1 := t[1].(int64)
		size, ok2 := t[2].(int64)
		if ok1 && ok2 && start >= 0 && size >= 0 && start <= s.values && size <= s.values-start {
			return &storage{key: s.key, dtype: s.dtype, values: size, whole: s, start: start}, nil
		}
	}
	return nil, fmt.Errorf("a part that lies outside storage %q", s.key)
}
