// Package plainjson writes JSON for people to read: indented, but with lists of
// numbers on one line each, since nobody reads a thousand lengths one a line.
package plainjson

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Marshal returns v as indented JSON with a line feed at the end.
func Marshal(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	text := data[:0] // never ahead of what is still to be read
	for len(data) > 0 {
		n := 1
		switch data[0] {
		case '"':
			n = stringLen(data)
		case '[':
			if n = numbersLen(data); n == 0 {
				n = 1
				break
			}
			for _, c := range data[:n] {
				if c != '\n' && c != ' ' {
					text = append(text, c)
				}
			}
			data = data[n:]
			continue
		}
		text = append(text, data[:n]...)
		data = data[n:]
	}
	return append(bytes.TrimRight(text, "\n"), '\n'), nil
}

// stringLen is the length of the string that data, which is valid JSON, begins with.
func stringLen(data []byte) int {
	for i := 1; ; i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// numbersLen is the length of the list of numbers that data, which is valid JSON, begins with,
// or 0 where that is a list of something else.
func numbersLen(data []byte) int {
	for i, c := range data[1:] {
		switch {
		case c == ']':
			return i + 2
		case !strings.ContainsRune("\n ,+-.0123456789eE", rune(c)):
			return 0
		}
	}
	return 0
}
