// Package unpack opens files and reads them decompressed, whatever of gzip, zstd,
// xz and bzip2 they are compressed with, and text in UTF-16 as UTF-8.
package unpack

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// limits bound what a file may unpack to, against files made to fill a disk or to
// keep a machine busy for days.
type limits struct {
	free    int64 // bytes that any file may unpack to
	ratio   int64 // and so many more for each byte read of it
	stream  int64 // bytes in all, of a file that is streamed
	spooled int64 // bytes in all, of a file that needs a temporary copy
}

// standard are the limits of Open. The ratio is above gzip's highest, 1032.
var standard = limits{free: 64 << 20, ratio: 1100, stream: 1 << 40, spooled: MaxSpooled}

// MaxSpooled is how many bytes a temporary file holds at most.
const MaxSpooled = 16 << 30

// maxLayers is how often a file may be compressed: flows.csv.gz.zst is read.
const maxLayers = 2

// ErrTooLarge is wrapped by the errors of files that unpack to more than is read.
var ErrTooLarge = errors.New("it unpacks to more than is read")

// File is a file that is being read, decompressed.
type File struct {
	file   *os.File
	limits limits

	layers   []layer // of compression, from the outside in
	open     []io.Closer
	r        io.Reader
	read     int64 // bytes read of the file, in this pass
	unpacked int64 // bytes that came out of the innermost layer, in this pass
	longest  int64 // the highest unpacked of all passes
	trailing bool  // bytes after the compressed data were left out
	spool    *os.File
	spoolErr error
}

// Open opens a file. Errors of its compression come from it or from Read.
func Open(path string) (*File, error) { return open(path, standard) }

func open(path string, l limits) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, limits: l}
	if err := f.Rewind(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Rewind starts reading at the beginning again.
func (f *File) Rewind() error {
	f.closeLayers()
	f.layers, f.read, f.unpacked = nil, 0, 0
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var r io.Reader = counted{f}
	for {
		b := newBuffer(r)
		head, err := b.Peek(headLength)
		if len(head) == 0 && err != nil && err != io.EOF {
			return err
		}
		l, found := layerOf(head)
		if !found {
			return f.begin(b)
		}
		if l.packs && len(f.layers) == maxLayers {
			return fmt.Errorf("compressed more than %d times, one in the other (%s in it)", maxLayers, l.name)
		}
		opened, err := l.open(f, b)
		if err != nil {
			return l.errorf(err)
		}
		f.open = append(f.open, opened)
		r = &layerReader{f: f, layer: l, r: opened}
		if l.packs {
			f.layers = append(f.layers, l)
		}
	}
}

// begin makes b what Read reads; a file without layers is read itself.
func (f *File) begin(b io.Reader) error {
	f.r = b
	if len(f.open) > 0 {
		return nil
	}
	f.r, f.read = f.file, 0
	_, err := f.file.Seek(0, io.SeekStart)
	return err
}

// Read reads decompressed bytes.
func (f *File) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	f.unpacked += int64(n)
	f.longest = max(f.longest, f.unpacked)
	return n, err
}

// check reports as an error that the file has unpacked to more than is read.
func (f *File) check(unpacked int64) error {
	switch l := f.limits; {
	case unpacked > l.stream:
		return fmt.Errorf("%w: %d GiB", ErrTooLarge, l.stream>>30)
	case unpacked > l.free && (unpacked-l.free)/l.ratio > f.read:
		return fmt.Errorf("%w: %d times its compressed size", ErrTooLarge, l.ratio)
	}
	return nil
}

// Compressed reports whether the file is compressed.
func (f *File) Compressed() bool { return len(f.layers) > 0 }

// Trailing reports whether bytes that follow the compressed data were left out.
func (f *File) Trailing() bool { return f.trailing }

// Size returns the file's size on disk and the number of bytes that the longest
// pass has read of its contents.
func (f *File) Size() (onDisk, contents int64, err error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, 0, err
	}
	if !f.Compressed() {
		return info.Size(), info.Size(), nil
	}
	return info.Size(), f.longest, nil
}

// ReaderAt returns the contents for reading at any place, and their size. Those of
// a compressed file are written to a temporary file, which Close removes.
func (f *File) ReaderAt() (io.ReaderAt, int64, error) {
	at := f.file
	if f.Compressed() {
		if f.spool == nil && f.spoolErr == nil {
			f.spoolErr = f.makeSpool()
		}
		if at = f.spool; f.spoolErr != nil {
			return nil, 0, f.spoolErr
		}
	}
	info, err := at.Stat()
	if err != nil {
		return nil, 0, err
	}
	return at, info.Size(), nil
}

// makeSpool writes the contents to a temporary file.
func (f *File) makeSpool() error {
	if err := f.Rewind(); err != nil {
		return err
	}
	spool, err := Spool()
	if err != nil {
		return err
	}
	f.spool = spool
	n, err := io.Copy(spool, io.LimitReader(f, f.limits.spooled+1))
	if err == nil && n > f.limits.spooled {
		err = fmt.Errorf("%w: %d bytes in a temporary file; decompress it first", ErrTooLarge, f.limits.spooled)
	}
	return err
}

// Close closes the file and removes what was made for reading it.
func (f *File) Close() error {
	f.closeLayers()
	if f.spool != nil {
		Remove(f.spool)
	}
	return f.file.Close()
}

func (f *File) closeLayers() {
	for i := len(f.open) - 1; i >= 0; i-- {
		f.open[i].Close()
	}
	f.open = nil
}

// Spool makes a temporary file, for Remove to remove. Where the system allows it,
// it has no name any more, so that it goes with the process in any case.
func Spool() (*os.File, error) {
	spool, err := os.CreateTemp("", "netdiffus-*")
	if err == nil {
		os.Remove(spool.Name()) // Windows refuses it for open files
	}
	return spool, err
}

// Remove closes and removes a file that Spool made.
func Remove(spool *os.File) {
	spool.Close()
	os.Remove(spool.Name())
}

// counted counts the bytes read of the file itself.
type counted struct{ f *File }

func (c counted) Read(b []byte) (int, error) {
	n, err := c.f.file.Read(b)
	c.f.read += int64(n)
	return n, err
}
