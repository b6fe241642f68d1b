package traffic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// jsonScanner reads JSON from a stream, value by value, without building what
// it passes over: MIRAGE's files run to gigabytes, most of it raw payload that
// is not wanted. (encoding/json's Decoder takes some ten times as long, since
// it makes a value of each number.)
type jsonScanner struct {
	w    *window
	line int // counted from 1
	text []byte
	nest []byte // brackets that skip has open
}

const (
	maxJSONText  = 1 << 20 // longest string that is wanted, bytes
	maxJSONDepth = 1000
)

func newJSONScanner(r io.Reader) *jsonScanner {
	s := &jsonScanner{w: newWindow(r), line: 1}
	if head, _ := s.w.peek(3); string(head) == byteOrderMark {
		s.w.advance(3)
	}
	return s
}

const byteOrderMark = "\xef\xbb\xbf"

// errorf returns an error with the place that the scanner has come to.
func (s *jsonScanner) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d, byte %d: %w", s.line, s.w.offset, fmt.Errorf(format, args...))
}

// peek passes over white space and returns the next byte without taking it.
// At the end of the input it returns io.EOF.
func (s *jsonScanner) peek() (byte, error) {
	for {
		c, err := s.w.first()
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
		s.w.advance(1)
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
	s.w.advance(1)
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

// list reads what stands between brackets, parted by commas.
func (s *jsonScanner) list(open, shut byte, item func(i int) error) error {
	if err := s.take(open); err != nil {
		return err
	}
	c, err := s.must()
	if err != nil {
		return err
	}
	if c == shut {
		s.w.advance(1)
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
		s.w.advance(1)
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
		c, err := s.w.first()
		if err != nil {
			_, err = s.must()
			return nil, err
		}
		if len(s.text) == maxJSONText {
			return nil, s.errorf("a string of more than %d bytes", maxJSONText)
		}
		s.text = append(s.text, c)
		s.w.advance(1)
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
			next, err := s.w.first()
			if err != nil {
				_, err = s.must()
				return nil, err
			}
			s.text = append(s.text, next)
			s.w.advance(1)
		}
	}
}

// number reads a finite number.
func (s *jsonScanner) number() (float64, error) {
	c, err := s.must()
	if err != nil {
		return 0, err
	}
	if c != '-' && (c < '0' || c > '9') {
		return 0, s.errorf("found %q where a number should stand", c)
	}
	s.text = s.text[:0]
	whole, digits := int64(0), true
	for {
		c, err := s.w.first()
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if err != nil || !inNumber(c) {
			break
		}
		if len(s.text) == 64 {
			return 0, s.errorf("a number of more than 64 digits")
		}
		s.text = append(s.text, c)
		s.w.advance(1)
		if digits = digits && c >= '0' && c <= '9'; digits {
			whole = whole*10 + int64(c-'0')
		}
	}
	if digits && len(s.text) <= 15 { // exact as float64
		return float64(whole), nil
	}
	v, err := strconv.ParseFloat(string(s.text), 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, s.errorf("%q is not a number", s.text)
	}
	return v, nil
}

func inNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// skip passes over a value of any kind. Of what is in an object or array it
// minds the brackets and strings only.
func (s *jsonScanner) skip() error {
	c, err := s.must()
	if err != nil {
		return err
	}
	switch {
	case c == '"':
		s.w.advance(1)
		return s.skipString()
	case inNumber(c) || isLetter(c):
		for err == nil && (inNumber(c) || isLetter(c)) {
			s.w.advance(1)
			c, err = s.w.first() // an error comes again at the next call
		}
		return nil
	case c != '{' && c != '[':
		return s.errorf("found %q where a value should stand", c)
	}
	s.nest = s.nest[:0]
	for {
		if _, err := s.w.first(); err != nil {
			_, err = s.must()
			return err
		}
		b := s.w.buf[s.w.lo:s.w.hi]
		i := 0
		for i < len(b) && !structural[b[i]] {
			i++
		}
		s.w.advance(i)
		if i == len(b) {
			continue
		}
		c := b[i]
		if (c == '{' || c == '[') && len(s.nest) == maxJSONDepth {
			return s.errorf("values nested more than %d deep", maxJSONDepth)
		}
		if n := len(s.nest); (c == '}' || c == ']') && s.nest[n-1] != c {
			return s.errorf("found %q out of place", c)
		}
		s.w.advance(1)
		switch c {
		case '\n':
			s.line++
		case '"':
			if err := s.skipString(); err != nil {
				return err
			}
		case '{', '[':
			s.nest = append(s.nest, c+2) // the bracket that shuts it
		case '}', ']':
			if s.nest = s.nest[:len(s.nest)-1]; len(s.nest) == 0 {
				return nil
			}
		}
	}
}

// structural marks the bytes that skip stops at.
var structural = [256]bool{'{': true, '[': true, '}': true, ']': true, '"': true, '\n': true}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// skipString passes over a string whose opening quote is taken.
func (s *jsonScanner) skipString() error {
	for {
		if _, err := s.w.first(); err != nil {
			_, err = s.must()
			return err
		}
		b := s.w.buf[s.w.lo:s.w.hi]
		i := bytes.IndexAny(b, `"\\`)
		if i < 0 {
			s.w.advance(len(b))
			continue
		}
		s.w.advance(i + 1)
		if b[i] == '"' {
			return nil
		}
		if _, err := s.w.first(); err == nil { // what the backslash escapes
			s.w.advance(1)
		}
	}
}
