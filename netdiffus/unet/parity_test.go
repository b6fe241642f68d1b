package unet

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

func init() { backendtest.AsUsed() }

// recorded lists the networks whose weights, outputs and gradients were recorded
// from OpenAI's guided-diffusion in PyTorch (golden unetN_*.npz). Together they
// cover every option of its command line.
var recorded = []struct {
	name   string
	config Config
	tol    float64 // tolerance of the output: 8 times PyTorch's own float32 error
}{
	{"unet1", Config{
		ImageSize: 10, Channels: 32, LearnSigma: true, ResBlocks: 1, Attention: []int{10},
		ChannelMult: []float64{1, 2}, Classes: 3, Heads: 4,
	}, 2e-5},
	{"unet2", Config{
		ImageSize: 16, InChannels: 3, Channels: 32, ResBlocks: 2, Attention: []int{8},
		ChannelMult: []float64{1, 2, 2}, Heads: 2, ResBlockUpDown: true, NewAttentionOrder: true, AddEmbedding: true,
	}, 2e-5},
	{"unet3", Config{
		ImageSize: 8, Channels: 32, LearnSigma: true, ResBlocks: 1, Attention: []int{8, 4},
		ChannelMult: []float64{1, 2}, HeadChannels: 16, PoolResample: true,
	}, 4e-5},
}

func TestParamsAreTheStateDict(t *testing.T) {
	for _, r := range recorded {
		f := golden.Open(t, r.name+"_weights.npz")
		var names []string
		for _, p := range r.config.Params() {
			names = append(names, p.PyTorchName())
			if got, want := p.PyTorchShape(), f.Array(t, p.PyTorchName()).Shape; !slices.Equal(got, want) {
				t.Errorf("%s: %s is %v, want %v", r.name, p.PyTorchName(), got, want)
			}
		}
		if want := f.Keys(); !slices.Equal(names, want) {
			t.Errorf("%s: parameters %v, want %v", r.name, names, want)
		}
	}
}

func TestOutputsAndGradientsEqualGuidedDiffusion(t *testing.T) {
	for _, r := range recorded {
		t.Run(r.name, func(t *testing.T) {
			params := r.config.Params()
			store := loadRecorded(t, r.name, params)
			io := golden.Open(t, r.name+"_io.npz")
			out, loss, grads := runRecorded(t, r.config, store, io)

			d := largest(out, float64s(image(t, io, "out")))
			t.Logf("largest difference of the output: %.2g", d)
			if d > r.tol {
				t.Errorf("output differs by %.2g, want at most %.2g", d, r.tol)
			}
			if want := io.Floats(t, "loss")[0]; math.Abs(loss-want) > 2e-6 {
				t.Errorf("loss = %v, want %v", loss, want)
			}
			gradX := float64s(image(t, io, "grad_x"))
			if d := distance(grads[len(params)], gradX); d > 1e-4*norm(gradX) {
				t.Errorf("gradient of x differs by %.2g, its norm is %.2g", d, norm(gradX))
			}
			compareGradients(t, io, params, grads)
		})
	}
}

// loadRecorded returns a store with the recorded weights below "/model".
func loadRecorded(t *testing.T, name string, params []nn.Param) *model.Store {
	f := golden.Open(t, name+"_weights.npz")
	store := model.NewStore()
	for _, p := range params {
		if err := p.Create(store.Scope("/model"), p.FromPyTorch(f.Float32s(t, p.PyTorchName()))); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// runRecorded returns the output for the recorded input, the mean squared distance
// to the recorded target, and its gradients: one for each parameter, then that of x.
func runRecorded(t *testing.T, c Config, store *model.Store, io *golden.File) (out []float64, loss float64, grads [][]float64) {
	tensor := func(name string) *tensors.Tensor {
		s := io.Array(t, name).Shape
		return tensors.FromFlatDataAndDimensions(image(t, io, name), s[0], s[2], s[3], s[1])
	}
	args := []any{tensor("x"), tensor("target"), io.Float32s(t, "t")}
	if c.Classes > 0 {
		var y []int32
		for _, class := range io.Ints(t, "y") {
			y = append(y, int32(class))
		}
		args = append(args, y)
	}
	exec := model.MustNewExec(backendtest.Open(t), store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
		x, target, steps := in[0], in[1], in[2]
		var y *graph.Node
		if len(in) > 3 {
			y = in[3]
		}
		weights := scope.At("model")
		out := c.Graph(weights, x, steps, y)
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(out, target)))
		var wrt []*graph.Node
		for v := range weights.IterVariables() {
			wrt = append(wrt, v.NodeValue(x.Graph()))
		}
		return append([]*graph.Node{out, loss}, graph.Gradient(loss, append(wrt, x)...)...)
	})
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range results[2:] {
		grads = append(grads, values(g))
	}
	return values(results[0]), values(results[1])[0], grads
}

// compareGradients compares the gradients of params: all of them by norm, the
// recorded ones value by value.
func compareGradients(t *testing.T, io *golden.File, params []nn.Param, grads [][]float64) {
	norms := io.Floats(t, "grad_norms")
	var whole float64
	for _, n := range norms {
		whole += n * n
	}
	whole = math.Sqrt(whole)
	compared, worst := 0, 0.0
	for i, p := range params {
		// Gradients that are 0 but for rounding, as of a bias before a norm of one
		// channel a group, are compared against the whole gradient's norm.
		floor := 1e-7 * whole
		if d := math.Abs(norm(grads[i]) - norms[i]); d > 1e-4*norms[i]+floor {
			t.Errorf("gradient of %s has norm %v, want %v", p.Name, norm(grads[i]), norms[i])
		}
		key := "grad:" + p.PyTorchName()
		if !io.Has(key) {
			continue
		}
		compared++
		want := float64s(p.FromPyTorch(io.Float32s(t, key)))
		d := distance(grads[i], want)
		if norm(want) > 1e-5*whole {
			worst = max(worst, d/norm(want))
		}
		if d > 1e-4*norm(want)+floor {
			t.Errorf("gradient of %s differs by %.2g, its norm is %.2g", p.Name, d, norm(want))
		}
	}
	t.Logf("largest relative difference of %d recorded gradients: %.2g", compared, worst)
	if compared < 18 {
		t.Errorf("compared %d gradients, want the 18 or more recorded", compared)
	}
}

// image returns the recorded array [N,C,H,W] with the channels last.
func image(t *testing.T, f *golden.File, name string) []float32 {
	shape, x := f.Array(t, name).Shape, f.Float32s(t, name)
	n, c, pixels := shape[0], shape[1], shape[2]*shape[3]
	to := make([]float32, len(x))
	for i := range n {
		for j := range c {
			for k := range pixels {
				to[(i*pixels+k)*c+j] = x[(i*c+j)*pixels+k]
			}
		}
	}
	return to
}

func values(t *tensors.Tensor) []float64 { return float64s(tensors.MustCopyFlatData[float32](t)) }

func float64s(x []float32) []float64 {
	to := make([]float64, len(x))
	for i, v := range x {
		to[i] = float64(v)
	}
	return to
}

func norm(x []float64) float64 { return distance(x, make([]float64, len(x))) }

func distance(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

func largest(a, b []float64) float64 {
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}
