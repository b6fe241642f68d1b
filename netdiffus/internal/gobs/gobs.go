// Package gobs writes values for other processes of the same program, and reads them, by
// encoding/gob.
package gobs

import (
	"bytes"
	"encoding/gob"
)

// Marshal returns v as gob writes it.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Unmarshal reads what Marshal returned into what v points to.
func Unmarshal(data []byte, v any) error {
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}
