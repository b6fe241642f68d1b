// Package backendtest gives tests a device.
package backendtest

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// Open returns the XLA device that backend.Open finds, one for the whole test
// binary; it is never finalised. Where there is none it skips the test and logs
// what is missing: pure Go would take minutes for what takes a second.
//
// Tests compile much and compute little, and optimising takes XLA half of their
// time. So it compiles without, but in long tests, which run what users run. Compiled
// programs are not kept: the user's folder of them is for what the user runs.
func Open(t testing.TB) compute.Backend {
	t.Helper()
	b, err := shared()
	if err != nil {
		t.Fatalf("backendtest: %v", err)
	}
	if b.String() == "go" {
		t.Skipf("no XLA plugin on this machine, and pure Go is about %d times slower; cure: %s", backend.GoSlowdown, backend.Cure)
	}
	return b
}

// xlaFlags is the environment variable that XLA reads when its plugin is loaded.
const xlaFlags = "XLA_FLAGS"

var shared = sync.OnceValues(func() (compute.Backend, error) {
	if !longtest.On() && os.Getenv(xlaFlags) == "" {
		if err := os.Setenv(xlaFlags, "--xla_backend_optimization_level=0"); err != nil {
			return nil, err
		}
	}
	return backend.Opener{NoPrograms: true}.Open(context.Background(), "")
})
