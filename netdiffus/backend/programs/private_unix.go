//go:build unix

package programs

import (
	"io/fs"
	"os"
	"syscall"
)

// private reports whether only this user may write to the folder.
func private(folder fs.FileInfo) bool {
	stat, ok := folder.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && folder.Mode().Perm()&0o022 == 0
}
