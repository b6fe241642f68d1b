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
