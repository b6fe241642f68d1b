package atomicfile

import (
	"errors"
	"syscall"
)

// DiskFailed reports whether err says that a disk is full, failing or not to be written:
// trying again when that is mended may help.
func DiskFailed(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
