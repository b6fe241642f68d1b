// Package backendtest gives tests a device.
package backendtest

import (
	"context"
	"sync"
	"testing"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// Open returns the XLA device that backend.Open finds, one for the whole test
// binary; it is never finalised. Where there is none it skips the test and says
// what is missing: pure Go would take minutes for what takes a second.
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

var shared = sync.OnceValues(func() (compute.Backend, error) {
	return backend.Open(context.Background(), "")
})
