// Package pyenvtest gives tests the Python environment of package pyenv.
package pyenvtest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
)

// Open returns the environment, made where it is missing: the first test that
// needs it waits half a minute. Where the machine has no Python, or cannot get
// the packages, it skips the test and says what is missing; with $CI set that is
// a failure, so that nobody takes a check that never ran for a passed one.
func Open(t testing.TB) pyenv.Env {
	t.Helper()
	env, err := shared()
	if errors.Is(err, pyenv.ErrNoPython) || errors.Is(err, pyenv.ErrNoPackages) {
		Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// Skip skips a test for want of something that the machine lacks. With $CI set
// it fails it.
func Skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "" {
		t.Skip(why)
	} else {
		t.Fatalf("%s (skipped elsewhere; a failure because CI is set)", why)
	}
}

var shared = sync.OnceValues(func() (pyenv.Env, error) { return pyenv.Open(context.Background()) })
