// Package keeper makes sure that a kernel leaves no process and no file behind. A
// small process, the keeper, is the parent of everything that the kernel starts:
// GoNB, gopls, the programs of cells and whatever those start. When the kernel has
// ended, in whatever way, the keeper ends all of these processes, daemons too,
// deletes the kernel's private directory, and ends itself.
//
// Kernel and keeper are connected by two pipes. Each notices the end of the other
// by the end of its pipe.
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

// DirEnv is the environment variable that every process of a kernel has: the path of
// the kernel's private directory.
const DirEnv = "NETDIFFUS_KERNEL_DIR"

// prefix begins the names of private directories.
const prefix = "netdiffus-kernel-"

// Orders of the kernel to its keeper, one per line.
const (
	orderRun       = "run "      // a task, in JSON
	orderInterrupt = "interrupt" // what a cell does
	orderAgain     = "again"     // a second later, if the cell goes on
	orderKill      = "kill"      // all processes of cells
)

// task is the program that a keeper must run.
type task struct {
	Command []string `json:"command"`
	Env     []string `json:"env"`
}

// Reports of the keeper to its kernel, one per line, each followed by a text.
const (
	reportDir     = "dir"     // the private directory
	reportStarted = "started" // the process number of the program
	reportFailed  = "failed"  // why there is no directory or no program
	reportExited  = "exited"  // how the program ended
)

// ready is the reply of a keeper that has done what it was told.
const ready = "ready"

// grace is the time between SIGTERM and SIGKILL.
const grace = time.Second

// maxSocketDir is the longest path of a directory that leaves room for the names of
// Unix sockets: the whole path may have 104 bytes on macOS and 108 on Linux.
const maxSocketDir = 60

// makeDir makes a private directory for a kernel.
func makeDir() (string, error) {
	base := os.TempDir()
	if len(base)+len(prefix)+12 > maxSocketDir {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return "", fmt.Errorf("keeper: %w; set TMPDIR to a writable folder", err)
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

// below returns the descendants of the process root. It leaves out a process that
// skip returns true for, with its descendants.
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

// isGopls reports whether p is the language server, which belongs to no cell.
func isGopls(p process) bool {
	return filepath.Base(p.program) == "gopls" || filepath.Base(p.name) == "gopls"
}

// compiles reports whether p is a program that compiles a cell.
func compiles(p process) bool {
	for _, name := range []string{filepath.Base(p.program), filepath.Base(p.name)} {
		if name == "go" || name == "goimports" {
			return true
		}
	}
	return false
}

// removeAll deletes dir. It tries again if a process that is about to end still
// writes there.
func removeAll(dir string) error {
	if !strings.HasPrefix(filepath.Base(dir), prefix) {
		return errors.New("keeper: " + dir + " is not the directory of a kernel")
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

// report writes a report to the kernel, which may have ended.
func report(w io.Writer, kind string, text any) { fmt.Fprintln(w, kind, text) }
