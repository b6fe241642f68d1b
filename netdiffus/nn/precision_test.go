package nn

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// layered is a network of every kind of layer: [B,4,4,32] to [B,8].
func layered(scope *model.Scope, x *graph.Node) *graph.Node {
	h := Narrow(scope, x)
	h = Conv{In: 32, Out: 32, Size: 3}.Graph(At(scope, "conv"), h)
	h = SiLU(GroupNorm{Channels: 32}.Graph(At(scope, "norm"), h))
	h = Attention{Channels: 32, Heads: 2}.Graph(At(scope, "attention"), h)
	h = Conv{In: 32, Out: 32, Size: 3, Stride: 2}.Graph(At(scope, "down"), Nearest2(MeanPool2(h)))
	h = Conv{In: 32, Out: 32, Size: 1}.Graph(At(scope, "point"), h)
	if got, want := h.DType(), Narrow(scope, x).DType(); got != want {
		panic("the layers pass on " + got.String() + ", want " + want.String())
	}
	return Widen(Linear{In: 4 * 32, Out: 8}.Graph(At(scope, "linear"), graph.Reshape(h, x.Shape().Dim(0), -1)))
}

func layeredParams() []Param {
	params := Conv{In: 32, Out: 32, Size: 3}.Params("conv")
	params = append(params, GroupNorm{Channels: 32}.Params("norm")...)
	params = append(params, Attention{Channels: 32, Heads: 2}.Params("attention")...)
	params = append(params, Conv{In: 32, Out: 32, Size: 3}.Params("down")...)
	params = append(params, Conv{In: 32, Out: 32, Size: 1}.Params("point")...)
	return append(params, Linear{In: 4 * 32, Out: 8}.Params("linear")...)
}

// results are the output, the gradient of x and that of the first weights.
func results(t *testing.T, b compute.Backend, p Precision) [][]float32 {
	t.Helper()
	store := model.NewStore()
	if err := SetPrecision(b, store, p); err != nil {
		t.Fatal(err)
	}
	if err := Create(store.RootScope(), layeredParams(), 1); err != nil {
		t.Fatal(err)
	}
	exec, err := model.NewExec(b, store, func(scope *model.Scope, x *graph.Node) []*graph.Node {
		y := layered(scope, x)
		w := store.GetVariable("/conv/weight").NodeValue(x.Graph())
		return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Square(y)), x, w)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*4*4*32)
	noise.Normal(noise.Stream(2), x)
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(x, 3, 4, 4, 32))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]float32
	for _, o := range out {
		if o.DType() != dtypes.Float32 {
			t.Errorf("a result is %s, want float32", o.DType())
		}
		all = append(all, tensors.MustCopyFlatData[float32](o))
	}
	return all
}

// Numbers of 8 bits differ from those of 24 by some thousandths, carried through six
// layers by some hundredths; not at all would mean that nothing was narrowed.
func TestBF16IsNearFloat32(t *testing.T) {
	pure, err := backend.Open(t.Context(), "go")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]compute.Backend{"xla": backendtest.Open(t), "go": pure} {
		want := results(t, b, Float32)
		for i, got := range results(t, b, BF16) {
			apart, size := 0.0, 0.0
			for j, v := range got {
				apart += math.Pow(float64(v)-float64(want[i][j]), 2)
				size += math.Pow(float64(want[i][j]), 2)
			}
			relative := math.Sqrt(apart / size)
			t.Logf("%s, result %d: %.4f of the norm apart", name, i, relative)
			if !(relative > 1e-4 && relative < 0.03) {
				t.Errorf("%s, result %d: bf16 is %v of its norm from float32, want 0.0001 to 0.03", name, i, relative)
			}
		}
	}
}

// A norm's mean and variance are float32's: of 4096 numbers around 100, which differ by
// less than bfloat16 tells sums of so many apart.
func TestNormIsFloat32(t *testing.T) {
	n := GroupNorm{Channels: 4096, Groups: 1}
	x := make([]float32, 4096)
	for i := range x {
		x[i] = 100 + float32(i%2)*2 // exact in bfloat16
	}
	store := model.NewStore()
	if err := Create(store.RootScope(), n.Params(""), 1); err != nil {
		t.Fatal(err)
	}
	got := run(t, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return Widen(n.Graph(scope, graph.ConvertDType(x, dtypes.BFloat16)))
	}, tensors.FromFlatDataAndDimensions(x, 1, 1, 4096))
	for i, v := range tensors.MustCopyFlatData[float32](got) {
		if want := float64(i%2)*2 - 1; math.Abs(float64(v)-want) > 0.01 {
			t.Fatalf("number %d is normalized to %v, want %v", i, v, want)
		}
	}
}

// narrow is a device without bfloat16.
type narrow struct{ compute.Backend }

func (narrow) Name() string { return "old" }
func (narrow) Capabilities() compute.Capabilities {
	return compute.Capabilities{DTypes: map[dtypes.DType]bool{dtypes.Float32: true}}
}

func TestSetPrecisionRefuses(t *testing.T) {
	if err := SetPrecision(narrow{}, model.NewStore(), BF16); err == nil {
		t.Error("a device without bfloat16 was accepted")
	}
	if err := SetPrecision(narrow{}, model.NewStore(), ""); err != nil {
		t.Error(err)
	}
	if err := SetPrecision(narrow{}, model.NewStore(), "fp8"); err == nil {
		t.Error("an unknown precision was accepted")
	}
}
