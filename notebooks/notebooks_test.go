// Package notebooks_test executes the notebooks in its folder, with package jupyter.
package notebooks_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

func TestMain(m *testing.M) { kerneltest.Main(m) }

// TestExecute executes every notebook in the small profile, each on a fresh kernel;
// later ones find the files of earlier ones. Then the first one runs again in the same
// folder, as after Restart and Run All, and must have as many outputs. Without long
// tests, only the first one runs, once.
func TestExecute(t *testing.T) {
	if testing.Short() {
		t.Skip("executes notebooks")
	}
	r, stage, paths := kerneltest.Runner(t), newStage(t), notebooks(t)
	if !longtest.On() {
		paths = paths[:1]
	}
	var total time.Duration
	var first *jupyter.Result
	for _, path := range paths {
		t.Run(strings.TrimSuffix(path, ".ipynb"), func(t *testing.T) {
			result := execute(t, r, path, stage)
			total += result.Took
			if path == paths[0] {
				first = result
			}
		})
	}
	t.Logf("all in %.0f s", total.Seconds())
	if first == nil || !longtest.On() {
		return
	}
	t.Run("again", func(t *testing.T) {
		again := execute(t, r, paths[0], stage)
		for i, c := range first.Notebook.Cells {
			if n := len(again.Notebook.Cells[i].Outputs); n != len(c.Outputs) {
				t.Errorf("cell %d: %d outputs, and %d the second time", i+1, len(c.Outputs), n)
			}
		}
	})
}

// TestCommitted checks the notebooks in the repository: their form, and that their
// outputs are those of their cells.
func TestCommitted(t *testing.T) {
	for _, path := range notebooks(t) {
		t.Run(strings.TrimSuffix(path, ".ipynb"), func(t *testing.T) {
			n, err := jupyter.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if why := n.Stale(); why != "" {
				t.Errorf("%s: run netdiffus notebooks render notebooks/%s", why, path)
			}
			for _, p := range append(n.Check(), n.Style()...) {
				t.Error(p)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if found := ownPath.Find(text); found != nil {
				t.Errorf("it says where it was made: %s", found)
			}
		})
	}
}

// ownPath is a path that names a user or a machine's own folders.
var ownPath = regexp.MustCompile(`(/root|/home/|/Users/|/tmp/|[A-Z]:\\\\Users)[^\s"]*`)

// execute runs a notebook and fails the test for each of its problems.
func execute(t *testing.T, r jupyter.Runner, path string, stage *jupyter.Stage) *jupyter.Result {
	t.Helper()
	ctx := t.Context()
	if end, ok := t.Deadline(); ok { // before go test kills this process, which would leave the kernel behind
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-30*time.Second))
		defer cancel()
	}
	result, err := r.Execute(ctx, path, stage)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("the time limit of go test is over: set a longer one, such as -timeout 30m")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range result.Problems {
		t.Error(p)
	}
	var cells []float64
	for _, d := range result.Cells {
		if d > 0 {
			cells = append(cells, d.Seconds())
		}
	}
	t.Logf("%.1f s; cells %.1f", result.Took.Seconds(), cells)
	return result
}

func newStage(t *testing.T) *jupyter.Stage {
	t.Helper()
	stage, err := jupyter.NewStage(".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stage.Close(); err != nil {
			t.Error(err)
		}
	})
	return stage
}

func notebooks(t *testing.T) []string {
	t.Helper()
	paths, err := jupyter.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 8 {
		t.Fatalf("there are %d notebooks, want at least the eight of README.md", len(paths))
	}
	return paths
}
