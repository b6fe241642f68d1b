package kerneltest

import (
	"strings"
	"testing"
)

// TestPackages imports what the environment is for.
func TestPackages(t *testing.T) {
	env := Python(t)
	const program = "import jupyterlab.labapp, nbclient, nbconvert, nbformat, jupyter_client, jupyter_kernel_test, playwright.sync_api; print(jupyterlab.__version__, nbclient.__version__)"
	out, err := env.Command(t.Context(), "-c", program).CombinedOutput()
	if want := "4.6.6 0.11.0"; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("the environment prints %q, %v, want %q", out, err, want)
	}
}

// recorder notes how a test would have ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()               {}
func (r *recorder) Skip(...any)           { r.ended = "skipped" }
func (r *recorder) Fatalf(string, ...any) { r.ended = "failed" }

func TestSkip(t *testing.T) {
	for ci, want := range map[string]string{"": "skipped", "true": "failed"} {
		t.Setenv("CI", ci)
		r := &recorder{TB: t}
		Skip(r, "no Python")
		if r.ended != want {
			t.Errorf("with CI=%q the test %s, want %s", ci, r.ended, want)
		}
	}
}
