//go:build linux || darwin || freebsd

package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFolder locks a folder that is there, until the file that it returns is closed or the
// process ends; nil where another has it, or where folders have no locks.
func lockFolder(path string) *os.File {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil
	}
	return f
}

// ended reports whether there is surely no process of that number on this machine.
func ended(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) }
