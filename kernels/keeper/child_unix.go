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

// Child is a keeper and its program, as the kernel sees them.
type Child struct {
	dir     string
	cmd     *exec.Cmd
	mu      sync.Mutex
	orders  io.WriteCloser
	replies chan string   // of the keeper, to Start and to Run; closed when the keeper has ended
	done    chan struct{} // closed when the keeper has ended
	how     string        // how the program ended; valid once done is closed
}

// Start starts a keeper, which is this program under the name [Name]. The keeper
// makes the kernel's private directory, so that the directory is deleted however
// early the kernel is killed. stderr gets what the program prints.
func Start(stderr io.Writer) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{Name}
	cmd.Stderr = stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // signals to the kernel's process group do not reach it
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
		return nil, errors.New(cmp.Or(problem, "keeper: the keeper ended at its start"))
	}
	return c, nil
}

// Dir returns the path of the private directory, which only its owner can read. It
// holds the folders bin (first on the PATH), tmp (the TMPDIR of everything that the
// kernel starts) and run (sockets).
func (c *Child) Dir() string { return c.dir }

// Run makes the keeper start the program. It can be called once. command is the
// program's command line and env its environment, to which Run adds DirEnv; of equal
// variables the last one counts, as in exec.Cmd. If Run fails, the keeper has ended
// and the directory is deleted.
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

// watch reads the keeper's reports until the keeper has ended.
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
		// The keeper was killed, so it could not clean up.
		if c.dir != "" {
			endAll(c.dir, 0)
			removeAll(c.dir)
		}
	}
	close(c.replies)
	c.how = how
	close(c.done)
}

// Done returns a channel that is closed when the keeper, the program and everything
// that the program started have ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// How returns how the program ended, such as "exit status 1". It returns "" before
// Done is closed, and if Stop ended the program.
func (c *Child) How() string {
	select {
	case <-c.done:
		return c.how
	default:
		return ""
	}
}

// Interrupt interrupts the cell that runs or compiles. again means that an earlier
// Interrupt did not end it.
func (c *Child) Interrupt(again bool) {
	if again {
		c.order(orderAgain)
	} else {
		c.order(orderInterrupt)
	}
}

// Kill kills all processes that cells have started.
func (c *Child) Kill() { c.order(orderKill) }

func (c *Child) order(o string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.orders, o+"\n") // a keeper that does not read has ended: see Done
}

// Stop ends the program and everything that it started, and waits until the
// directory is deleted.
func (c *Child) Stop() {
	c.mu.Lock()
	c.orders.Close()
	c.mu.Unlock()
	<-c.done
}

// lockDir locks dir, which shows other kernels that its keeper runs. The system
// releases the lock when this process ends.
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

// Sweep deletes the private directories, next to dir and of the same user, of other
// kernels that were killed together with their keepers, and ends their processes.
func Sweep(dir string) {
	siblings, err := filepath.Glob(filepath.Join(filepath.Dir(dir), prefix+"*"))
	if err != nil {
		return
	}
	for _, s := range siblings {
		info, err := os.Lstat(s)
		if s == dir || err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue // a new one may not be locked yet
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
