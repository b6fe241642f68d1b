package jupyter

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/nb"
)

// The profiles, which decide how much the notebooks compute (see nb.Pick).
const (
	Full  = "full"  // for readers
	Smoke = "smoke" // small, to test that everything works
)

// Runner executes notebooks, each on a fresh kernel.
type Runner struct {
	// Python returns a command of a Python that has nbclient and nbconvert:
	// the Command method of a pyenv.Env.
	Python func(ctx context.Context, args ...string) *exec.Cmd
	Kernel Kernel
	// Profile is Full or Smoke; "" means Full.
	Profile string
	// Limit is the longest time that a cell may take; 0 means ten minutes.
	Limit time.Duration
	// Watch, if not nil, is called when a cell begins and when it ends.
	Watch func(Event)
}

// Kernel is an installed kernel.
type Kernel struct {
	Name string // of its kernelspec
	// Data is a further folder in which Jupyter looks for kernels, such as
	// PREFIX/share/jupyter; "" means only the usual ones.
	Data string
}

// Event is the beginning or the end of a cell.
type Event struct {
	Cell   int // counted from 1
	Begins bool
	Took   time.Duration // at the end
}

// Result is the result of executing a notebook.
type Result struct {
	Notebook *Notebook // with its new outputs
	Problems []Problem
	Took     time.Duration   // including the kernel's start and end
	Cells    []time.Duration // of each cell; 0 if it did not run
	Backend  string          // the device that the kernelspec asks for, or ""
}

// Execute runs the notebook at path in the stage's folder, and checks its outputs and
// the files that it leaves. It does not change the file at path.
func (r Runner) Execute(ctx context.Context, path string, stage *Stage) (*Result, error) {
	before, err := stage.snapshot()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	result, stopped, err := r.run(ctx, path, stage)
	if err != nil {
		return nil, fmt.Errorf("jupyter: %s: %w", path, err)
	}
	result.Took = time.Since(begun)
	result.Problems = result.Notebook.Check()
	// The error of the failed cell is in the notebook already; other reasons are not.
	if stopped != "" && (stopped != cellFailed || !slices.ContainsFunc(result.Notebook.Cells, Cell.failed)) {
		result.Problems = []Problem{{result.lastCell(), stopped}} // missing outputs of later cells are no further problem
	}
	left, err := stage.changedSince(before)
	for _, what := range left {
		result.Problems = append(result.Problems, Problem{0, what})
	}
	return result, err
}

// lastCell returns the number of the last cell that ran, counted from 1.
func (r *Result) lastCell() int {
	for i := len(r.Cells) - 1; i >= 0; i-- {
		if r.Cells[i] > 0 {
			return i + 1
		}
	}
	return 0
}

//go:embed execute.py
var driver string

// message is a line that execute.py prints.
type message struct {
	Cell    int     `json:"cell"` // counted from 0
	Begins  bool    `json:"begins"`
	Seconds float64 `json:"seconds"`
	Stopped *string `json:"stopped"`
	Backend string  `json:"backend"`
}

// cellFailed is the value of Stopped if a cell failed; execute.py gets it as an
// argument, so that the two agree.
const cellFailed = "a cell failed"

// run executes the notebook. stopped is why not every cell ran, or "".
func (r Runner) run(ctx context.Context, path string, stage *Stage) (result *Result, stopped string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	original, err := parse(text)
	if err != nil {
		return nil, "", err
	}
	scratch, err := os.MkdirTemp("", "netdiffus-notebook-")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(scratch)
	in, out := filepath.Join(scratch, "in.ipynb"), filepath.Join(scratch, "out.ipynb")
	if err := os.WriteFile(in, text, 0o600); err != nil {
		return nil, "", err
	}
	limit := r.Limit
	if limit <= 0 {
		limit = 10 * time.Minute
	}
	cmd := r.Command(ctx, "-c", driver, in, stage.Folder(), r.Kernel.Name, fmt.Sprint(limit.Seconds()), out, cellFailed)
	// On SIGTERM, nbclient shuts the kernel down before it ends.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	result = &Result{Cells: make([]time.Duration, len(original.Cells))}
	end := r.follow(bufio.NewScanner(stdout), result)
	_, _ = io.Copy(io.Discard, stdout) // anything after the last line
	err = cmd.Wait()
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	if end == nil || err != nil {
		return nil, "", fmt.Errorf("executing it: %w: %s", orUnknown(err), command.LastLines(complaint.String(), 5))
	}
	result.Backend = end.Backend
	if result.Notebook, err = Read(out); err != nil {
		return nil, "", err
	}
	result.Notebook.coalesce()
	return result, *end.Stopped, nil
}

// follow reads the driver's lines to the end, and returns the last message, or nil if
// there is none.
func (r Runner) follow(lines *bufio.Scanner, result *Result) (end *message) {
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue // printed by a Python library
		}
		if m.Stopped != nil {
			end = &m
			continue
		}
		e := Event{Cell: m.Cell + 1, Begins: m.Begins, Took: time.Duration(m.Seconds * float64(time.Second))}
		if !m.Begins && m.Cell < len(result.Cells) {
			result.Cells[m.Cell] = e.Took
		}
		if r.Watch != nil {
			r.Watch(e)
		}
	}
	return end
}

// Command returns a command of the runner's Python that finds the kernel and passes
// the profile to the cells.
func (r Runner) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := r.Python(ctx, args...)
	cmd.Env = r.environment(cmd.Env)
	return cmd
}

func (r Runner) environment(env []string) []string {
	if env == nil {
		env = os.Environ()
	}
	profile := r.Profile
	if profile == "" {
		profile = Full
	}
	env = append(env, nb.ProfileEnv+"="+profile)
	if r.Kernel.Data != "" {
		path := r.Kernel.Data
		if usual := os.Getenv("JUPYTER_PATH"); usual != "" {
			path += string(os.PathListSeparator) + usual
		}
		env = append(env, "JUPYTER_PATH="+path)
	}
	return env
}

func orUnknown(err error) error {
	if err == nil {
		return fmt.Errorf("it ended without a result")
	}
	return err
}
