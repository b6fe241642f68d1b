package npz

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"
)

// MaxBytes is the largest array that is read unless File.Limit allows otherwise. Of an
// array that is compressed no more is read than inflated bytes and maxRatio times the
// file's size: a file of a few KB could claim to hold gigabytes.
const (
	MaxBytes = 4 << 30
	inflated = 32 << 20
	maxRatio = 4
)

// File is an open .npz archive, or a plain .npy file, which counts as an
// archive of one array named "arr_0". Arrays are read when asked for. Files
// from anywhere may be opened: a damaged or lying one gives an error.
type File struct {
	// Limit is the largest array read, bytes in the file. 0 means MaxBytes, and for one
	// that is compressed no more than 32 MiB and 4 times the file's size.
	Limit int64

	size    int64  // of the file
	name    string // for errors
	closer  io.Closer
	keys    []string
	entries map[string]*zip.File // nil for a plain .npy file
	plain   *io.SectionReader
	reader  io.ReaderAt // of the whole file
}

// Open opens the file at path. Close it after use.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	opened, err := open(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("npz: %s: %w", path, err)
	}
	opened.name = path
	return opened, nil
}

// small files are read whole: one call to the system instead of four.
const small = 64 << 10

func open(f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("a folder, want a file")
	}
	if info.Size() > small {
		opened, err := newFile(f, info.Size())
		if err == nil {
			opened.closer = f
		}
		return opened, err
	}
	data, err := io.ReadAll(io.LimitReader(f, small))
	if err != nil {
		return nil, err
	}
	f.Close()
	return newFile(bytes.NewReader(data), int64(len(data)))
}

// newFile opens the archive or array that r holds in its first size bytes.
func newFile(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, 6)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	switch {
	case n == 0:
		return nil, errors.New("the file is empty")
	case string(head) == magic:
		return &File{size: size, reader: r, keys: []string{"arr_0"}, plain: io.NewSectionReader(r, 0, size)}, nil
	case !bytes.HasPrefix(head, []byte("PK")):
		return nil, fmt.Errorf("neither .npz nor .npy (starts with %q)", head)
	}
	archive, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // paths are only names here
		return nil, err
	}
	f := &File{size: size, reader: r, entries: make(map[string]*zip.File, len(archive.File))}
	for _, entry := range archive.File {
		key := strings.TrimSuffix(entry.Name, ".npy")
		if _, twice := f.entries[key]; twice {
			return nil, fmt.Errorf("duplicate array %q", key)
		}
		f.entries[key] = entry
		f.keys = append(f.keys, key)
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Keys returns the arrays' names in the file's order, without ".npy".
func (f *File) Keys() []string { return slices.Clone(f.keys) }

// Has reports whether there is an array of that name.
func (f *File) Has(key string) bool {
	key = trimmed(key)
	if f.entries == nil {
		return slices.Contains(f.keys, key)
	}
	return f.entries[key] != nil
}

// trimmed is an array's name without the ending that it has in the archive.
func trimmed(key string) string { return strings.TrimSuffix(key, ".npy") }

// Read reads the array of that name; "gasf" and "gasf.npy" are one name. The
// checksum is verified, the data must be as long as in the header, and
// column-major data come back row-major.
func (f *File) Read(key string) (Array, error) {
	a, err := f.read(key)
	if err != nil {
		return Array{}, f.error(key, err)
	}
	return a, nil
}

// Shape returns the shape and type of an array, read from its header alone.
func (f *File) Shape(key string) (shape []int, dtype string, err error) {
	r, _, err := f.entry(key)
	if err != nil {
		return nil, "", f.error(key, err)
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return nil, "", f.error(key, err)
	}
	return h.shape, h.dtype, nil
}

func (f *File) error(key string, err error) error {
	if f.name == "" {
		return fmt.Errorf("npz: %s: %w", key, err)
	}
	return fmt.Errorf("npz: %s: %s: %w", f.name, key, err)
}

// entry opens the array's own .npy file.
func (f *File) entry(key string) (r io.ReadCloser, size entrySize, err error) {
	key = trimmed(key)
	if !f.Has(key) {
		return nil, size, fmt.Errorf("no such array: there is %s", strings.Join(f.keys, ", "))
	}
	if f.entries == nil {
		return io.NopCloser(io.NewSectionReader(f.plain, 0, f.plain.Size())), entrySize{bytes: f.plain.Size(), stored: f.plain.Size()}, nil
	}
	entry := f.entries[key]
	size = entrySize{bytes: int64(entry.UncompressedSize64), stored: int64(entry.CompressedSize64)}
	if size.bytes < 0 || size.stored < 0 || size.stored > f.size {
		return nil, size, errors.New("the archive's directory is damaged")
	}
	if r, err = entry.Open(); err != nil {
		return nil, size, err
	}
	if entry.CRC32 == 0 { // archive/zip takes 0 for "no checksum"; NumPy always writes one
		r = &zeroCheck{ReadCloser: r}
	}
	return r, size, nil
}

type entrySize struct {
	bytes  int64 // of the .npy file, as in the archive's directory
	stored int64 // what it takes in the archive
}

func (f *File) read(key string) (Array, error) {
	r, size, err := f.entry(key)
	if err != nil {
		return Array{}, err
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return Array{}, err
	}
	if err := h.checkSize(size); err != nil {
		return Array{}, err
	}
	if err := f.checkHeld(size.bytes, h, size); err != nil {
		return Array{}, err
	}
	// What is refused above costs nothing; what passes may as well be held at once, where
	// growing would hold it twice.
	trust := int(size.stored/int64(h.size())) + chunk
	if f.Limit == 0 {
		trust = h.elements()
	}
	a, err := readBody(r, h, trust)
	if err != nil {
		return Array{}, err
	}
	return a, atEnd(r)
}

// checkHeld reports more bytes of an array than may be held at once.
func (f *File) checkHeld(need int64, h header, size entrySize) error {
	limit := f.Limit
	if limit == 0 {
		limit = MaxBytes
	}
	if need > limit {
		return fmt.Errorf("%d bytes, beyond the limit of %d", need, limit)
	}
	if h.fortran {
		need *= 2 // it is put in order in a copy
	}
	if most := inflated + maxRatio*f.size; f.Limit == 0 && size.bytes > size.stored && need > most {
		return fmt.Errorf("%d bytes compressed to %d, of which no more than %d are read: write it without compression (numpy.savez)", size.bytes, size.stored, most)
	}
	return nil
}

// checkSize reports numbers whose bytes in the file are not as many as the header
// says, and texts, which are none.
func (h header) checkSize(size entrySize) error {
	if _, text := textType(h.dtype); text {
		return fmt.Errorf("elements of type %q: want real numbers or booleans", h.dtype)
	}
	// In whole elements, so that nothing overflows.
	body := size.bytes - h.bytes
	if item := int64(h.size()); body < 0 || body%item != 0 || body/item != int64(h.elements()) {
		return fmt.Errorf("%d bytes of data for shape %v of %s: the file is cut off, or its header is wrong", max(body, 0), h.shape, h.dtype)
	}
	return nil
}

// atEnd reads past the data: it must find the end, and makes archive/zip compare the
// checksum.
func atEnd(r io.Reader) error {
	if n, err := io.ReadFull(r, make([]byte, 1)); n != 0 {
		return errors.New("more data than the shape holds")
	} else if err != io.EOF {
		return err
	}
	return nil
}

// zeroCheck fails at the end unless the data's checksum really is 0.
type zeroCheck struct {
	io.ReadCloser
	sum uint32
}

func (c *zeroCheck) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.sum = crc32.Update(c.sum, crc32.IEEETable, b[:n])
	if err == io.EOF && c.sum != 0 {
		err = zip.ErrChecksum
	}
	return n, err
}
