//go:build unix

package diskspace

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Free is what the user may still write below path, which need not exist
// yet, in bytes; 0 where the system does not say.
func Free(path string) int64 {
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
