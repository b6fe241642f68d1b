//go:build !linux || !cgo

package programs

import "errors"

// Keep is for Linux.
func Keep(string, Store) error {
	return errors.New("programs: compiled programs are kept on Linux only")
}
