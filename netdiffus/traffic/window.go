package traffic

import (
	"errors"
	"io"
)

// window reads a file from its beginning to its end in large pieces, which
// it returns without copying.
type window struct {
	r      io.Reader
	buf    []byte
	lo, hi int   // buf[lo:hi] is read but not yet taken
	offset int64 // of buf[lo] in the file, bytes
	err    error // what the reader ended with
}

func newWindow(r io.Reader) *window {
	return &window{r: r, buf: make([]byte, 1<<18)}
}

// take returns the next n bytes; they are valid until the next call. At the
// end of the file it returns io.EOF, and io.ErrUnexpectedEOF where the file
// ends within the n bytes, which then stay untaken.
func (w *window) take(n int) ([]byte, error) {
	if w.hi-w.lo < n {
		if err := w.fill(n); err != nil {
			return nil, err
		}
	}
	b := w.buf[w.lo : w.lo+n]
	w.lo += n
	w.offset += int64(n)
	return b, nil
}

// fill reads until n bytes are there. The buffer grows only as bytes arrive,
// so that a length field cannot make it larger than twice the file.
func (w *window) fill(n int) error {
	copy(w.buf, w.buf[w.lo:w.hi])
	w.lo, w.hi = 0, w.hi-w.lo
	for w.hi < n {
		if w.err != nil {
			if w.err == io.EOF && w.hi > 0 {
				return io.ErrUnexpectedEOF
			}
			return w.err
		}
		if w.hi == len(w.buf) {
			w.buf = append(w.buf, make([]byte, len(w.buf))...)
		}
		var got int
		got, w.err = w.r.Read(w.buf[w.hi:])
		w.hi += got
	}
	return nil
}

// skip passes over n bytes without holding them.
func (w *window) skip(n int64) error {
	for n > 0 {
		step := int(min(n, int64(len(w.buf))))
		if _, err := w.take(step); err != nil {
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		n -= int64(step)
	}
	return nil
}

// peek returns the next n bytes, or fewer at the end of the file, without
// taking them.
func (w *window) peek(n int) ([]byte, error) {
	if w.hi-w.lo < n {
		if err := w.fill(n); err != nil {
			return w.buf[w.lo:w.hi], err
		}
	}
	return w.buf[w.lo : w.lo+n], nil
}

// first returns the next byte without taking it.
func (w *window) first() (byte, error) {
	if w.lo == w.hi {
		if err := w.fill(1); err != nil {
			return 0, err
		}
	}
	return w.buf[w.lo], nil
}

// advance takes n bytes that peek or first returned.
func (w *window) advance(n int) {
	w.lo += n
	w.offset += int64(n)
}
