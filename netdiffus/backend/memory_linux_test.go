//go:build cgo

package backend_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

// TestMemoryIsKept: a program that is run again has the pages of the run before, and does not
// ask the kernel for new ones.
func TestMemoryIsKept(t *testing.T) {
	const n, runs = 3000, 10 // 36 MB that are gone when the program ends
	exec := graph.MustNewExec(backendtest.Open(t), func(x *graph.Node) *graph.Node {
		return graph.ReduceAllSum(graph.Einsum("ab,bc->ac", graph.Einsum("ac,bc->ab", x, x), x))
	})
	x := make([][]float32, n)
	for i := range x {
		x[i] = []float32{1, float32(i % 7)}
	}
	faults := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return u.Minflt
	}
	exec.MustCall(x) // compiles
	exec.MustCall(x)
	before := faults()
	for range runs {
		exec.MustCall(x)
	}
	pages := int64(4 * n * n / os.Getpagesize())
	if got := (faults() - before) / runs; got > pages/2 {
		t.Errorf("%d pages come anew with every run, of %d that it needs", got, pages)
	}
}
