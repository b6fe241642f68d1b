package command

import (
	"os/exec"
	"syscall"
)

// TerminateWithParent makes the system send cmd a SIGTERM when this process ends, in
// whatever way, even by SIGKILL. Call it before cmd starts. The system watches the
// thread that starts cmd, so the caller must hold runtime.LockOSThread from Start
// until cmd has ended.
func TerminateWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
}
