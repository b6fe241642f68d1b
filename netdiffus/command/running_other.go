//go:build !unix

package command

import "os"

// Running reports whether there is a process with the number pid.
func Running(pid int) bool {
	if pid <= 0 {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	p.Release()
	return true
}
