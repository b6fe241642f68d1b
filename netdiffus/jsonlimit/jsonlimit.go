// Package jsonlimit decodes JSON of others within limits of memory.
package jsonlimit

import (
	"encoding/json"
	"fmt"
)

// What decoding may take, as far as it can be told from a text: three bytes, "{},", make a
// struct of hundreds. Files of others are read in 64 MiB and 8 times their size.
const (
	objectCost = 512 // bytes that an object, decoded, takes with its place in a list
	listCost   = 96
	freeCost   = 40 << 20
	timesCost  = 6 // the text's size
)

// Unmarshal is json.Unmarshal for files of others: a text that would take much more memory
// than it has bytes is an error. It is for types in which lists have elements of a type;
// for those with values of any type see Check.
func Unmarshal(text []byte, v any) error {
	if err := Check(text, 0); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// Check reports whether a text would take much more memory decoded than it has bytes.
// each is what a number or text in a list takes: 0 where a type says what it is, AnyCost
// where it becomes a value of any type. What is not JSON passes: the decoder will say so.
func Check(text []byte, each int) error {
	cost, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			cost += objectCost
		case c == '[':
			cost += listCost
		case c == ',':
			cost += each
		}
	}
	if limit := freeCost + timesCost*len(text); cost > limit {
		return fmt.Errorf("JSON of %d bytes with so many objects and lists that it would take more than %d MiB", len(text), limit>>20)
	}
	return nil
}

// AnyCost is what a value of any type takes in a list.
const AnyCost = 64
