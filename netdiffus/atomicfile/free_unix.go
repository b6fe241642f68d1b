//go:build unix

package atomicfile

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FreeSpace returns how many bytes the user may still write below path, which need
// not exist yet, or 0 where that is unknown.
func FreeSpace(path string) int64 {
	for {
		var s unix.Statfs_t
		if unix.Statfs(path, &s) == nil {
			return int64(s.Bavail) * int64(s.Bsize)
		}
		parent := filepath.Dir(path)
		if parent == path {
			return 0
		}
		path = parent
	}
}
