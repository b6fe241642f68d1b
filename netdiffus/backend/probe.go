package backend

import (
	"fmt"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Speed is what a device does on two small float32 graphs, in 1e9
// floating-point operations a second.
type Speed struct {
	MatMul float64 `json:"matmul_gflops"` // 512x512 by 512x512
	Conv   float64 `json:"conv_gflops"`   // 3x3 on [4,10,10,128] to 128 channels, as in the network at its usual batch
}

// probeTime is how long each graph is run to find its best time.
const probeTime = 300 * time.Millisecond

// Measure runs the two graphs on b and checks what they compute.
func Measure(b compute.Backend) (s Speed, err error) {
	defer recoverInto(&err, "backend: measure")
	const n = 512
	product := func(x, y *graph.Node) *graph.Node { return graph.ReduceAllMax(graph.MatMul(x, y)) }
	best, err := bestTime(b, product, n, ones(n, n), ones(n, n))
	if err != nil {
		return s, fmt.Errorf("backend: matrix product: %w", err)
	}
	s.MatMul = 2 * n * n * n / best.Seconds() / 1e9

	const batch, side, channels = 4, 10, 128
	convolution := func(x, w *graph.Node) *graph.Node {
		return graph.ReduceAllMax(graph.Convolve(x, w).PadSame().Done())
	}
	best, err = bestTime(b, convolution, 9*channels, ones(batch, side, side, channels), ones(3, 3, channels, channels))
	if err != nil {
		return s, fmt.Errorf("backend: convolution: %w", err)
	}
	s.Conv = 2 * batch * side * side * 9 * channels * channels / best.Seconds() / 1e9
	return s, nil
}

// bestTime returns the shortest time of f on x and y, which must give want.
func bestTime(b compute.Backend, f func(x, y *graph.Node) *graph.Node, want float32, x, y *tensors.Tensor) (time.Duration, error) {
	exec, err := graph.NewExec(b, f)
	if err != nil {
		return 0, err
	}
	defer exec.Finalize()
	var best time.Duration
	for start, runs := time.Now(), 0; runs < 2 || time.Since(start) < probeTime; runs++ {
		begun := time.Now()
		out, err := exec.Call(x, y)
		if err != nil {
			return 0, err
		}
		got := tensors.ToScalar[float32](out[0]) // waits for the device
		took := time.Since(begun)
		if got != want {
			return 0, fmt.Errorf("the device computed %v, want %v", got, want)
		}
		if runs == 0 {
			start = time.Now() // the first run compiles
		} else if best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

func ones(dims ...int) *tensors.Tensor {
	return tensors.FromScalarAndDimensions[float32](1, dims...)
}
