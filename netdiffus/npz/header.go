package npz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

const magic = "\x93NUMPY"

// maxHeader bounds the header's text. NumPy itself refuses headers beyond
// 10,000 bytes by default.
const maxHeader = 64 << 10

// header is the description before the data of a .npy file.
type header struct {
	dtype   string // "f8": kind and bytes
	big     bool   // big-endian
	fortran bool   // column-major
	shape   []int
	bytes   int64 // of the header itself
}

// elements is the number of elements, size the bytes of one in the file.
func (h header) elements() int { n, _ := arrays.Elements(h.shape); return n }
func (h header) size() int     { return int(h.dtype[1] - '0') }

// readHeader reads a header from r and no byte more. Files of format versions
// 1, 2 and 3 are read.
func readHeader(r io.Reader) (header, error) {
	raw := make([]byte, 12)
	if _, err := io.ReadFull(r, raw[:10]); err != nil {
		return header{}, truncated(err)
	}
	if !bytes.HasPrefix(raw, []byte(magic)) {
		return header{}, errors.New("not a NumPy array: the magic string is missing")
	}
	length := int64(binary.LittleEndian.Uint16(raw[8:]))
	raw = raw[:10]
	switch major := raw[6]; major {
	case 1:
	case 2, 3:
		raw = raw[:12]
		if _, err := io.ReadFull(r, raw[10:]); err != nil {
			return header{}, truncated(err)
		}
		length = int64(binary.LittleEndian.Uint32(raw[8:]))
	default:
		return header{}, fmt.Errorf("format version %d is not known", major)
	}
	if length > maxHeader {
		return header{}, fmt.Errorf("a header of %d bytes, want at most %d", length, maxHeader)
	}
	prefix := len(raw)
	raw = append(raw, make([]byte, length)...)
	if _, err := io.ReadFull(r, raw[prefix:]); err != nil {
		return header{}, truncated(err)
	}
	h, err := parseHeader(string(raw[prefix:]))
	h.bytes = int64(len(raw))
	return h, err
}

// parseHeader reads the dictionary in text.
//
// This is not left to npyio, whose reader takes the header as NumPy writes it
// and no other way that the format allows: keys in another order make it
// panic, and of a shape with no comma behind it, (10, 12)}, it reads 10.
func parseHeader(text string) (header, error) {
	var h header
	d, err := parseDict(text)
	if err != nil {
		return h, err
	}
	if err := h.setDType(d.descr); err != nil {
		return h, err
	}
	if _, err := arrays.Elements(d.shape); err != nil {
		return h, err
	}
	h.fortran, h.shape = d.fortran, d.shape
	return h, nil
}

// setDType takes a type such as "<f8", ">i4", "|b1", "u1" or "<U12".
func (h *header) setDType(s string) error {
	h.dtype = s
	if s != "" && strings.IndexByte("<>|=", s[0]) >= 0 {
		h.dtype, h.big = s[1:], s[0] == '>'
	}
	switch h.dtype {
	case "f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1":
		return nil
	}
	if _, text := textType(h.dtype); text {
		return nil
	}
	return fmt.Errorf("elements of type %q: want real numbers or booleans", s)
}

// appendHeader writes the header of a row-major, little-endian array as NumPy
// itself does: version 1.0, the data starting at a multiple of 64 bytes. (npyio
// writes the headers of flat slices and Go arrays only, and pads them so that
// the data are not aligned.)
func appendHeader(b []byte, dtype string, shape []int) []byte {
	start := len(b)
	b = append(b, magic...)
	b = append(b, 1, 0, 0, 0)
	order := "<"
	if dtype[1:] == "1" && dtype[0] != 'U' {
		order = "|"
	}
	b = append(b, "{'descr': '"+order+dtype+"', 'fortran_order': False, 'shape': ("...)
	for i, size := range shape {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, int64(size), 10)
		if i+1 < len(shape) || i == 0 { // (3,) is a tuple, (3) is not
			b = append(b, ',')
		}
	}
	b = append(b, "), }"...)
	for (len(b)-start)%64 != 63 {
		b = append(b, ' ')
	}
	b = append(b, '\n')
	binary.LittleEndian.PutUint16(b[start+8:], uint16(len(b)-start-10))
	return b
}

func truncated(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("truncated")
	}
	return err
}
