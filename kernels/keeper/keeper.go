// Package keeper keeps what a kernel starts: GoNB, gopls, the programs of cells
// and whatever those start. A small process, the keeper, is the parent of all of
// them. It lives as long as the kernel and a moment longer: when the kernel has
// gone, in whatever way, it ends every process, those that made themselves
// daemons too, and deletes the kernel's private directory.
//
// The two watch each other over a pipe: its end tells the keeper that the kernel
// has gone, and the keeper's end tells the kernel.
package keeper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Name is the name, argv[0], under which this program is the keeper.
const Name = "netdiffus-keeper"

// DirEnv is the environment variable that all processes of a kernel have: its
// private directory.
const DirEnv = "NETDIFFUS_KERNEL_DIR"

// prefix is how the names of private directories begin.
const prefix = "netdiffus-kernel-"

// Orders of the kernel to its keeper, one a line.
const (
	orderRun       = "run "      // a task, in JSON
	orderInterrupt = "interrupt" // what a cell does
	orderAgain     = "again"     // a second later, as the cell has not ended
	orderKill      = "kill"      // all processes of cells
)

// task is what a keeper shall run.
type task struct {
	Command []string `json:"command"`
	Env     []string `json:"env"`
}

// Reports of the keeper to its kernel, one a line, with a text behind.
const (
	reportDir     = "dir"     // the private directory is there
	reportStarted = "started" // the program runs
	reportFailed  = "failed"  // why directory or program could not be had
	reportExited  = "exited"  // how the program ended
)

// ready stands for a good answer of the keeper.
const ready = "ready"

// grace is how long processes have between SIGTERM and SIGKILL.
const grace = time.Second

// maxSocketDir is the longest directory whose Unix sockets still have room for a
// name of theirs: the system's limit is 104 bytes on macOS, 108 on Linux.
const maxSocketDir = 60

// makeDir makes a private directory for a kernel.
func makeDir() (string, error) {
	base := os.TempDir()
	if len(base)+len(prefix)+12 > maxSocketDir {
		base = "/tmp" // sockets have short names
	}
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return "", fmt.Errorf("keeper: %w; set TMPDIR to a folder that can be written", err)
	}
	for _, name := range []string{"bin", "tmp", "run"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			os.RemoveAll(dir)
			return "", fmt.Errorf("keeper: %w", err)
		}
	}
	return dir, nil
}

// process is one of the machine's processes.
type process struct {
	pid, parent int
	program     string // path of what it runs; on other systems than Linux argv[0]
	name        string // argv[0]
	zombie      bool
	marked      bool // its environment names the kernel's directory
}

// below returns the processes that root started, those that these started, and
// so on, without root. Where skip says so, a process and those below it are left
// out.
func below(all []process, root int, skip func(process) bool) []process {
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	var list []process
	var walk func(int)
	walk = func(pid int) {
		for _, p := range children[pid] {
			if p.pid == root || skip != nil && skip(p) {
				continue
			}
			list = append(list, p)
			walk(p.pid)
		}
	}
	walk(root)
	return list
}

// isGopls says whether p is the language server, which cells do not own.
func isGopls(p process) bool {
	return filepath.Base(p.program) == "gopls" || filepath.Base(p.name) == "gopls"
}

// compiles says whether p makes a program of a cell.
func compiles(p process) bool {
	for _, name := range []string{filepath.Base(p.program), filepath.Base(p.name)} {
		if name == "go" || name == "goimports" {
			return true
		}
	}
	return false
}

// removeAll deletes dir, also where a process that is just ending still writes in
// it.
func removeAll(dir string) error {
	if !strings.HasPrefix(filepath.Base(dir), prefix) {
		return errors.New("keeper: " + dir + " is no directory of a kernel")
	}
	var err error
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		// Module caches are read-only.
		filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				os.Chmod(path, 0o700)
			}
			return nil
		})
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// report writes one line about the kept program to the kernel, who may have gone.
func report(w io.Writer, kind string, text any) { fmt.Fprintln(w, kind, text) }
