//go:build unix

package keeper

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Main is the keeper: args are its name, the private directory and the command
// line of what it shall keep. It returns the exit code.
func Main(args []string) int {
	if len(args) < 3 {
		fmt.Fprintf(os.Stderr, "%s: started by kernels, not by hand\n", Name)
		return 2
	}
	runtime.LockOSThread() // the kept program dies with the thread that started it
	k := keep{dir: args[1], exited: make(chan string, 1)}
	syscall.CloseOnExec(lockFile)
	// Whoever wants the keeper to end tells the kernel. Signals are taken, not
	// ignored, because programs inherit what is ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	adopt()
	if err := k.start(args[2:]); err != nil {
		report(os.Stdout, "failed %v", err)
		removeAll(k.dir)
		return 1
	}
	report(os.Stdout, "pid %d", k.pid)
	orders := make(chan string)
	go func() {
		defer close(orders)
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			orders <- s.Text()
		}
	}()
	for {
		select {
		case how := <-k.exited:
			report(os.Stdout, "exited %s", how)
			return k.end()
		case <-term:
			return k.end()
		case order, ok := <-orders:
			switch {
			case !ok:
				return k.end()
			case order == orderInterrupt:
				k.interrupt(false)
			case order == orderAgain:
				k.interrupt(true)
			case order == orderKill:
				k.kill()
			}
		}
	}
}

// lockFile is the descriptor of the lock that the kernel hands to its keeper.
const lockFile = 3

type keep struct {
	dir    string
	pid    int         // of the kept program, GoNB
	exited chan string // how it ended
}

// start starts the kept program in a process group of its own, so that it meets no
// signal that is not meant for it.
func (k *keep) start(command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	p, err := os.StartProcess(path, command, &os.ProcAttr{
		Env:   os.Environ(),
		Files: []*os.File{nil, os.Stderr, os.Stderr}, // stdout is the line to the kernel
		Sys:   attributes(),
	})
	if err != nil {
		return err
	}
	k.pid = p.Pid
	go k.reap(p)
	return nil
}

// interrupt tells GoNB to interrupt what runs, and ends what compiles, which GoNB
// does not. A cell whose program has ended and that goes on all the same is held
// by what the program started and left: that is ended when it is interrupted
// again.
func (k *keep) interrupt(again bool) {
	syscall.Kill(k.pid, syscall.SIGINT)
	all := processes(k.dir)
	held := again
	for _, p := range all {
		if p.parent != k.pid || p.zombie || isGopls(p) {
			continue
		}
		held = false
		if compiles(p) {
			for _, child := range below(all, p.pid, nil) {
				syscall.Kill(child.pid, syscall.SIGKILL)
			}
			syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	if held {
		k.kill()
	}
}

// kill ends all processes but GoNB and gopls.
func (k *keep) kill() {
	for _, p := range below(processes(k.dir), os.Getpid(), isGopls) {
		if p.pid != k.pid {
			syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
}

// end ends all processes and deletes the directory.
func (k *keep) end() int {
	endAll(k.dir, os.Getpid())
	if err := removeAll(k.dir); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", Name, err)
		return 1
	}
	return 0
}

// endAll ends the processes below root (0 for none) and those marked with dir:
// at first politely.
func endAll(dir string, root int) {
	begun := time.Now()
	for sign := syscall.SIGTERM; time.Since(begun) < 5*time.Second; time.Sleep(20 * time.Millisecond) {
		all := processes(dir)
		doomed := map[int]bool{}
		for _, p := range all {
			if p.marked {
				doomed[p.pid] = !p.zombie
			}
		}
		if root != 0 {
			for _, p := range below(all, root, nil) {
				doomed[p.pid] = !p.zombie
			}
		}
		delete(doomed, os.Getpid())
		alive := false
		for pid, lives := range doomed {
			if lives {
				alive = true
				if sign == syscall.SIGKILL || time.Since(begun) < 20*time.Millisecond {
					syscall.Kill(pid, sign)
				}
			}
		}
		if !alive {
			return
		}
		if time.Since(begun) > grace {
			sign = syscall.SIGKILL
		}
	}
}

// exitText says how a process ended, as package os does.
func exitText(status syscall.WaitStatus) string {
	switch {
	case status.Exited():
		return fmt.Sprintf("exit status %d", status.ExitStatus())
	case status.Signaled():
		return strings.TrimSpace("signal: " + status.Signal().String())
	}
	return "unknown"
}
