// Package plainjson writes JSON for people to read: indented, but with lists of
// numbers on one line each, since nobody reads a thousand lengths one a line.
package plainjson

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// numbers is a list of numbers as json.MarshalIndent breaks it into lines.
var numbers = regexp.MustCompile(`\[\n\s*-?[0-9][-+.0-9eE]*(,\n\s*-?[0-9][-+.0-9eE]*)*\n\s*\]`)

var breaks = regexp.MustCompile(`\n\s*`)

// Marshal returns v as indented JSON with a line feed at the end.
func Marshal(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	// Inside a string a line feed is escaped, so a match is always a list.
	data = numbers.ReplaceAllFunc(data, func(list []byte) []byte {
		return breaks.ReplaceAll(list, nil)
	})
	return append(bytes.TrimRight(data, "\n"), '\n'), nil
}
