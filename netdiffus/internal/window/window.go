// Package window reads files in large pieces.
package window

import (
	"errors"
	"io"
)

// Window reads a file from its beginning to its end in large pieces, which
// it returns without copying.
type Window struct {
	Offset int64 // of the next byte in the file; set by Window alone

	r      io.Reader
	buf    []byte
	lo, hi int   // buf[lo:hi] is read but not yet taken
	err    error // what the reader ended with
}

// New returns a window on r, whose first byte has offset 0.
func New(r io.Reader) *Window {
	return &Window{r: r, buf: make([]byte, 1<<18)}
}

// Take returns the next n bytes; they are valid until the next call. At the
// end of the file it returns io.EOF, and io.ErrUnexpectedEOF where the file
// ends within the n bytes, which then stay untaken.
func (w *Window) Take(n int) ([]byte, error) {
	if w.hi-w.lo < n {
		if err := w.fill(n); err != nil {
			return nil, err
		}
	}
	b := w.buf[w.lo : w.lo+n]
	w.lo += n
	w.Offset += int64(n)
	return b, nil
}

// fill reads until n bytes are there. The buffer grows only as bytes arrive,
// so that a length field cannot make it larger than twice the file.
func (w *Window) fill(n int) error {
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

// Skip passes over n bytes without holding them.
func (w *Window) Skip(n int64) error {
	for n > 0 {
		step := int(min(n, int64(len(w.buf))))
		if _, err := w.Take(step); err != nil {
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		n -= int64(step)
	}
	return nil
}

// Peek returns the next n bytes, or fewer at the end of the file, without
// taking them.
func (w *Window) Peek(n int) ([]byte, error) {
	if w.hi-w.lo < n {
		if err := w.fill(n); err != nil {
			return w.buf[w.lo:w.hi], err
		}
	}
	return w.buf[w.lo : w.lo+n], nil
}

// First returns the next byte without taking it.
func (w *Window) First() (byte, error) {
	if w.lo == w.hi {
		if err := w.fill(1); err != nil {
			return 0, err
		}
	}
	return w.buf[w.lo], nil
}

// Advance takes n bytes that Peek or First returned.
func (w *Window) Advance(n int) {
	w.lo += n
	w.Offset += int64(n)
}

// Buffered returns the bytes that are read and not yet taken, without taking
// them. They are valid until the next call.
func (w *Window) Buffered() []byte { return w.buf[w.lo:w.hi] }
