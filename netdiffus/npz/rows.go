package npz

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
)

// Rows are the rows of an array along its first axis, read from the file when they are
// asked for and in any order, by several goroutines at once. Its checksum is not
// verified: a RowReader does that.
type Rows struct {
	file   *File
	key    string
	header header
	data   io.ReaderAt // of the array's values
	width  int         // values of a row
}

// Rows returns the rows of the array of that name, whose file must stay open. It fails
// for an array that is compressed or column-major.
func (f *File) Rows(key string) (*Rows, error) {
	rows, err := f.rows(key)
	if err != nil {
		return nil, f.error(key, err)
	}
	return rows, nil
}

func (f *File) rows(key string) (*Rows, error) {
	r, size, err := f.entry(key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	if err := h.checkSize(size); err != nil {
		return nil, err
	}
	width, err := h.rowWidth()
	switch {
	case err != nil:
		return nil, err
	case h.fortran && len(h.shape) > 1:
		return nil, errors.New("column-major, want row-major")
	}
	rows := &Rows{file: f, key: key, header: h, width: width}
	start, whole := int64(0), io.ReaderAt(f.plain)
	if f.entries != nil {
		entry := f.entries[trimmed(key)]
		if entry.Method != zip.Store {
			return nil, errors.New("compressed, want an array written as it is (numpy.savez)")
		}
		if start, err = entry.DataOffset(); err != nil {
			return nil, err
		}
		whole = f.reader
	}
	rows.data = io.NewSectionReader(whole, start+h.bytes, size.bytes-h.bytes)
	return rows, nil
}

// Shape is that of the whole array.
func (r *Rows) Shape() []int { return r.header.shape }

// DType is the type of the elements in the file, as "f8".
func (r *Rows) DType() string { return r.header.dtype }

// Len returns the number of rows.
func (r *Rows) Len() int { return r.header.shape[0] }

// Read reads n rows, from the one numbered from.
func (r *Rows) Read(from, n int) (Array, error) {
	if from < 0 || n < 0 || from > r.Len()-n {
		return Array{}, r.file.error(r.key, fmt.Errorf("rows from %d to %d of %d", from, from+n, r.Len()))
	}
	h := r.header.ofRows(n)
	at := int64(r.width) * int64(h.size())
	a, err := readBody(io.NewSectionReader(r.data, int64(from)*at, int64(n)*at), h, n*r.width)
	if err != nil {
		return Array{}, r.file.error(r.key, err)
	}
	return a, nil
}

// rowWidth is the number of values of a row along the first axis.
func (h header) rowWidth() (int, error) {
	if len(h.shape) == 0 {
		return 0, errors.New("a single number, want an array")
	}
	width := 1
	for _, n := range h.shape[1:] {
		width *= n
	}
	return width, nil
}

// ofRows is the header of n of the rows.
func (h header) ofRows(n int) header {
	h.shape = append([]int{n}, h.shape[1:]...)
	return h
}
