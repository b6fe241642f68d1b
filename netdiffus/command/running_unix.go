//go:build unix

package command

import (
	"errors"
	"syscall"
)

// Running reports whether there is a process with the number pid.
func Running(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
