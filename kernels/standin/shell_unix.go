//go:build unix

package standin

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long a command may run on after an interrupt; GoNB kills its own
// programs after 5 s.
const patience = 2 * time.Second

// RunShell is this program under the name ShellName. It runs one command, "-c LINE"
// or "-- PROGRAM ARGUMENT…", in a process group of its own and returns its exit
// code.
//
// GoNB itself runs the lines of a cell that begin with "!" and the cells that begin
// with %%bash, %%sh or %%script, but ignores how they end, and interrupts only the
// shell, not what the shell started. RunShell comes between the two: as a file that
// bash reads first (BASH_ENV), and as the command of %%script. A command that fails
// leaves a note in the kernel's directory. While there is one, no later command and
// no Go code of the cell runs, and the kernel turns it into the cell's error.
func RunShell(args []string) int {
	dir := dirOf()
	words, title, ok := commandLine(args)
	if !ok || dir == "" {
		fmt.Fprintf(os.Stderr, "%s: started by kernels, not by hand\n", ShellName)
		return 2
	}
	if _, failed := FailedShell(dir); failed {
		return 0 // the cell has failed at an earlier command
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	c := exec.Command(words[0], words[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = environ(dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return leave(dir, ShellFailure{Command: title, Code: 127})
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	group := -c.Process.Pid
	f := ShellFailure{Command: title}
	var late <-chan time.Time
	for {
		select {
		case s := <-signals:
			f.Interrupted = true
			syscall.Kill(group, s.(syscall.Signal))
			if late == nil {
				late = time.After(patience)
			}
		case <-late:
			syscall.Kill(group, syscall.SIGKILL)
		case <-ended:
			if f.Interrupted {
				syscall.Kill(group, syscall.SIGKILL) // a remaining process would keep the cell running
			}
			status := c.ProcessState.Sys().(syscall.WaitStatus)
			f.Code = status.ExitStatus()
			if status.Signaled() {
				f.Code = 128 + int(status.Signal())
			}
			return leave(dir, f)
		}
	}
}

// leave writes the note of a failure, if it is one, and returns the exit code.
func leave(dir string, f ShellFailure) int {
	if f.Code == 0 && !f.Interrupted {
		return 0
	}
	if err := fail(dir, f); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", ShellName, err)
	}
	if f.Code == 0 {
		return 128 + int(syscall.SIGINT)
	}
	return f.Code
}
