package netdiffus

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
)

// Diff lists the settings in which a and b differ, one line each, by their
// place in the JSON: "training.lr: 0.0001, was 0.0003", the values of b and a. It
// fails where one of them cannot be saved.
func Diff(a, b Config) ([]string, error) {
	before, err := flatten(a)
	if err != nil {
		return nil, err
	}
	after, err := flatten(b)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(merge(before, after))) {
		if before[name] != after[name] {
			lines = append(lines, fmt.Sprintf("%s: %s, was %s", name, short(after[name]), short(before[name])))
		}
	}
	return lines, nil
}

// flatten returns c's JSON as one value a leaf (plainjson.Leaves).
func flatten(c Config) (map[string]string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return plainjson.Leaves(text)
}

func merge(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// short is a value that fits a line: a codec's tables do not.
func short(value string) string {
	switch {
	case value == "":
		return "nothing"
	case len(value) > 60:
		return value[:57] + "..."
	}
	return value
}
