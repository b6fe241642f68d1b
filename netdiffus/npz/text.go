package npz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText is the longest text of an array of them, in characters.
const maxText = 1 << 16

// textType takes a type of texts such as "U12" (characters of four bytes) and "S12"
// (of one).
func textType(dtype string) (width int, ok bool) {
	if dtype == "" || dtype[0] != 'U' && dtype[0] != 'S' {
		return 0, false
	}
	n, err := strconv.ParseUint(dtype[1:], 10, 31)
	return int(n), err == nil && n <= maxText
}

// Strings reads an array of texts, NumPy's types U and S, row-major, and its shape.
func (f *File) Strings(key string) (texts []string, shape []int, err error) {
	r, size, err := f.entry(key)
	if err != nil {
		return nil, nil, f.error(key, err)
	}
	defer r.Close()
	texts, shape, err = readTexts(r, size.bytes)
	if err != nil {
		return nil, nil, f.error(key, err)
	}
	return texts, shape, nil
}

func readTexts(r io.Reader, bytes int64) (texts []string, shape []int, err error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, nil, err
	}
	width, ok := textType(h.dtype)
	if !ok {
		return nil, nil, fmt.Errorf("elements of type %q: want texts", h.dtype)
	}
	item := width
	if h.dtype[0] == 'U' {
		item *= 4
	}
	n := h.elements()
	if item > 0 && (bytes-h.bytes)/int64(item) != int64(n) || item == 0 && n > 1<<24 {
		return nil, nil, fmt.Errorf("%d bytes of data for shape %v of %s: the file is cut off, or its header is wrong", bytes-h.bytes, h.shape, h.dtype)
	}
	if h.fortran && len(h.shape) > 1 {
		return nil, nil, errors.New("column-major texts are not read")
	}
	b := make([]byte, item)
	same := map[string]string{} // equal texts share their memory
	for range n {
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, nil, truncated(err)
		}
		text := string(b)
		if h.dtype[0] == 'U' {
			if text, err = fromUTF32(b, h.big); err != nil {
				return nil, nil, err
			}
		}
		text = strings.TrimRight(text, "\x00")
		if known, ok := same[text]; ok {
			text = known
		} else if len(same) < 1<<16 {
			same[text] = text
		}
		texts = append(texts, text)
	}
	return texts, h.shape, nil
}

func fromUTF32(b []byte, big bool) (string, error) {
	var text strings.Builder
	for ; len(b) >= 4; b = b[4:] {
		c := binary.LittleEndian.Uint32(b)
		if big {
			c = binary.BigEndian.Uint32(b)
		}
		if c > utf8.MaxRune {
			return "", fmt.Errorf("%#x is no character", c)
		}
		text.WriteRune(rune(c))
	}
	return text.String(), nil
}

// AddStrings writes a flat array of texts, as NumPy's type U. Texts that are no UTF-8,
// or end in NUL, which NumPy cuts off, are an error.
func (w *Writer) AddStrings(name string, texts []string) error {
	width := 1
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.HasSuffix(text, "\x00") {
			return fmt.Errorf("npz: %s: %.40q cannot be a text in NumPy's array", name, text)
		}
		width = max(width, utf8.RuneCountInString(text))
	}
	if width > maxText {
		return fmt.Errorf("npz: %s: a text of %d characters, want at most %d", name, width, maxText)
	}
	if err := w.next(name); err != nil {
		return err
	}
	entry, err := w.zip.CreateHeader(entryHeader(name))
	if err == nil {
		_, err = entry.Write(appendHeader(nil, "U"+strconv.Itoa(width), []int{len(texts)}))
	}
	for _, text := range texts {
		if err != nil {
			break
		}
		w.buffer = w.buffer[:0]
		for _, c := range text {
			w.buffer = binary.LittleEndian.AppendUint32(w.buffer, uint32(c))
		}
		w.buffer = append(w.buffer, make([]byte, 4*width-len(w.buffer))...)
		_, err = entry.Write(w.buffer)
	}
	if err != nil {
		return fmt.Errorf("npz: %s: %w", name, err)
	}
	return nil
}

// EachRow calls do with the values of each of an array's rows along its first axis,
// in their order, as float64, valid until the next. Of row-major arrays it holds one
// row at a time.
func (f *File) EachRow(key string, do func(row int, values []float64) error) error {
	r, size, err := f.entry(key)
	if err != nil {
		return f.error(key, err)
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return f.error(key, err)
	}
	if len(h.shape) == 0 {
		return f.error(key, errors.New("a single number, want an array"))
	}
	rows, width := h.shape[0], 1
	if rows > 0 {
		width = h.elements() / rows
	}
	if h.fortran && len(h.shape) > 1 {
		a, err := f.Read(key)
		if err != nil {
			return err
		}
		all := a.Floats()
		for row := range rows {
			if err := do(row, all[row*width:(row+1)*width]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := h.checkSize(size); err != nil {
		return f.error(key, err)
	}
	one := h
	one.shape = h.shape[1:]
	for row := range rows {
		a, err := readBody(r, one, width)
		if err != nil {
			return f.error(key, err)
		}
		if err := do(row, a.Floats()); err != nil {
			return err
		}
	}
	if err := atEnd(r); err != nil {
		return f.error(key, err)
	}
	return nil
}
