package tables

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Interner gives equal labels one string; nil does not.
type Interner map[string]string

func (in Interner) text(b []byte) (string, error) {
	if s, ok := in[string(b)]; ok {
		return s, nil
	}
	s := string(b)
	if err := CheckLabel(s); err != nil {
		return "", err
	}
	if in != nil && len(in) < 1<<16 { // a file with a label of its own a row must not fill the memory
		in[s] = s
	}
	return s, nil
}

// MaxLabel is the longest label, bytes, and MaxKey the longest key: MIRAGE's
// with two addresses of IPv6 in full have some 100.
const (
	MaxLabel = 1 << 16
	MaxKey   = 1 << 10
)

// CheckKey reports a key that is too long or not UTF-8.
func CheckKey(s string) error {
	if len(s) > MaxKey || !utf8.ValidString(s) {
		return fmt.Errorf("the key of %d bytes (%.40q) is not of a flow: want UTF-8 of at most %d", len(s), s, MaxKey)
	}
	return nil
}

// CheckLabel reports a label that is empty, too long or not UTF-8.
func CheckLabel(s string) error {
	switch {
	case s == "":
		return errors.New("the label is empty")
	case len(s) > MaxLabel:
		return fmt.Errorf("the label has %d bytes, want at most %d", len(s), MaxLabel)
	case !utf8.ValidString(s):
		return fmt.Errorf("the label is not UTF-8: %.40q", s)
	}
	return nil
}
