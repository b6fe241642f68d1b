package traffic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/window"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// jsonScanner reads JSON from a stream, value by value, without building what
// it passes over: MIRAGE's files run to gigabytes, most of it raw payload that
// is not wanted. (encoding/json's Decoder takes some ten times as long, since
// it makes a value of each number.)
type jsonScanner struct {
	w    *window.Window
	line int // counted from 1
	text []byte
	nest []byte // the brackets that close what skipNested has open
}

const (
	maxJSONText  = 1 << 20 // longest string that is wanted, bytes
	maxJSONDepth = 1000
)

func newJSONScanner(r io.Reader) *jsonScanner {
	s := &jsonScanner{w: window.New(r), line: 1}
	if head, _ := s.w.Peek(3); string(head) == byteOrderMark {
		s.w.Advance(3)
	}
	return s
}

const byteOrderMark = "\xef\xbb\xbf"

// errorf returns an error with the place that the scanner has come to.
func (s *jsonScanner) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d, byte %d: %w", s.line, s.w.Offset, fmt.Errorf(format, args...))
}

// peek passes over white space and returns the next byte without taking it.
// At the end of the input it returns io.EOF.
func (s *jsonScanner) peek() (byte, error) {
	for {
		c, err := s.w.First()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		default:
			return c, nil
		}
		s.w.Advance(1)
	}
}

// must is peek where the input may not end.
func (s *jsonScanner) must() (byte, error) {
	c, err := s.peek()
	if errors.Is(err, io.EOF) {
		return 0, s.errorf("the file ends within a value: is it cut off?")
	}
	return c, err
}

// take takes the byte c.
func (s *jsonScanner) take(c byte) error {
	got, err := s.must()
	if err != nil {
		return err
	}
	if got != c {
		return s.errorf("found %q where %q should stand", got, c)
	}
	s.w.Advance(1)
	return nil
}

// object reads an object: member is called after each key and reads its value.
// The key is valid until then.
func (s *jsonScanner) object(member func(key []byte) error) error {
	return s.list('{', '}', func(int) error {
		key, err := s.string()
		if err != nil {
			return err
		}
		if err := s.take(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// array reads an array: element reads the value at each index.
func (s *jsonScanner) array(element func(i int) error) error {
	return s.list('[', ']', element)
}

// list reads the items between brackets, separated by commas.
func (s *jsonScanner) list(open, shut byte, item func(i int) error) error {
	if err := s.take(open); err != nil {
		return err
	}
	c, err := s.must()
	if err != nil {
		return err
	}
	if c == shut {
		s.w.Advance(1)
		return nil
	}
	for i := 0; ; i++ {
		if err := item(i); err != nil {
			return err
		}
		if c, err = s.must(); err != nil {
			return err
		}
		if c != ',' && c != shut {
			return s.errorf("found %q where ',' or %q should stand", c, shut)
		}
		s.w.Advance(1)
		if c == shut {
			return nil
		}
	}
}

// string reads a string; it is valid until the next one is read.
func (s *jsonScanner) string() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	s.text = append(s.text[:0], '"')
	escaped := false
	for {
		c, err := s.w.First()
		if err != nil {
			_, err = s.must()
			return nil, err
		}
		if len(s.text) == maxJSONText {
			return nil, s.errorf("a string of more than %d bytes", maxJSONText)
		}
		s.text = append(s.text, c)
		s.w.Advance(1)
		switch c {
		case '"':
			if !escaped {
				return s.text[1 : len(s.text)-1], nil
			}
			var text string
			if err := json.Unmarshal(s.text, &text); err != nil {
				return nil, s.errorf("%w", err)
			}
			return []byte(text), nil
		case '\\':
			escaped = true
			next, err := s.w.First()
			if err != nil {
				_, err = s.must()
				return nil, err
			}
			s.text = append(s.text, next)
			s.w.Advance(1)
		}
	}
}

// maxDigits is the longest number that is read.
const maxDigits = 64

// number reads a finite number.
func (s *jsonScanner) number() (float64, error) {
	c, err := s.must()
	if err != nil {
		return 0, err
	}
	if c != '-' && (c < '0' || c > '9') {
		return 0, s.errorf("found %q where a number should stand", c)
	}
	if err := s.digits(); err != nil {
		return 0, err
	}
	if whole, ok := wholeNumber(s.text); ok {
		return whole, nil
	}
	v, err := strconv.ParseFloat(string(s.text), 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, s.errorf("%q is not a number", s.text)
	}
	return v, nil
}

// digits takes the characters of a number into text.
func (s *jsonScanner) digits() error {
	s.text = s.text[:0]
	for {
		c, err := s.w.First()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || !tables.InNumber(c) {
			return nil
		}
		if len(s.text) == maxDigits {
			return s.errorf("a number of more than %d digits", maxDigits)
		}
		s.text = append(s.text, c)
		s.w.Advance(1)
	}
}

// wholeNumber reads a number that consists of so few digits that a float64
// holds it exactly, as most do. It is faster than strconv.ParseFloat.
func wholeNumber(text []byte) (float64, bool) {
	if len(text) > 15 {
		return 0, false
	}
	whole := int64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		whole = whole*10 + int64(c-'0')
	}
	return float64(whole), true
}

// skip passes over a value of any kind.
func (s *jsonScanner) skip() error {
	c, err := s.must()
	switch {
	case err != nil:
		return err
	case c == '"':
		s.w.Advance(1)
		return s.skipString()
	case c == '{' || c == '[':
		return s.skipNested()
	case inWord(c):
		return s.skipWord()
	}
	return s.errorf("found %q where a value should stand", c)
}

// skipWord passes over a number, true, false or null.
func (s *jsonScanner) skipWord() error {
	for {
		c, err := s.w.First()
		if err != nil || !inWord(c) {
			return nil // an error comes again at the next call
		}
		s.w.Advance(1)
	}
}

func inWord(c byte) bool { return tables.InNumber(c) || c >= 'a' && c <= 'z' }

// skipNested passes over an object or array. It checks that brackets match and
// strings end, and nothing else.
func (s *jsonScanner) skipNested() error {
	s.nest = s.nest[:0]
	for {
		c, err := s.nextStructural()
		if err != nil {
			return err
		}
		switch c {
		case '\n':
			s.line++
		case '"':
			err = s.skipString()
		case '{', '[':
			err = s.push(c + 2) // the bracket that closes it
		case '}', ']':
			err = s.pop(c)
		}
		if err != nil || len(s.nest) == 0 {
			return err
		}
	}
}

// nextStructural takes the bytes up to and with the next structural one, which it
// returns.
func (s *jsonScanner) nextStructural() (byte, error) {
	for {
		if _, err := s.w.First(); err != nil {
			_, err = s.must()
			return 0, err
		}
		b := s.w.Buffered()
		i := 0
		for i < len(b) && !structural[b[i]] {
			i++
		}
		if i < len(b) {
			s.w.Advance(i + 1)
			return b[i], nil
		}
		s.w.Advance(i)
	}
}

// push notes a bracket that was opened by the one that closes it.
func (s *jsonScanner) push(shut byte) error {
	if len(s.nest) == maxJSONDepth {
		return s.errorf("values nested more than %d deep", maxJSONDepth)
	}
	s.nest = append(s.nest, shut)
	return nil
}

// pop closes the innermost open bracket.
func (s *jsonScanner) pop(shut byte) error {
	n := len(s.nest) - 1
	if s.nest[n] != shut {
		return s.errorf("found %q out of place", shut)
	}
	s.nest = s.nest[:n]
	return nil
}

// structural marks the bytes that skipNested stops at.
var structural = [256]bool{'{': true, '[': true, '}': true, ']': true, '"': true, '\n': true}

// skipString passes over a string whose opening quote is taken.
func (s *jsonScanner) skipString() error {
	for {
		if _, err := s.w.First(); err != nil {
			_, err = s.must()
			return err
		}
		b := s.w.Buffered()
		i := bytes.IndexAny(b, `"\\`)
		if i < 0 {
			s.w.Advance(len(b))
			continue
		}
		s.w.Advance(i + 1)
		if b[i] == '"' {
			return nil
		}
		if _, err := s.w.First(); err == nil { // what the backslash escapes
			s.w.Advance(1)
		}
	}
}
