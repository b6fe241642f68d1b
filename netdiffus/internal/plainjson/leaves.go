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
	if err := jsonlimit.Check(text, 0); err != nil {
		return nil, err
	}
	// Lists stay text: decoded, a model's tables take many times their size.
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("not a JSON object")
	}
	leaves := map[string]string{}
	return leaves, addLeaves(leaves, "", object)
}

// addLeaves adds the leaves of an object; before is what their names begin with.
func addLeaves(leaves map[string]string, before string, object map[string]json.RawMessage) error {
	for name, text := range object {
		path := before + name
		if text[0] == '{' {
			var inner map[string]json.RawMessage
			if err := json.Unmarshal(text, &inner); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if err := addLeaves(leaves, path+".", inner); err != nil {
				return err
			}
			continue
		}
		leaf, err := plain(text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		leaves[path] = leaf
	}
	return nil
}

// plain is a value as one line, texts without the escapes that HTML needs.
func plain(text json.RawMessage) (string, error) {
	var b bytes.Buffer
	if text[0] != '"' {
		err := json.Compact(&b, text)
		return b.String(), err
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return "", err
	}
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return string(bytes.TrimRight(b.Bytes(), "\n")), err
}
