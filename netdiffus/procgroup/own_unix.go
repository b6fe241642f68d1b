//go:build unix

package procgroup

import (
	"os/exec"
	"syscall"
)

// Own makes cmd's cancellation end the processes that cmd started, too.
// Call it before cmd starts.
func Own(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
