package backend_test

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

// TestEach: a device of several computes as a backend of its own does, results going in again
// included, and is given nothing of another's.
func TestEach(t *testing.T) {
	b := backendtest.OpenDevices(t, 4)
	all, err := backend.Each(b, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[2].NumDevices() != 1 || all[2].DeviceDescription(0) != b.DeviceDescription(2) {
		t.Fatalf("%d backends, the last has %d devices, the first of them %s", len(all), all[2].NumDevices(), all[2].DeviceDescription(0))
	}
	double := func(x *graph.Node) *graph.Node { return graph.Add(x, x) }
	for i, one := range all {
		exec := graph.MustNewExec(one, double)
		x := exec.MustCall1([]float32{1, 2})
		x = exec.MustCall1(x)
		if got := x.Value().([]float32); got[0] != 4 || got[1] != 8 {
			t.Errorf("device %d: %v, want [4 8]", i, got)
		}
		if _, err := graph.MustNewExec(all[(i+1)%3], double).Call(x); err == nil {
			t.Errorf("device %d: another takes its tensor", i)
		}
	}
	if _, err := backend.Each(b, 5); err == nil {
		t.Error("five devices of four")
	}
}
