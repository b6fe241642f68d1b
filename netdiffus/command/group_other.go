//go:build !unix

package command

import "os/exec"

// KillGroup does nothing on this system: the cancellation of cmd kills cmd alone.
func KillGroup(*exec.Cmd) {}
