package backend_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

func ExampleOpen() {
	device, err := backend.Open(context.Background(), "go") // "" takes the best device there is
	if err != nil {
		fmt.Println(err)
		return
	}
	square := graph.MustNewExec(device, func(x *graph.Node) *graph.Node { return graph.Mul(x, x) })
	fmt.Println(square.MustCall([]float32{1, 2, 3})[0].Value())
	// Output: [1 4 9]
}

func TestDevice(t *testing.T) {
	b := backendtest.Open(t)
	d, err := backend.Describe(b)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "xla" || len(d.PluginSHA256) != 64 || d.PJRT == "" || d.Devices < 1 || d.Cores < 1 {
		t.Errorf("Describe = %+v", d)
	}
	speed, err := backend.Measure(b) // checks what the device computes
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v: %.0f GFLOP/s matrix product, %.0f GFLOP/s convolution", d, speed.MatMul, speed.Conv)
}

func TestDescribeGo(t *testing.T) {
	b, err := backend.Open(context.Background(), "go")
	if err != nil {
		t.Fatal(err)
	}
	if d, err := backend.Describe(b); err != nil || d.Name != "go" || d.Plugin != "" || d.Devices != 1 {
		t.Errorf("Describe = %+v, %v", d, err)
	}
}
