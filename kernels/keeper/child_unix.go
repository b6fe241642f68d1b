//go:build unix

package keeper

import (
	"bufio"
	"cmp"
	"encoding/json"
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

// Child is a keeper and the program in its care, as the kernel sees them.
type Child struct {
	dir     string
	cmd     *exec.Cmd
	mu      sync.Mutex
	orders  io.WriteCloser
	replies chan string   // the keeper's, to Start and to Run; closed when it has ended
	done    chan struct{} // closed when the keeper has ended
	how     string        // the program ended, once done
}

// Start starts a keeper, which is this program under another name, with a private
// directory for a kernel. The keeper makes the directory, so that there is none
// that nobody would delete, however early the kernel is killed.
func Start(stderr io.Writer) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{Name}
	cmd.Stderr = stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of signals to the kernel's group
	cmd.WaitDelay = time.Second
	c := &Child{cmd: cmd, replies: make(chan string, 2), done: make(chan struct{})}
	if c.orders, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	reports, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	go c.watch(bufio.NewReader(reports))
	if problem := <-c.replies; problem != ready {
		c.Stop()
		return nil, errors.New(cmp.Or(problem, "keeper: it ended at once"))
	}
	return c, nil
}

// Dir is the private directory, for its owner only, with the folders bin (programs
// first on the PATH), tmp (the TMPDIR of what the kernel starts) and run (sockets).
func (c *Child) Dir() string { return c.dir }

// Run runs command in the keeper's care, once. env is its environment; DirEnv is
// added, and of variables that stand there twice the last one counts, as in
// exec.Cmd. Where Run fails, keeper and directory have gone.
func (c *Child) Run(command, env []string) error {
	env = (&exec.Cmd{Env: append(env, DirEnv+"="+c.dir)}).Environ()
	order, err := json.Marshal(task{Command: command, Env: env})
	if err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	c.order(orderRun + string(order))
	if problem := <-c.replies; problem != ready {
		c.Stop()
		return fmt.Errorf("keeper: %s was not started: %s", command[0], cmp.Or(problem, "the keeper ended"))
	}
	return nil
}

// watch waits for the end of the program and its keeper.
func (c *Child) watch(r *bufio.Reader) {
	how := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		kind, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case reportDir:
			c.dir = text
			c.replies <- ready
		case reportStarted:
			c.replies <- ready
		case reportFailed:
			c.replies <- text
		case reportExited:
			how = text
		}
	}
	err := c.cmd.Wait()
	var ended *exec.ExitError
	if how == "" && errors.As(err, &ended) && !ended.Exited() {
		how = "its keeper ended: " + ended.String()
		// The keeper cleans up as a rule. Now it cannot.
		if c.dir != "" {
			endAll(c.dir, 0)
			removeAll(c.dir)
		}
	}
	close(c.replies)
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

// lockDir marks dir as one whose keeper lives. The mark ends with the process.
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
