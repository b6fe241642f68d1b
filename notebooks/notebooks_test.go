// Package notebooks_test executes the notebooks of its folder. How that is done
// is in package jupyter, in the folder of that name.
package notebooks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter/jupytertest"
)

func TestMain(m *testing.M) { jupytertest.Main(m) }

// TestExecute executes every notebook in the small profile, each on a fresh
// kernel; later ones find what earlier ones made.
func TestExecute(t *testing.T) {
	if testing.Short() {
		t.Skip("executes every notebook")
	}
	r, stage := jupytertest.Runner(t), newStage(t)
	var total time.Duration
	for _, path := range notebooks(t) {
		t.Run(strings.TrimSuffix(path, ".ipynb"), func(t *testing.T) {
			total += execute(t, r, path, stage).Took
		})
	}
	t.Logf("all in %.0f s", total.Seconds())
}

// TestAgain: the first notebook runs twice in one folder, as after Restart and
// Run All, and shows as much.
func TestAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("executes a notebook twice")
	}
	r, stage := jupytertest.Runner(t), newStage(t)
	path := notebooks(t)[0]
	first, second := execute(t, r, path, stage), execute(t, r, path, stage)
	for i := range first.Notebook.Cells {
		a, b := first.Notebook.Cells[i], second.Notebook.Cells[i]
		if len(a.Outputs) != len(b.Outputs) {
			t.Errorf("cell %d: %d outputs, and %d the second time", i+1, len(a.Outputs), len(b.Outputs))
		}
	}
	t.Logf("first %.1f s, again %.1f s", first.Took.Seconds(), second.Took.Seconds())
}

// TestCommitted holds the notebooks as they are in the repository to how a
// notebook is made, and their outputs to their text.
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
		})
	}
}

// execute runs a notebook and fails the test for each of its problems.
func execute(t *testing.T, r jupyter.Runner, path string, stage *jupyter.Stage) *jupyter.Result {
	t.Helper()
	result, err := r.Execute(t.Context(), path, stage)
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
	if len(paths) == 0 {
		t.Skip("there are no notebooks yet")
	}
	return paths
}
