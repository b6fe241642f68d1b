//go:build unix

package keeper

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Main is the keeper. It takes orders on its standard input, reports on its
// standard output, and returns the exit code.
func Main() int {
	runtime.LockOSThread() // the kept program dies with the thread that started it
	// Whoever wants the keeper to end tells the kernel. Signals are taken, not
	// ignored, because programs inherit what is ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	adopt()
	dir, err := makeDir()
	if err != nil {
		report(os.Stdout, reportFailed, err)
		return 1
	}
	k := keep{dir: dir, exited: make(chan string, 1)}
	lock, err := lockDir(dir)
	if err != nil {
		report(os.Stdout, reportFailed, err)
		return k.end()
	}
	defer lock.Close()
	report(os.Stdout, reportDir, dir)
	orders := make(chan string)
	go readOrders(os.Stdin, orders)
	for {
		select {
		case how := <-k.exited:
			report(os.Stdout, reportExited, how)
			return k.end()
		case <-term:
			return k.end()
		case order, ok := <-orders:
			if !ok {
				return k.end()
			}
			if err := k.obey(order); err != nil {
				report(os.Stdout, reportFailed, err)
				return k.end()
			}
		}
	}
}

// readOrders sends the lines of r, and closes the channel at the end.
func readOrders(r io.Reader, orders chan<- string) {
	defer close(orders)
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		orders <- strings.TrimSuffix(line, "\n")
	}
}

// obey does as it is told. It fails where there is no program to keep.
func (k *keep) obey(order string) error {
	if text, ok := strings.CutPrefix(order, orderRun); ok {
		var t task
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return err
		}
		if err := k.start(t); err != nil {
			return err
		}
		report(os.Stdout, reportStarted, k.pid)
		return nil
	}
	if k.pid == 0 {
		return nil // there is nothing yet
	}
	switch order {
	case orderInterrupt:
		k.interrupt(false)
	case orderAgain:
		k.interrupt(true)
	case orderKill:
		k.kill()
	}
	return nil
}

type keep struct {
	dir    string
	pid    int         // of the kept program, GoNB; 0 before there is one
	exited chan string // how it ended
}

// start starts the kept program in a process group of its own, so that it meets no
// signal that is not meant for it.
func (k *keep) start(t task) error {
	if len(t.Command) == 0 {
		return errors.New("no command")
	}
	path, err := exec.LookPath(t.Command[0])
	if err != nil {
		return err
	}
	p, err := os.StartProcess(path, t.Command, &os.ProcAttr{
		Env:   t.Env,
		Files: []*os.File{nil, os.Stderr, os.Stderr}, // stdout is the line to the kernel
		Sys:   attributes(),
	})
	if err != nil {
		return err
	}
	k.pid = p.Pid
	go k.reap(p)
	return os.WriteFile(filepath.Join(k.dir, "pid"), []byte(strconv.Itoa(k.pid)+"\n"), 0o600)
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
