//go:build unix

package keeper

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Child is a program in the care of a keeper, as the kernel sees it.
type Child struct {
	dir    string
	cmd    *exec.Cmd
	lock   *os.File
	mu     sync.Mutex
	orders io.WriteCloser
	done   chan struct{} // closed when the keeper has ended
	how    string        // the program ended, once done
}

// Start starts command in the care of a keeper, which is this program under
// another name. env is the command's environment; DirEnv is added.
func Start(dir string, command, env []string, stderr io.Writer) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{Name, dir}, command...)
	cmd.Env = append(env, DirEnv+"="+dir)
	cmd.Stderr = stderr
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of signals to the kernel's group
	cmd.WaitDelay = time.Second
	c := &Child{dir: dir, cmd: cmd, lock: lock, done: make(chan struct{})}
	if c.orders, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	reports, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("keeper: %w", err)
	}
	r := bufio.NewReader(reports)
	first, err := r.ReadString('\n')
	if !strings.HasPrefix(first, "pid ") {
		c.orders.Close()
		cmd.Wait()
		lock.Close()
		return nil, fmt.Errorf("keeper: %s was not started: %s", command[0], strings.TrimSpace(strings.TrimPrefix(first, "failed ")))
	}
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(strings.TrimPrefix(first, "pid ")), 0o600); err != nil {
		c.Stop()
		return nil, fmt.Errorf("keeper: %w", err)
	}
	go c.watch(r)
	return c, nil
}

// watch waits for the end of the program and its keeper.
func (c *Child) watch(r *bufio.Reader) {
	how := ""
	for {
		line, err := r.ReadString('\n')
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "exited "); ok {
			how = rest
		}
		if err != nil {
			break
		}
	}
	err := c.cmd.Wait()
	var ended *exec.ExitError
	if how == "" && errors.As(err, &ended) && !ended.Exited() {
		how = "its keeper ended: " + ended.String()
		// The keeper cleans up as a rule. Now it cannot.
		endAll(c.dir, 0)
		removeAll(c.dir)
	}
	c.lock.Close()
	c.how = how
	close(c.done)
}

// Done is closed when the program, all it started and its keeper have ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// How says how the program ended, "exit status 1". It is empty before Done and
// where Stop ended it.
func (c *Child) How() string {
	select {
	case <-c.done:
		return c.how
	default:
		return ""
	}
}

// Interrupt interrupts what runs or compiles in the program; again says that this
// has been tried.
func (c *Child) Interrupt(again bool) {
	if again {
		c.order(orderAgain)
	} else {
		c.order(orderInterrupt)
	}
}

// Kill ends all processes that cells have started.
func (c *Child) Kill() { c.order(orderKill) }

func (c *Child) order(o string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.orders, o+"\n") // one who does not read has ended: see Done
}

// Stop ends the program and all it started, and waits until the directory is
// gone.
func (c *Child) Stop() {
	c.mu.Lock()
	c.orders.Close()
	c.mu.Unlock()
	<-c.done
}

// lockDir marks dir as one whose kernel lives. The mark ends with the last
// process that has the file open: the kernel and the keeper do.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Sweep deletes directories beside dir, of the same user, whose kernel and keeper
// were both killed, and ends what still runs for them.
func Sweep(dir string) {
	siblings, err := filepath.Glob(filepath.Join(filepath.Dir(dir), prefix+"*"))
	if err != nil {
		return
	}
	for _, s := range siblings {
		info, err := os.Lstat(s)
		if s == dir || err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue // a young one may not have its lock yet
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Getuid() {
			continue
		}
		lock, err := lockDir(s)
		if err != nil {
			continue
		}
		endAll(s, 0)
		removeAll(s)
		lock.Close()
	}
}
