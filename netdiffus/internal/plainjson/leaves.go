package plainjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// Leaves returns a JSON object as one value a leaf, by the names on the way to it with
// dots between: {"a":{"b":1}} is a.b: 1. Lists are leaves. Numbers stay as they are
// written.
func Leaves(text []byte) (map[string]string, error) {
	if err := jsonlimit.Check(text, jsonlimit.AnyCost); err != nil {
		return nil, err
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a float64 does not hold every seed
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	leaves := map[string]string{}
	var walk func(path string, node any) error
	walk = func(path string, node any) error {
		if object, ok := node.(map[string]any); ok {
			for name, child := range object {
				if err := walk(path+"."+name, child); err != nil {
					return err
				}
			}
			return nil
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(node); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		leaves[path] = string(bytes.TrimRight(b.Bytes(), "\n"))
		return nil
	}
	for name, child := range object {
		if err := walk(name, child); err != nil {
			return nil, err
		}
	}
	return leaves, nil
}
