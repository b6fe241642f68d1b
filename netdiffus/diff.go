package netdiffus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
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

// flatten returns c's JSON as one value a leaf; lists are leaves.
func flatten(c Config) (map[string]string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // a float64 does not hold every seed
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	leaves := map[string]string{}
	var walk func(path string, node any)
	walk = func(path string, node any) {
		object, ok := node.(map[string]any)
		if !ok {
			text, _ := json.Marshal(node)
			leaves[path] = string(text)
			return
		}
		for name, child := range object {
			walk(path+"."+name, child)
		}
	}
	for name, child := range tree {
		walk(name, child)
	}
	return leaves, nil
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
