package jupyter_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/kerneltest"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

// TestWrite compares the file of a notebook with what Jupyter makes of it: opening and
// saving a notebook there must change nothing.
func TestWrite(t *testing.T) {
	env := kerneltest.Python(t)
	n := &jupyter.Notebook{Cells: []jupyter.Cell{
		{Type: "markdown", Source: "# Title <é>\n\n$\\bar\\alpha_t$ & more\n"},
		{Type: "code", Source: "x()\ny()", Count: new(int), Metadata: map[string]any{"tags": []any{"plot"}}, Outputs: []jupyter.Output{
			{Type: "stream", Name: "stdout", Text: "a\nb"},
			{Type: "display_data", Data: map[string]any{"image/png": "aGVsbG8=", "text/plain": "in words"}},
			{Type: "error", EName: "E", EValue: "<v>", Traceback: []string{"x\ny"}},
		}},
		{Type: "code", Source: ""},
	}}
	n.Cells[1].Outputs[1].Metadata = map[string]any{"image/png": map[string]any{"width": 518, "alt": "x"}}
	n.Finish(jupyter.Stamp{Source: n.SourceHash(), Profile: jupyter.Full, Backend: "xla"})
	path := filepath.Join(t.TempDir(), "x.ipynb")
	if err := n.Write(path); err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	script := `import sys, nbformat; nb = nbformat.read(sys.argv[1], as_version=4); nbformat.validate(nb); nbformat.write(nb, sys.argv[1])`
	if out, err := env.Command(t.Context(), "-c", script, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if theirs, _ := os.ReadFile(path); !bytes.Equal(ours, theirs) {
		t.Errorf("we write\n%s\nnbformat\n%s", ours, theirs)
	}
	back, err := jupyter.Read(path)
	if err != nil || back.Stale() != "it has cells that have not run: 3" && back.Stale() != "" {
		t.Errorf("read back: %v, %q", err, back.Stale())
	}
	if back.SourceHash() != n.SourceHash() || back.Title() != "Title <é>" {
		t.Errorf("read back: another hash, or the title %q", back.Title())
	}
}
