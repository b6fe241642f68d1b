// Package jupytertest gives tests a runner of notebooks, on the kernel of the
// source that is tested.
package jupytertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/pyenv/pyenvtest"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

// Runner returns a runner of the small profile. The kernel is installed once for
// all tests of a package, whose TestMain must call [Main]. Without Python the
// test is skipped; with $CI set that is a failure.
func Runner(t testing.TB) jupyter.Runner {
	t.Helper()
	env := pyenvtest.Open(t)
	k, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	return jupyter.Runner{Python: env.Command, Kernel: k, Profile: jupyter.Smoke, Limit: 5 * time.Minute}
}

// Main runs a package's tests, removes the kernel and exits.
func Main(m *testing.M) {
	code := m.Run()
	for _, remove := range undo {
		if err := remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

var (
	installed = sync.OnceValues(install)
	undo      []func() error
)

// install builds the program and lets it install its kernel.
func install() (jupyter.Kernel, error) {
	dir, err := os.MkdirTemp("", "netdiffus-program-")
	if err != nil {
		return jupyter.Kernel{}, err
	}
	undo = append(undo, func() error { return os.RemoveAll(dir) })
	program := filepath.Join(dir, "netdiffus")
	build := exec.Command("go", "build", "-o", program, "github.com/netdiffus/netdiffus-go/netdiffus/cmd/netdiffus")
	if out, err := build.CombinedOutput(); err != nil {
		return jupyter.Kernel{}, fmt.Errorf("%w: %s", err, out)
	}
	k, remove, err := jupyter.TemporaryKernel(context.Background(), program)
	if err == nil {
		undo = append(undo, remove)
	}
	return k, err
}
