// Package longtest divides the tests of this module in two: those that run
// always, and the long ones, that run where the environment variable
// NETDIFFUS_LONG is set, as .ci/run --long does.
//
//	go test ./...                    # some four minutes on two cores
//	NETDIFFUS_LONG=1 go test ./...   # everything
//
// It is a variable and not a flag, because go test hands a flag to every package
// and fails in those that do not define it.
package longtest

import (
	"os"
	"testing"
)

// Variable is the environment variable that long tests wait for.
const Variable = "NETDIFFUS_LONG"

// On reports whether long tests are asked for: NETDIFFUS_LONG is set, and -short
// is not. A test with a short form calls it to choose.
func On() bool { return os.Getenv(Variable) != "" && !testing.Short() }

// Only skips a test that has no short form, unless long tests are asked for. The
// reason is what it takes or does: "starts a browser".
func Only(t testing.TB, reason string) {
	t.Helper()
	if !On() {
		t.Skipf("%s: %s=1 runs it", reason, Variable)
	}
}
