package backend_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

func TestDeviceComputes(t *testing.T) {
	b := backendtest.Open(t)
	sum := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(x, x)) })
	if got := sum.MustCall([]float32{1, 2, 3})[0].Value().(float32); got != 14 {
		t.Errorf("1+4+9 = %v on %s", got, b.Description())
	}
}
