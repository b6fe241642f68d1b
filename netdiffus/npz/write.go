package npz

import (
	"archive/zip"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// Named is an array and its name in an archive, without ".npy".
type Named struct {
	Name string
	Array
}

// Write writes the arrays, in this order and uncompressed, to the file at
// path, as np.savez does. The file appears when it is complete and on the
// disk, over one that was there.
func Write(path string, arrays ...Named) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	defer f.Abort()
	if err := Encode(f, arrays...); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	return nil
}

// Encode writes an archive of the arrays to w.
func Encode(w io.Writer, arrays ...Named) error {
	z := NewWriter(w)
	for _, a := range arrays {
		if err := z.Add(a.Name, a.Array); err != nil {
			return err
		}
	}
	return z.Close()
}

// Writer writes an archive, array after array. The same arrays give the same
// bytes: files carry NumPy's date, 1 January 1980.
type Writer struct {
	zip    *zip.Writer
	names  map[string]bool
	stream interface{ done() error } // the array under way, if any
	buffer []byte
}

// NewWriter returns a Writer to w. Close it to finish the archive; w stays
// open.
func NewWriter(w io.Writer) *Writer {
	return &Writer{zip: zip.NewWriter(w), names: map[string]bool{}}
}

// Add writes an array.
func (w *Writer) Add(name string, a Array) error {
	switch d := a.data.(type) {
	case []bool:
		return add(w, name, a, d)
	case []int8:
		return add(w, name, a, d)
	case []int16:
		return add(w, name, a, d)
	case []int32:
		return add(w, name, a, d)
	case []int64:
		return add(w, name, a, d)
	case []uint8:
		return add(w, name, a, d)
	case []uint16:
		return add(w, name, a, d)
	case []uint32:
		return add(w, name, a, d)
	case []uint64:
		return add(w, name, a, d)
	case []float32:
		return add(w, name, a, d)
	case []float64:
		return add(w, name, a, d)
	}
	return fmt.Errorf("npz: %s: an array without data", name)
}

func add[T Element](w *Writer, name string, a Array, data []T) error {
	if len(data) <= chunk {
		return w.addSmall(name, a)
	}
	s, err := Begin[T](w, name, a.Shape...)
	if err != nil {
		return err
	}
	return s.Append(data)
}

// addSmall writes an array whose checksum can stand before its data, as in
// NumPy's own files.
func (w *Writer) addSmall(name string, a Array) error {
	if err := w.next(name); err != nil {
		return err
	}
	w.buffer = appendHeader(w.buffer[:0], a.DType(), a.Shape)
	w.buffer = appendBody(w.buffer, a.data)
	h := entryHeader(name)
	h.CRC32 = crc32.ChecksumIEEE(w.buffer)
	h.UncompressedSize64 = uint64(len(w.buffer))
	h.CompressedSize64 = h.UncompressedSize64
	entry, err := w.zip.CreateRaw(h)
	if err == nil {
		_, err = entry.Write(w.buffer)
	}
	if err != nil {
		return fmt.Errorf("npz: %s: %w", name, err)
	}
	return nil
}

// next ends the array under way and takes the name of the following one.
func (w *Writer) next(name string) error {
	if w.stream != nil {
		stream := w.stream
		w.stream = nil
		if err := stream.done(); err != nil {
			return err
		}
	}
	if name == "" || w.names[name] {
		return fmt.Errorf("npz: array name %q is empty or taken", name)
	}
	w.names[name] = true
	return nil
}

// Close writes the archive's directory.
func (w *Writer) Close() error {
	if w.stream != nil {
		if err := w.stream.done(); err != nil {
			return err
		}
	}
	if err := w.zip.Close(); err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	return nil
}

func entryHeader(name string) *zip.FileHeader {
	h := &zip.FileHeader{Name: name + ".npy", Method: zip.Store}
	//lint:ignore SA1019 Modified would write the time a second time, in a form of its own
	h.ModifiedDate = 1<<5 | 1 // 1980-01-01
	return h
}

// Stream is an array whose values come bit by bit.
type Stream[T Element] struct {
	w     *Writer
	name  string
	entry io.Writer
	left  int // values still to come
	err   error
}

// Begin starts an array of the shape in w, its values to come through Append.
// The next Begin, Add or Close ends it.
func Begin[T Element](w *Writer, name string, shape ...int) (*Stream[T], error) {
	if err := w.next(name); err != nil {
		return nil, err
	}
	n, err := arrays.Elements(shape)
	if err != nil {
		return nil, fmt.Errorf("npz: %s: %w", name, err)
	}
	entry, err := w.zip.CreateHeader(entryHeader(name))
	if err == nil {
		_, err = entry.Write(appendHeader(nil, dtypeOf[T](), shape))
	}
	if err != nil {
		return nil, fmt.Errorf("npz: %s: %w", name, err)
	}
	s := &Stream[T]{w: w, name: name, entry: entry, left: n}
	w.stream = s
	return s, nil
}

// Append writes the next values, row-major.
func (s *Stream[T]) Append(values []T) error {
	if s.err != nil {
		return s.err
	}
	if len(values) > s.left {
		s.err = fmt.Errorf("npz: %s: more values than the shape holds", s.name)
		return s.err
	}
	s.left -= len(values)
	for len(values) > 0 && s.err == nil {
		n := min(len(values), chunk/8)
		s.w.buffer = appendBody(s.w.buffer[:0], values[:n])
		values = values[n:]
		if _, err := s.entry.Write(s.w.buffer); err != nil {
			s.err = fmt.Errorf("npz: %s: %w", s.name, err)
		}
	}
	return s.err
}

func (s *Stream[T]) done() error {
	if s.err == nil && s.left > 0 {
		s.err = fmt.Errorf("npz: %s: %d values are missing", s.name, s.left)
	}
	return s.err
}
