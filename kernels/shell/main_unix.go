//go:build unix

package shell

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long a command may live on after an interrupt; GoNB kills after
// 5 s.
const patience = 2 * time.Second

// Main runs one command, "-c LINE" or "-- PROGRAM ARGUMENT…", in a process group
// of its own and returns its exit code.
func Main(args []string) int {
	dir := dirOf()
	words, title, ok := commandLine(args)
	if !ok || dir == "" {
		fmt.Fprintf(os.Stderr, "%s: started by kernels, not by hand\n", Name)
		return 2
	}
	if _, failed := Failed(dir); failed {
		return 0 // the cell has ended at an earlier command
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	c := exec.Command(words[0], words[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = environ(dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return leave(dir, Failure{Command: title, Code: 127})
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	group := -c.Process.Pid
	f := Failure{Command: title}
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
				syscall.Kill(group, syscall.SIGKILL) // or what is left holds the cell
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

// leave notes a failure and returns the exit code.
func leave(dir string, f Failure) int {
	if f.Code == 0 && !f.Interrupted {
		return 0
	}
	if err := fail(dir, f); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", Name, err)
	}
	if f.Code == 0 {
		return 128 + int(syscall.SIGINT)
	}
	return f.Code
}
