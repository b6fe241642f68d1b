//go:build unix

package backend

import (
	"os/exec"
	"syscall"
)

// ownGroup makes cmd's cancellation end the processes that cmd started, too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
