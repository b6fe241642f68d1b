//go:build !linux

package command

import "os/exec"

// TerminateWithParent does nothing on this system: cmd goes on when this process is
// killed.
func TerminateWithParent(*exec.Cmd) {}
