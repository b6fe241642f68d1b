//go:build unix

package command

import (
	"os/exec"
	"syscall"
)

// KillGroup makes the cancellation of cmd kill the programs that cmd started as
// well: pip, the go command and Jupyter all work through children. Call it before
// cmd starts.
func KillGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
