// Package backendtest gives tests a device.
package backendtest

import (
	"context"
	"os"
	"path/filepath"
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
// time. So it compiles without, but for benchmarks and where AsUsed asks for it. What was compiled is kept
// for the next test, of this package or of another, and for the next run of the tests:
// many of them compile the same program. It is kept beside the user's own programs, not
// among them, and not at all with $NETDIFFUS_NO_PROGRAMS.
func Open(t testing.TB) compute.Backend {
	t.Helper()
	if _, ok := t.(*testing.B); ok {
		optimise = func() bool { return true }
	}
	b, err := shared()
	if err != nil {
		t.Fatalf("backendtest: %v", err)
	}
	if b.String() == "go" {
		t.Skipf("no XLA plugin on this machine, and pure Go is about %d times slower; cure: %s", backend.GoSlowdown, backend.Cure)
	}
	return b
}

// OpenDevices returns an XLA device of the CPU that has n devices, one for the whole test
// binary. It skips the test where Open does.
func OpenDevices(t testing.TB, n int) compute.Backend {
	t.Helper()
	Open(t) // sets what XLA reads when its plugin is loaded
	several.Lock()
	defer several.Unlock()
	if several.of[n] == nil {
		o := opener()
		o.CPUDevices = n
		b, err := o.Open(context.Background(), "xla:cpu")
		if err != nil {
			t.Fatalf("backendtest: %v", err)
		}
		several.of[n] = b
	}
	return several.of[n]
}

var several = struct {
	sync.Mutex
	of map[int]compute.Backend
}{of: map[int]compute.Backend{}}

// AsUsed lets XLA optimise in the long tests of a test binary, as it does for users. A
// package whose tests compare with other programs' numbers calls it in an init function,
// before the device is opened.
func AsUsed() { optimise = longtest.On }

// optimise reports whether XLA is to optimise.
var optimise = func() bool { return false }

// xlaFlags is the environment variable that XLA reads when its plugin is loaded.
const xlaFlags = "XLA_FLAGS"

var shared = sync.OnceValues(func() (compute.Backend, error) {
	if !optimise() && os.Getenv(xlaFlags) == "" {
		if err := os.Setenv(xlaFlags, "--xla_backend_optimization_level=0"); err != nil {
			return nil, err
		}
	}
	return opener().Open(context.Background(), "")
})

// opener keeps what is compiled beside the user's own programs.
func opener() (o backend.Opener) {
	if cache, err := os.UserCacheDir(); err == nil {
		o.Programs.Dir = filepath.Join(cache, "netdiffus", "test-programs")
	}
	return o
}
