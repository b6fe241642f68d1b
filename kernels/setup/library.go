package setup

import (
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"

	"github.com/netdiffus/netdiffus-go/kernels/gotool"
)

// isLibrary reports whether the library's go.mod lies in dir.
func isLibrary(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(text) == gotool.Module
}
