// Package kerneltest gives tests what the kernel needs: the Python environment of
// package pyenv, the program built from this source, and its kernel, installed into
// a temporary folder.
package kerneltest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
	"github.com/netdiffus/netdiffus-go/notebooks/jupyter"
)

// Python returns the Python environment, which is made if it is missing: the first
// test that needs it waits half a minute. If the machine has no Python or cannot get
// the packages, Python calls Skip.
func Python(t testing.TB) pyenv.Env {
	t.Helper()
	env, err := python()
	if errors.Is(err, pyenv.ErrNoPython) || errors.Is(err, pyenv.ErrNoPackages) {
		Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// Browser returns the path of a Chromium, or calls Skip.
func Browser(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Skip(t, "no chromium on the PATH (on Debian: apt install chromium)")
	return ""
}

// Skip skips a test because of something that the machine lacks. If $CI is set it
// fails the test instead, so that a check that never ran does not pass for one that
// did.
func Skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "" {
		t.Skip(why)
	} else {
		t.Fatalf("%s (a reason to skip the test, and to fail it because CI is set)", why)
	}
}

// Program returns the path of the program netdiffus, built from this source once for
// all tests of a package. The package's TestMain must call [Main].
func Program(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Kernel returns the kernel of Program, installed once for all tests of a package.
// The package's TestMain must call [Main].
func Kernel(t testing.TB) jupyter.Kernel {
	t.Helper()
	k, err := kernel()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Runner returns a runner of notebooks on Python and Kernel, in the small profile.
func Runner(t testing.TB) jupyter.Runner {
	t.Helper()
	return jupyter.Runner{Python: Python(t).Command, Kernel: Kernel(t), Profile: jupyter.Smoke, Limit: 5 * time.Minute}
}

// Main runs a package's tests, removes what they shared, and exits.
func Main(m *testing.M) {
	code := m.Run()
	for _, remove := range cleanups {
		if err := remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

var (
	python   = sync.OnceValues(func() (pyenv.Env, error) { return pyenv.Open(context.Background()) })
	program  = sync.OnceValues(build)
	kernel   = sync.OnceValues(install)
	cleanups []func() error
)

func build() (string, error) {
	dir, err := os.MkdirTemp("", "netdiffus-program-")
	if err != nil {
		return "", err
	}
	cleanups = append(cleanups, func() error { return os.RemoveAll(dir) })
	path := filepath.Join(dir, "netdiffus")
	cmd := exec.Command("go", "build", "-o", path, "github.com/netdiffus/netdiffus-go/netdiffus/cmd/netdiffus")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
}

func install() (jupyter.Kernel, error) {
	path, err := program()
	if err != nil {
		return jupyter.Kernel{}, err
	}
	k, remove, err := jupyter.TemporaryKernel(context.Background(), path)
	if err == nil {
		cleanups = append(cleanups, remove)
	}
	return k, err
}
