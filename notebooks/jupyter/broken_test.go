package jupyter_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

const importNB = "import \"github.com/netdiffus/netdiffus-go/netdiffus/nb\"\n"

func TestMain(m *testing.M) { kerneltest.Main(m) }

// write writes a notebook of code cells into a new folder and returns its path.
func write(t *testing.T, cells ...jupyter.Cell) string {
	t.Helper()
	n := &jupyter.Notebook{Format: 4, Minor: 4, Cells: append([]jupyter.Cell{{Type: "markdown", Source: "# A try"}}, cells...)}
	path := filepath.Join(t.TempDir(), "notebooks", "try.ipynb")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := n.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func source(text string, tags ...string) jupyter.Cell {
	c := jupyter.Cell{Type: "code", Source: jupyter.Text(text)}
	for _, tag := range tags {
		c.Metadata = map[string]any{"tags": []any{tag}}
	}
	return c
}

// TestBroken executes notebooks with one problem each, on the real kernel.
func TestBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("executes notebooks")
	}
	r := kerneltest.Runner(t)
	for _, c := range []struct {
		name  string
		cells []jupyter.Cell
		want  []string // parts of the problems, in order; none for a sound notebook
	}{
		{"sound", []jupyter.Cell{source("import \"fmt\"\n%%\nfmt.Println(1)")}, nil},
		{"smoke profile", []jupyter.Cell{source(importNB + "%%\nnb.Check(nb.Pick(1, 2) == 2, \"only tried\")")}, nil},
		{"a check fails", []jupyter.Cell{source(importNB + "%%\nnb.Check(1 == 2, \"one is two\")"), source("%%\nprintln(1)")},
			[]string{"cell 2: fails: ✗ does not hold: one is two"}},
		{"does not compile", []jupyter.Cell{source("%%\nvar x int = \"y\"")}, []string{"cell 2: fails: "}},
		{"panics", []jupyter.Cell{source("%%\npanic(\"at the disco\")")}, []string{"at the disco"}},
		{"a picture is missing", []jupyter.Cell{source("%%\n_ = 1", jupyter.PlotTag)}, []string{"cell 2: shows 0 pictures, want 1"}},
		{"writes to stderr", []jupyter.Cell{source("%%\nprintln(\"odd\")")}, []string{"cell 2: writes to the standard error: odd"}},
		{"leaves a file", []jupyter.Cell{source("import \"os\"\n%%\nos.WriteFile(\"stray\", nil, 0o666)\nos.MkdirAll(\"runs\", 0o777)\nos.WriteFile(\"runs/ours\", nil, 0o666)")},
			[]string{"leaves the file stray, outside the folder runs"}},
		{"takes too long", []jupyter.Cell{source("import \"time\"\n%%\ntime.Sleep(time.Hour)")}, []string{"cell 2: a cell took longer than"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := r
			if c.name == "takes too long" {
				r.Limit = 3e9
			}
			path := write(t, c.cells...)
			stage, err := jupyter.NewStage(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			defer stage.Close()
			result, err := r.Execute(t.Context(), path, stage)
			if err != nil {
				t.Fatal(err)
			}
			ok := len(result.Problems) == len(c.want)
			for i := range min(len(c.want), len(result.Problems)) {
				ok = ok && strings.Contains(result.Problems[i].String(), c.want[i])
			}
			if !ok {
				t.Errorf("problems %q, want %q", result.Problems, c.want)
			}
		})
	}
}

// TestRender renders a notebook twice, which must give the same bytes, and checks that
// the outputs count as up to date until a cell changes. A notebook with a problem must
// not be written.
func TestRender(t *testing.T) {
	if testing.Short() {
		t.Skip("executes notebooks")
	}
	r := kerneltest.Runner(t)
	r.Profile = jupyter.Full
	path := write(t, source("import (\n\"fmt\"\n\"github.com/netdiffus/netdiffus-go/netdiffus/nb\"\n)\n%%\nfmt.Println(\"a\")\nnb.Table([]string{\"x\"}, [][]any{{1}})\nfmt.Println(nb.Smoke())"))
	render := func() ([]byte, error) {
		t.Helper()
		stage, err := jupyter.NewStage(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		defer stage.Close()
		_, renderErr := r.Render(t.Context(), path, stage)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b, renderErr
	}
	if n, err := jupyter.Read(path); err != nil || n.Stale() == "" {
		t.Errorf("fresh before it was rendered (%v)", err)
	}
	once, err := render()
	if err != nil {
		t.Fatal(err)
	}
	n, err := jupyter.Read(path)
	if err != nil || n.Stale() != "" || len(n.Cells[1].Outputs) != 3 || n.Cells[1].Outputs[2].Text != "false\n" {
		t.Fatalf("rendered: %v, %q, outputs %v", err, n.Stale(), n.Cells[1].Outputs)
	}
	if twice, err := render(); err != nil || string(twice) != string(once) {
		t.Errorf("rendered again: %v\n%s\nbefore\n%s", err, twice, once)
	}
	if err := r.HTML(t.Context(), path, t.TempDir()); err != nil {
		t.Error(err)
	}
	n.Cells[1].Source += "\nnb.Must(fmt.Errorf(\"no disk\"))"
	if n.Stale() == "" {
		t.Error("fresh with another text")
	}
	if err := n.Write(path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	if after, err := render(); !errors.Is(err, jupyter.ErrProblems) || string(after) != string(before) {
		t.Errorf("a broken notebook: %v, file changed %t", err, string(after) != string(before))
	}
}
