package diffusion_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// The recorded tensors are [N,C,H,W]; ours have the channels last.

// tensor returns a recorded array as float32, images with the channels last.
func tensor(t *testing.T, f *golden.File, key string) *tensors.Tensor {
	t.Helper()
	shape, data := channelsLast(f, t, key)
	flat := make([]float32, len(data))
	for i, v := range data {
		flat[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(flat, shape...)
}

// index returns a recorded array of integers as int32.
func index(t *testing.T, f *golden.File, key string) *tensors.Tensor {
	t.Helper()
	data := f.Ints(t, key)
	flat := make([]int32, len(data))
	for i, v := range data {
		flat[i] = int32(v)
	}
	return tensors.FromFlatDataAndDimensions(flat, f.Array(t, key).Shape...)
}

// channelsLast returns a recorded array with its last three axes transposed from
// C,H,W to H,W,C if it has four or five axes.
func channelsLast(f *golden.File, t *testing.T, key string) (shape []int, data []float64) {
	t.Helper()
	shape, data = slices.Clone(f.Array(t, key).Shape), f.Floats(t, key)
	n := len(shape)
	if n < 4 {
		return shape, data
	}
	c, h, w := shape[n-3], shape[n-2], shape[n-1]
	transposed := make([]float64, 0, len(data))
	for image := range slices.Chunk(data, c*h*w) {
		for pixel := range h * w {
			for channel := range c {
				transposed = append(transposed, image[channel*h*w+pixel])
			}
		}
	}
	shape[n-3], shape[n-2], shape[n-1] = h, w, c
	return shape, transposed
}

// compare fails where an item of the batch differs from the recorded one by
// more than rel of the item's largest value and more than abs. Items are
// different steps and span several orders of magnitude, hence a limit for each.
func compare(t *testing.T, f *golden.File, key string, got *tensors.Tensor, rel, abs float64) {
	t.Helper()
	shape, want := channelsLast(f, t, key)
	if !slices.Equal(got.Shape().Dimensions, shape) {
		t.Errorf("%s: shape %v, want %v", key, got.Shape().Dimensions, shape)
		return
	}
	values := tensors.MustCopyFlatData[float32](got)
	size := len(want) / shape[0]
	for item := range shape[0] {
		limit, worst, where := abs, 0.0, item*size
		for i := item * size; i < (item+1)*size; i++ {
			limit = max(limit, rel*math.Abs(want[i]))
			if d := math.Abs(float64(values[i]) - want[i]); !(d <= worst) {
				worst, where = d, i
			}
		}
		if !(worst <= limit) {
			t.Errorf("%s: item %d is off by %.2g (%.9g, want %.9g), allowed is %.2g", key, item, worst, values[where], want[where], limit)
		}
	}
}

// tight is the largest error of an item relative to its largest value: float32 has 7
// digits, of which 5 are exact after a few operations.
const tight = 1e-5

// outputs are nodes of a graph by the keys of their recordings.
type outputs map[string]*graph.Node

// compute builds and runs a graph of named outputs.
func compute(t *testing.T, inputs []*tensors.Tensor, build func(in []*graph.Node) outputs) map[string]*tensors.Tensor {
	t.Helper()
	var keys []string
	exec, err := graph.NewExec(backendtest.Open(t), func(in []*graph.Node) []*graph.Node {
		named := build(in)
		nodes := make([]*graph.Node, 0, len(named))
		keys = keys[:0]
		for key, node := range named {
			keys = append(keys, key)
			nodes = append(nodes, node)
		}
		return nodes
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	args := make([]any, len(inputs))
	for i, in := range inputs {
		args[i] = in
	}
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]*tensors.Tensor{}
	for i, key := range keys {
		named[key] = results[i]
	}
	return named
}

// recorded returns the two schedules of the recordings with a fixed output.
func recorded(t *testing.T) map[string]schedule.Schedule {
	t.Helper()
	cosine, err := schedule.Cosine(100)
	if err != nil {
		t.Fatal(err)
	}
	linear, err := schedule.Linear(50)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]schedule.Schedule{"cosine100": cosine, "linear50": linear}
}

// The parts by the names of the reference.
var (
	parameterizations = map[string]diffusion.Parameterization{
		"EPSILON": diffusion.Epsilon{}, "START_X": diffusion.Start{}, "PREVIOUS_X": diffusion.Previous{},
	}
	variances = map[string]diffusion.LogVariance{
		"FIXED_SMALL": diffusion.FixedSmall{}, "FIXED_LARGE": diffusion.FixedLarge{},
		"LEARNED": diffusion.Learned{}, "LEARNED_RANGE": diffusion.LearnedRange{},
	}
	objectives = map[string]diffusion.Objective{
		"MSE": diffusion.MSE, "RESCALED_MSE": diffusion.RescaledMSE,
		"KL": diffusion.KL, "RESCALED_KL": diffusion.RescaledKL,
	}
)
