package runs

import (
	"encoding/json"
	"errors"
)

var errOtherVersion = errors.New("a record of another version")

// recordVersion is part of each record: another version of this package reads the
// directories again.
const recordVersion = 1

type record[T any] struct {
	Version int `json:"v"`
	Value   T   `json:"value"`
}

func encode[T any](v T) ([]byte, error) { return json.Marshal(record[T]{recordVersion, v}) }

func decode[T any](text []byte) (T, error) {
	var r record[T]
	err := json.Unmarshal(text, &r)
	if err == nil && r.Version != recordVersion {
		err = errOtherVersion
	}
	return r.Value, err
}
