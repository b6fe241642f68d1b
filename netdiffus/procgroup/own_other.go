//go:build !unix

package procgroup

import "os/exec"

// Own does nothing here: cancelling cmd ends cmd alone.
func Own(*exec.Cmd) {}
