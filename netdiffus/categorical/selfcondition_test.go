package categorical

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// echo is a trunk without weights that says of every pixel what the third image shows
// there, plus 1, and nothing of the packets.
type echo struct{}

func (echo) Validate() error { return nil }

func (echo) Params(int) []nn.Param { return nil }

func (echo) Graph(_ *model.Scope, x, _, _ *graph.Node, features int) (residual, packets *graph.Node) {
	d := x.Shape().Dimensions
	x.AssertDims(d[0], d[1], d[2], 3)
	third := graph.SliceAxis(x, -1, graph.AxisElem(2))
	return graph.AddScalar(third, 1), graph.Zeros(x.Graph(), shapes.Make(dtypes.Float32, d[0], d[1], features))
}

// selfModel is a model over echo for n images of class "a", and its store.
func selfModel(t *testing.T, n int) (Model, *model.Store) {
	t.Helper()
	s, err := schedule.Angular(100)
	if err != nil {
		t.Fatal(err)
	}
	h := Model{Prior: prior(t), Schedule: s, Groups: []int{n, 0}, Trunk: echo{}, SelfCondition: true}
	store := model.NewStore()
	if err := nn.Create(store.RootScope(), h.Params(), 1); err != nil {
		t.Fatal(err)
	}
	return h, store
}

// TestDenoiserSeesTheStepBefore: off the diagonal, what the trunk saw of the last step comes back
// times the noise's deviation.
func TestDenoiserSeesTheStepBefore(t *testing.T) {
	h, store := selfModel(t, 1)
	const step = 40
	last := []float32{.1, .2, .3, .4, .5, .6, .7, .8, .9}
	image := make([]float32, 9)
	got := runWith(t, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		steps := graph.AddScalar(graph.ZerosLike(in[2]), step)
		return []*graph.Node{
			h.Denoiser(in[1])(scope, in[0], steps, in[2]).X0,
			h.Denoiser(nil)(scope, in[0], steps, in[2]).X0,
		}
	}, tensors.FromFlatDataAndDimensions(image, 1, 3, 3, 1), tensors.FromFlatDataAndDimensions(last, 1, 3, 3, 1), []int32{0})
	noise := math.Sqrt(1 - h.Schedule.AlphaBar[step])
	for i := range last {
		want := noise * float64(last[i])
		if i%4 == 0 { // the diagonal
			want = 0
		}
		if moved := float64(got[0][i] - got[1][i]); math.Abs(moved-want) > 1e-6 {
			t.Errorf("pixel %d: the last step moves the clean image by %v, want %v", i, moved, want)
		}
	}
}

// TestLossShowsHalf: in training half of the images, drawn by the key, are shown their
// own estimate, the others zeros.
func TestLossShowsHalf(t *testing.T) {
	const n = 400
	h, store := selfModel(t, n)
	image := make([]float32, 9*n)
	mse := func(key uint32) []float32 {
		return runWith(t, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
			steps := graph.AddScalar(graph.ZerosLike(in[1]), 40)
			l := h.Loss(scope, in[0], steps, in[1], graph.ZerosLike(in[0]), in[2])
			return []*graph.Node{l.MSE}
		}, tensors.FromFlatDataAndDimensions(image, n, 3, 3, 1), make([]int32, n), []uint32{key, 7})[0]
	}
	first, second := mse(1), mse(2)
	blank, differ := 0, 0
	least, most := first[0], first[0]
	for i := range first {
		least, most = min(least, first[i]), max(most, first[i])
	}
	for i := range first {
		switch first[i] {
		case least:
			blank++
		case most:
		default:
			t.Fatalf("image %d: error %v, want %v or %v", i, first[i], least, most)
		}
		if first[i] != second[i] {
			differ++
		}
	}
	// Of 400 images, half within 5 standard errors of 10.
	if math.Abs(float64(blank-n/2)) > 50 || math.Abs(float64(differ-n/2)) > 50 {
		t.Errorf("%d of %d images are shown nothing, %d change with the key; want about half", blank, n, differ)
	}
}
