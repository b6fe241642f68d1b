package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
	"golang.org/x/text/encoding/unicode"
)

// layer is one way of compressing or encoding a file.
type layer struct {
	name  string
	packs bool // it compresses
	is    func(head []byte) bool
	open  func(f *File, r *bufio.Reader) (io.ReadCloser, error)
}

var layers = []layer{
	{"gzip", true, isGzip, openGzip},
	{"zstd", true, isZstd, openZstd},
	{"xz", true, startsWith("\xfd7zXZ\x00"), openXZ},
	{"bzip2", true, isBzip2, openBzip2},
	{"UTF-16", false, isUTF16, openUTF16},
}

// headLength is how many of a file's first bytes show how it is compressed.
const headLength = 16

// Memory that decompressing may take: the dictionary of xz -9, and the largest
// window that zstd takes without being told to.
const (
	maxDictionary = 64 << 20
	maxWindow     = 128 << 20
)

func newBuffer(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, 1<<16) }

func layerOf(head []byte) (layer, bool) {
	for _, l := range layers {
		if l.is(head) {
			return l, true
		}
	}
	return layer{}, false
}

func startsWith(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// isGzip recognises gzip with its only method, deflate.
func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b\x08")) }

// isZstd recognises a frame of zstd, and a skippable frame, which may come first.
func isZstd(head []byte) bool {
	return len(head) >= 4 && (string(head[:4]) == "\x28\xb5\x2f\xfd" || head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18")
}

// isBzip2 recognises the file's head with a block, or the end of an empty file.
func isBzip2(head []byte) bool {
	if len(head) < 10 || string(head[:3]) != "BZh" || head[3] < '1' || head[3] > '9' {
		return false
	}
	return string(head[4:10]) == "\x31\x41\x59\x26\x53\x59" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90"
}

// isUTF16 recognises UTF-16 by its byte-order mark.
func isUTF16(head []byte) bool {
	return len(head) >= 2 && (string(head[:2]) == "\xff\xfe" || string(head[:2]) == "\xfe\xff")
}

func openGzip(f *File, r *bufio.Reader) (io.ReadCloser, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &members{f: f, r: r, z: z}, nil
}

// members reads the members of a gzip file one after another. As the program gzip
// does, it leaves out what follows them and is none.
type members struct {
	f *File
	r *bufio.Reader
	z *gzip.Reader
}

func (m *members) Read(b []byte) (int, error) {
	for {
		n, err := m.z.Read(b)
		if n > 0 || err != io.EOF {
			if err == io.EOF {
				err = nil // there may be more members
			}
			return n, err
		}
		head, err := m.r.Peek(2)
		if len(head) == 0 {
			return 0, err
		}
		if string(head) != "\x1f\x8b" {
			m.f.trailing = true
			return 0, io.EOF
		}
		if err := m.z.Reset(m.r); err != nil {
			return 0, err
		}
		m.z.Multistream(false)
	}
}

func (m *members) Close() error { return m.z.Close() }

func openZstd(_ *File, r *bufio.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

func openXZ(_ *File, r *bufio.Reader) (io.ReadCloser, error) {
	z, err := xz.NewReader(r, maxDictionary)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(z), nil
}

func openBzip2(_ *File, r *bufio.Reader) (io.ReadCloser, error) {
	return io.NopCloser(bzip2.NewReader(r)), nil
}

func openUTF16(_ *File, r *bufio.Reader) (io.ReadCloser, error) {
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	return io.NopCloser(utf16.NewDecoder().Reader(r)), nil
}

// errorf names the layer in its decoder's error. One that the data end too early
// for is io.ErrUnexpectedEOF.
func (l layer) errorf(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, xz.ErrBuf):
		return fmt.Errorf("the %s data end too early, is the file cut off? (%w)", l.name, io.ErrUnexpectedEOF)
	case errors.Is(err, xz.ErrMemlimit), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("the %s data need more than %d MiB of memory: compress them at a lower level", l.name, maxMemory(l)>>20)
	case errors.Is(err, zstd.ErrMagicMismatch):
		return fmt.Errorf("damaged %s data, or other bytes after them", l.name)
	}
	return fmt.Errorf("damaged %s data: %w", l.name, err)
}

func maxMemory(l layer) int {
	if l.name == "zstd" {
		return maxWindow
	}
	return maxDictionary
}

// layerReader reads what comes out of a layer, within the file's limits. An error
// stays.
type layerReader struct {
	f     *File
	layer layer
	r     io.Reader
	n     int64
	err   error
}

func (l *layerReader) Read(b []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.r.Read(b)
	l.n += int64(n)
	switch inner := (*layerError)(nil); {
	case err == nil || err == io.EOF:
	case errors.As(err, &inner): // of a layer around this one
	default:
		err = &layerError{l.layer.errorf(err)}
	}
	if tooLarge := l.f.check(l.n); tooLarge != nil {
		n, err = 0, &layerError{tooLarge}
	}
	l.err = err
	return n, err
}

// layerError is an error that names its layer.
type layerError struct{ error }

func (e *layerError) Unwrap() error { return e.error }
