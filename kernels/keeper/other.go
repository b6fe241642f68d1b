//go:build !unix

package keeper

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Child is a keeper and its program. There are none on this system.
type Child struct{}

var errSystem = errors.New("keeper: the kernel runs on Linux and macOS; on Windows use WSL")

// Main fails: there are no keepers on this system.
func Main() int {
	fmt.Fprintln(os.Stderr, errSystem)
	return 1
}

// Start fails on this system.
func Start(io.Writer) (*Child, error) { return nil, errSystem }

// Dir returns "".
func (*Child) Dir() string { return "" }

// Run fails on this system.
func (*Child) Run([]string, []string) error { return errSystem }

// Done returns nil.
func (*Child) Done() <-chan struct{} { return nil }

// How returns "".
func (*Child) How() string { return "" }

// Interrupt does nothing.
func (*Child) Interrupt(bool) {}

// Kill does nothing.
func (*Child) Kill() {}

// Stop does nothing.
func (*Child) Stop() {}

// Sweep does nothing.
func Sweep(string) {}
