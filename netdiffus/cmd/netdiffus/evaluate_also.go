package main

import (
	"fmt"
	"strings"
)

// also is another generator's records, as --also names them.
type also struct{ name, path string }

// parseAlso reads NAME=PATH.
func parseAlso(words []string) ([]also, error) {
	var all []also
	for _, word := range words {
		name, path, found := strings.Cut(word, "=")
		if !found || strings.TrimSpace(name) == "" || path == "" {
			return nil, fmt.Errorf("--also %q: want NAME=PATH, the name of a row and the file or folder of its flows", word)
		}
		all = append(all, also{strings.TrimSpace(name), path})
	}
	return all, nil
}
