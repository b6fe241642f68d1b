package track

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
)

// Number is a float64 whose JSON holds NaN and the infinities, as strings, as
// metrics.jsonl does.
type Number = jsonFloat

// Value is one number of a line of metrics.jsonl.
type Value struct {
	Name   string
	Number float64
}

// Line is one line of metrics.jsonl.
type Line struct {
	Step   int
	Values []Value // in the order of the file, without the step; valid until the next line
}

// LineError is the error of a line of metrics.jsonl that is not one.
type LineError struct {
	Number int  // of the line, from 1
	Last   bool // it is the file's last and has no line feed: it may still be being written
}

func (e *LineError) Error() string {
	if e.Last {
		return fmt.Sprintf("line %d is cut off", e.Number)
	}
	return fmt.Sprintf("line %d is not a JSON object of numbers with a step", e.Number)
}

// longestLine is what a line of metrics.jsonl is at most; a longer one is no such line.
const longestLine = 1 << 20

// Lines reads a metrics.jsonl line by line, in little memory. A line that is not one
// is yielded as a *LineError, and the lines after it follow; any other error is the
// last.
func Lines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		b, names := bufio.NewReaderSize(r, 1<<16), map[string]string{}
		var l Line
		var whole []byte
		for number := 1; ; number++ {
			whole = whole[:0]
			piece, err := b.ReadSlice('\n')
			for errors.Is(err, bufio.ErrBufferFull) {
				if len(whole) < longestLine {
					whole = append(whole, piece...)
				}
				piece, err = b.ReadSlice('\n')
			}
			if len(whole) > 0 {
				whole = append(whole, piece...)
				piece = whole
			}
			if err != nil && err != io.EOF {
				yield(Line{}, fmt.Errorf("track: metrics: %w", err))
				return
			}
			if err == io.EOF && len(piece) == 0 {
				return
			}
			ok := len(piece) <= longestLine && err == nil && l.parse(piece, names)
			if !ok {
				if !yield(Line{}, &LineError{Number: number, Last: err == io.EOF}) {
					return
				}
			} else if !yield(l, nil) {
				return
			}
			if err == io.EOF {
				return
			}
		}
	}
}

// parse reads one whole line. names keeps the names, so that each is made once.
func (l *Line) parse(text []byte, names map[string]string) bool {
	l.Values = l.Values[:0]
	if l.scan(text, names) {
		return true
	}
	// What is unusual: escapes, spaces, numbers as strings.
	step, values, ok := parseLine(text)
	if !ok {
		return false
	}
	l.Step, l.Values = step, l.Values[:0]
	for name, v := range values {
		l.Values = append(l.Values, Value{name, float64(v)})
	}
	return true
}

// scan is parse for a line as Log.Add writes it, {"name":1.5,"step":10}, several times
// as fast as package json. It reports false where there is anything else in it.
func (l *Line) scan(text []byte, names map[string]string) bool {
	rest, ok := bytes.CutPrefix(text, []byte("{"))
	hasStep := false
	for ok {
		if rest, ok = bytes.CutPrefix(rest, []byte(`"`)); !ok {
			return false
		}
		end := bytes.IndexByte(rest, '"')
		if end < 0 || !plainName(rest[:end]) {
			return false
		}
		name := rest[:end]
		if rest, ok = bytes.CutPrefix(rest[end+1:], []byte(":")); !ok {
			return false
		}
		if end = bytes.IndexAny(rest, ",}"); end < 0 || !plainNumber(rest[:end]) {
			return false
		}
		v, err := strconv.ParseFloat(string(rest[:end]), 64)
		if err != nil {
			return false
		}
		if string(name) == "step" {
			if hasStep || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
				return false
			}
			l.Step, hasStep = int(v), true
		} else {
			known, there := names[string(name)]
			if !there {
				known = string(name)
				names[known] = known
			}
			l.Values = append(l.Values, Value{known, v})
		}
		if rest[end] == '}' {
			return hasStep && string(bytes.TrimSpace(rest[end+1:])) == ""
		}
		rest = rest[end+1:]
	}
	return false
}

// plainName reports whether a string in JSON stands for itself.
func plainName(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

// plainNumber reports whether text is a number as JSON has it: ParseFloat accepts more
// (Inf, 0x1p2, 1_0, 01).
func plainNumber(text []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		text = text[n:]
		return n > 0
	}
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	zero := len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9'
	if zero || !digits() {
		return false
	}
	if len(text) > 0 && text[0] == '.' {
		if text = text[1:]; !digits() {
			return false
		}
	}
	if len(text) > 0 && (text[0] == 'e' || text[0] == 'E') {
		text = text[1:]
		if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		return digits() && len(text) == 0
	}
	return len(text) == 0
}
