package notebooks

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/pyenv/pyenvtest"
)

// The kernel is installed once for all tests, by a program built from this
// source.
var (
	installed   = sync.OnceValues(installKernel)
	uninstalled []func() error
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, remove := range uninstalled {
		if err := remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func installKernel() (Kernel, error) {
	dir, err := os.MkdirTemp("", "netdiffus-program-")
	if err != nil {
		return Kernel{}, err
	}
	uninstalled = append(uninstalled, func() error { return os.RemoveAll(dir) })
	program := filepath.Join(dir, "netdiffus")
	build := exec.Command("go", "build", "-o", program, "../netdiffus/cmd/netdiffus")
	if out, err := build.CombinedOutput(); err != nil {
		return Kernel{}, fmt.Errorf("%w: %s", err, out)
	}
	k, remove, err := TemporaryKernel(context.Background(), program)
	if err == nil {
		uninstalled = append(uninstalled, remove)
	}
	return k, err
}

// smokeRunner runs notebooks in the small profile on the kernel of this source.
func smokeRunner(t *testing.T) Runner {
	t.Helper()
	env := pyenvtest.Open(t)
	k, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	return Runner{Python: env.Command, Kernel: k, Profile: Smoke, Limit: 5 * time.Minute}
}

// TestNotebooks executes every notebook, each on a fresh kernel.
func TestNotebooks(t *testing.T) {
	if testing.Short() {
		t.Skip("executes every notebook")
	}
	r := smokeRunner(t)
	stage, err := NewStage(".")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	var total time.Duration
	for _, path := range found(t) {
		t.Run(strings.TrimSuffix(path, ".ipynb"), func(t *testing.T) {
			total += execute(t, r, path, stage).Took
		})
	}
	t.Logf("all in %.0f s", total.Seconds())
}

// execute runs a notebook and fails the test for each of its problems.
func execute(t *testing.T, r Runner, path string, stage *Stage) *Result {
	t.Helper()
	result, err := r.Execute(t.Context(), path, stage)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range result.Problems {
		t.Error(p)
	}
	t.Logf("%.1f s; cells %.1f", result.Took.Seconds(), seconds(result.Cells))
	return result
}

func seconds(cells []time.Duration) (s []float64) {
	for _, d := range cells {
		if d > 0 {
			s = append(s, d.Seconds())
		}
	}
	return s
}

func found(t *testing.T) []string {
	t.Helper()
	paths, err := Find(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("there are no notebooks yet")
	}
	return paths
}

// TestAgain: the first notebook runs twice in one folder, as after Restart and
// Run All, and shows the same words.
func TestAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("executes a notebook twice")
	}
	r := smokeRunner(t)
	stage, err := NewStage(".")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	path := found(t)[0]
	first, second := execute(t, r, path, stage), execute(t, r, path, stage)
	for i := range first.Notebook.Cells {
		a, b := first.Notebook.Cells[i], second.Notebook.Cells[i]
		if len(a.Outputs) != len(b.Outputs) {
			t.Errorf("cell %d: %d outputs, and %d the second time", i+1, len(a.Outputs), len(b.Outputs))
		}
	}
	t.Logf("first %.1f s, again %.1f s", first.Took.Seconds(), second.Took.Seconds())
}

// TestCommitted holds the notebooks in the repository to how a notebook is made.
func TestCommitted(t *testing.T) {
	for _, path := range found(t) {
		t.Run(strings.TrimSuffix(path, ".ipynb"), func(t *testing.T) {
			n, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if why := n.Stale(); why != "" {
				t.Errorf("%s: run netdiffus notebooks render notebooks/%s", why, path)
			}
			for _, p := range n.Check() {
				t.Error(p)
			}
			for _, p := range n.Style() {
				t.Error(p)
			}
		})
	}
}
