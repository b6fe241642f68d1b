package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

// notebooksVerb runs "netdiffus notebooks" with args in a folder.
func notebooksVerb(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	t.Chdir(dir)
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	root.SetArgs(append([]string{"notebooks"}, args...))
	err := root.Execute()
	return out.String(), err
}

// tryNotebook writes a notebook of one cell, which has not run, to path.
func tryNotebook(t *testing.T, path string) {
	t.Helper()
	n := &jupyter.Notebook{Format: 4, Minor: 4, Cells: []jupyter.Cell{
		{Type: "markdown", Source: "# A try\n\nof it"}, {Type: "code", Source: "%%\nprintln(1)"},
	}}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), n.Write(path)); err != nil {
		t.Fatal(err)
	}
}

// TestNotebooksList finds the folder notebooks above the current one, and its
// notebooks in order.
func TestNotebooksList(t *testing.T) {
	dir := t.TempDir()
	tryNotebook(t, filepath.Join(dir, "notebooks", "01_b.ipynb"))
	tryNotebook(t, filepath.Join(dir, "notebooks", "00_a.ipynb"))
	below := filepath.Join(dir, "docs", "deep")
	if err := os.MkdirAll(below, 0o777); err != nil {
		t.Fatal(err)
	}
	out, err := notebooksVerb(t, below, "list")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 2 || !strings.HasPrefix(lines[0], "00_a.ipynb") || !strings.HasPrefix(lines[1], "01_b.ipynb") ||
		!strings.Contains(lines[0], "A try") || !strings.Contains(lines[0], "not written by netdiffus notebooks render") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNotebooksNoKernel: a notebook that could not be run has a problem, and so
// has the command; render leaves it as it is.
func TestNotebooksNoKernel(t *testing.T) {
	kerneltest.Python(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "notebooks", "00_a.ipynb")
	tryNotebook(t, path)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"test", "render"} {
		out, err := notebooksVerb(t, dir, verb, "--kernel", "no-such-kernel", "notebooks/00_a.ipynb")
		if err == nil || err.Error() != "1 of 1 notebooks have problems" || !strings.Contains(out, "FAIL") || !strings.Contains(out, "there is no kernel 'no-such-kernel'") {
			t.Errorf("%s: %v\n%s", verb, err, out)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the notebook has changed (%v)", err)
	}
}

func TestNotebooksUsage(t *testing.T) {
	dir := t.TempDir()
	tryNotebook(t, filepath.Join(dir, "a", "00_a.ipynb"))
	tryNotebook(t, filepath.Join(dir, "b", "00_b.ipynb"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"test"}, "no folder notebooks"},
		{[]string{"list", "c"}, "no such file"},
		{[]string{"test", "a/00_a.ipynb", "b/00_b.ipynb"}, "same folder"},
		{[]string{"test", "--profile", "quick", "a"}, "want full or smoke"},
	} {
		if _, err := notebooksVerb(t, dir, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("notebooks %s: %v, want %q", strings.Join(c.args, " "), err, c.want)
		}
	}
}
