package netdiffus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Diff lists the settings in which a and b differ, one line each, by their
// place in the JSON: "training.lr: 0.0001, was 0.0003", the values of b and a.
func Diff(a, b Config) []string {
	was, is := flatten(a), flatten(b)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(merge(was, is))) {
		if was[name] != is[name] {
			lines = append(lines, fmt.Sprintf("%s: %s, was %s", name, short(is[name]), short(was[name])))
		}
	}
	return lines
}

// flatten returns c's JSON as one value a leaf; lists are leaves.
func flatten(c Config) map[string]string {
	c.derive()
	var tree map[string]any
	dec := json.NewDecoder(bytes.NewReader(c.JSON()))
	dec.UseNumber() // a float64 does not hold every seed
	if err := dec.Decode(&tree); err != nil {
		panic(err) // it was made by c.JSON
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
	return leaves
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
