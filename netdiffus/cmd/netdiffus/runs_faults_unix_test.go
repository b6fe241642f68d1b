//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// onlyRead lets the process write nothing below dir until the test ends. The superuser,
// who may write everywhere, is nobody meanwhile.
func onlyRead(t *testing.T, dir string) {
	t.Helper()
	mode := func(write fs.FileMode) {
		must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			return os.Chmod(path, info.Mode()&^0o222|write)
		}))
	}
	mode(0)
	if os.Geteuid() != 0 {
		t.Cleanup(func() { mode(0o200) })
		return
	}
	const nobody = 65534
	must(t, syscall.Setreuid(-1, nobody))
	t.Cleanup(func() {
		must(t, syscall.Setreuid(-1, 0))
		mode(0o200)
	})
}
