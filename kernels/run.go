// Package kernels is the Jupyter kernel "NetDiffus (Go)": GoNB, run and kept by
// this program, behind a proxy that mends what GoNB leaves to wish for.
package kernels

import (
	"context"
	"errors"
)

// Options say which kernel to run.
type Options struct {
	// ConnectionFile is the JSON file in which a Jupyter client says where the
	// kernel shall listen, and with which key messages are signed.
	ConnectionFile string
	// Tools is the folder of the executables gonb, goimports and gopls. Without
	// gopls there is no completion.
	Tools string
	// Module is the folder of the library's go.mod, and Version the library's
	// version in the module cache where there is no such folder.
	Module, Version string
	// Go is the go command; empty means the one on the PATH.
	Go string
	// GoProxy is the GOPROXY of cells; empty means "off".
	GoProxy string
}

// Run serves a kernel until the client shuts it down or goes away, or ctx ends.
func Run(ctx context.Context, o Options) error {
	return errors.New("kernel: not here yet")
}
