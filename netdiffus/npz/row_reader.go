package npz

import (
	"io"
	"reflect"
)

// RowReader reads the rows of an array along its first axis in their order, so many at a
// time, whether the array is compressed or not. Of a column-major one it holds all rows.
type RowReader struct {
	file   *File
	key    string
	data   io.ReadCloser
	header header
	size   entrySize
	width  int // values of a row
	left   int
	ended  bool
	whole  Array // all rows of a column-major array, once they are needed
}

// RowReader begins to read the array of that name, whose file must stay open. Several
// may be read at the same time. Close it after use.
func (f *File) RowReader(key string) (*RowReader, error) {
	r := &RowReader{file: f, key: key}
	if err := r.open(); err != nil {
		return nil, f.error(key, err)
	}
	return r, nil
}

func (r *RowReader) open() (err error) {
	if r.data, r.size, err = r.file.entry(r.key); err != nil {
		return err
	}
	if r.header, err = readHeader(r.data); err == nil {
		r.width, err = r.header.rowWidth()
	}
	if err == nil {
		err = r.header.checkSize(r.size)
	}
	if err != nil {
		r.data.Close()
		return err
	}
	r.left = r.header.shape[0]
	return nil
}

// Shape is that of the whole array.
func (r *RowReader) Shape() []int { return r.header.shape }

// DType is the type of the elements in the file, as "f8".
func (r *RowReader) DType() string { return r.header.dtype }

// Left returns the number of rows that were not read yet.
func (r *RowReader) Left() int { return r.left }

// Check reports n rows that may not be held at once: for arrays, read in part, the limits
// of File.Limit are those of the part.
func (r *RowReader) Check(n int) error {
	need := int64(r.header.ofRows(n).elements()) * int64(r.header.size())
	if err := r.file.checkHeld(need, r.header, r.size); err != nil {
		return r.file.error(r.key, err)
	}
	return nil
}

// Next reads the next n rows, or those that are left where they are fewer: none at the end.
// With the last one the checksum is compared.
func (r *RowReader) Next(n int) (Array, error) {
	n = min(n, r.left)
	if err := r.Check(n); err != nil {
		return Array{}, err
	}
	a, err := r.next(n)
	if err == nil && n == r.left && !r.ended {
		r.ended, err = true, atEnd(r.data)
	}
	if err != nil {
		return Array{}, r.file.error(r.key, err)
	}
	r.left -= n
	return a, nil
}

func (r *RowReader) next(n int) (Array, error) {
	if !r.header.fortran || len(r.header.shape) == 1 {
		return readBody(r.data, r.header.ofRows(n), n*r.width)
	}
	if r.whole.data == nil {
		if err := r.file.checkHeld(r.size.bytes, r.header, r.size); err != nil {
			return Array{}, err
		}
		var err error
		if r.whole, err = readBody(r.data, r.header, r.header.elements()); err != nil {
			return Array{}, err
		}
	}
	from := (r.header.shape[0] - r.left) * r.width
	part := reflect.ValueOf(r.whole.data).Slice(from, from+n*r.width)
	return Array{Shape: r.header.ofRows(n).shape, dtype: r.header.dtype, data: part.Interface()}, nil
}

// Close ends the reading, which need not have come to the end.
func (r *RowReader) Close() error { return r.data.Close() }

// EachRow calls do with the values of each of an array's rows along its first axis,
// in their order, as float64, valid until the next. Of row-major arrays it holds a few
// rows at a time.
func (f *File) EachRow(key string, do func(row int, values []float64) error) error {
	r, err := f.RowReader(key)
	if err != nil {
		return err
	}
	defer r.Close()
	few := max(1, chunk/max(1, r.width*r.header.size()))
	for row := 0; ; {
		a, err := r.Next(few)
		if err != nil {
			return err
		}
		if a.Shape[0] == 0 {
			return nil
		}
		values := a.Floats()
		for i := range a.Shape[0] {
			if err := do(row, values[i*r.width:(i+1)*r.width]); err != nil {
				return err
			}
			row++
		}
	}
}
