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

// Main is this program under the name [Name]: the keeper. It reads orders from its
// standard input, writes reports to its standard output, and returns the exit code.
func Main() int {
	runtime.LockOSThread() // the program is killed when the thread that started it ends
	// The keeper ends with the kernel, not by these signals. They are caught and not
	// ignored, because programs that it starts would inherit that.
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

// obey carries out an order. It fails if the program cannot be started.
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
		return nil // nothing to interrupt or kill
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
	pid    int         // of the program, GoNB; 0 before it is started
	exited chan string // how the program ended
}

// start starts the program in a process group of its own, so that signals to the
// keeper's group do not reach it.
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
		Files: []*os.File{nil, os.Stderr, os.Stderr}, // stdout is the pipe to the kernel
		Sys:   attributes(),
	})
	if err != nil {
		return err
	}
	k.pid = p.Pid
	go k.reap(p)
	return os.WriteFile(filepath.Join(k.dir, "pid"), []byte(strconv.Itoa(k.pid)+"\n"), 0o600)
}

// interrupt makes GoNB interrupt the cell's program, and kills compilers, which GoNB
// does not. If again is true and the cell's program has ended, the cell waits for
// processes that the program left behind; interrupt kills those.
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

// kill kills all processes except GoNB and gopls.
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

// endAll ends the descendants of root (0 for none) and the processes whose
// environment names dir, first by SIGTERM.
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

// exitText describes how a process ended, in the words of package os.
func exitText(status syscall.WaitStatus) string {
	switch {
	case status.Exited():
		return fmt.Sprintf("exit status %d", status.ExitStatus())
	case status.Signaled():
		return strings.TrimSpace("signal: " + status.Signal().String())
	}
	return "unknown"
}
