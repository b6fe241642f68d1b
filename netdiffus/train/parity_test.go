package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus"
	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/ema"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

func init() { backendtest.AsUsed() }

// The recorded runs: ten steps of guided-diffusion's TrainLoop on the network
// of unet1_weights.npz, with given batches, timesteps and noise.
const (
	goldenSteps = 10
	goldenBatch = 4
	goldenSide  = 10
)

var goldenRuns = []struct {
	name     string
	loss     string
	training netdiffus.Training
	weighted bool // by the recorded importance weights
}{
	{"A", "mse", netdiffus.Training{LR: 1e-4, EMA: []float64{0.9999, 0.9}}, false},
	{"B", "mse", netdiffus.Training{LR: 1e-4, WeightDecay: 0.05, EMA: []float64{0.9999, 0.9}}, false},
	{"C", "rescaled_mse", netdiffus.Training{LR: 1e-3, WeightDecay: 0.01, Microbatch: 2, AnnealSteps: 10, EMA: []float64{0.99, 0.5}}, true},
}

// noGradient lists the parameters whose gradient is 0 but for rounding noise,
// which AdamW turns into steps of ±lr: with 32 channels group norm takes each
// channel by itself, so a bias just before it has no effect.
// (zero_gradient_params in the golden manifest.)
var noGradient = []string{
	"input_blocks.1.0.in_layers.2.bias", "output_blocks.2.0.in_layers.2.bias", "output_blocks.3.0.in_layers.2.bias",
	"output_blocks.3.0.out_layers.3.bias", "output_blocks.3.0.skip_connection.bias", "output_blocks.3.1.proj_out.bias",
}

func TestRunsEqualGuidedDiffusion(t *testing.T) {
	b := backendtest.Open(t)
	rec := golden.Open(t, "training.npz")
	start := golden.Open(t, "unet1_weights.npz")
	trainers := map[string]*trainer{} // by the compiled program they need
	for _, run := range goldenRuns {
		t.Run(run.name, func(t *testing.T) {
			r := trainers[run.loss]
			if r == nil {
				if len(trainers) > 0 {
					longtest.Only(t, "compiles another training program")
				}
				r = goldenTrainer(t, b, run.loss, run.training)
				trainers[run.loss] = r
			}
			r.training.LR, r.prog.opt = run.training.LR, torchAdamW(run.training.WeightDecay, 0)
			rewind(t, r, start)
			x, noise := rec.Float32s(t, "x"), rec.Float32s(t, "noise")
			pixels := goldenBatch * goldenSide * goldenSide
			for k := range goldenSteps {
				weight := []float32{1, 1, 1, 1}
				if run.weighted {
					weight = rec.Float32s(t, "importance_weights")[k*goldenBatch:][:goldenBatch]
				}
				times := int32s(rec.Ints(t, "t")[k*goldenBatch:][:goldenBatch])
				parts := r.cut(batch{
					step: k, x: x[k*pixels:][:pixels], noise: noise[k*pixels:][:pixels],
					y: int32s(rec.Ints(t, "y")[k*goldenBatch:][:goldenBatch]),
				}, times, weight)
				lr := r.learningRate()
				report, l, err := r.train(parts, times, weight)
				if err != nil {
					t.Fatal(err)
				}
				near := func(what string, got, want, rel float64) {
					t.Helper()
					if math.Abs(got-want) > rel*math.Abs(want) {
						t.Errorf("step %d: %s = %v, want %v", k+1, what, got, want)
					}
				}
				near("lr", lr, rec.Floats(t, run.name+"_lr")[k], 1e-12)
				near("gradient norm", report.GradNorm, rec.Floats(t, run.name+"_grad_norm")[k], 1e-4)
				for i := range goldenBatch {
					near("loss", float64(l.total[i]), rec.Floats(t, run.name+"_loss__f64")[k*goldenBatch+i], 1e-4)
					near("mse", float64(l.mse[i]), rec.Floats(t, run.name+"_mse")[k*goldenBatch+i], 1e-4)
					near("vb", float64(l.vlb[i]), rec.Floats(t, run.name+"_vb")[k*goldenBatch+i], 1e-4)
				}
				if k == 0 || k == goldenSteps-1 {
					checkUpdates(t, r, fmt.Sprintf("%s_step%d", run.name, k+1), rec, start)
				}
			}
			if t.Failed() {
				return
			}
			checkMoments(t, r, run.name, rec)
		})
	}
}

// goldenTrainer is a trainer of the recorded runs' network.
func goldenTrainer(t *testing.T, b compute.Backend, loss string, training netdiffus.Training) *trainer {
	t.Helper()
	cfg := netdiffus.Default()
	cfg.UNet = unet.Config{Channels: 32, ResBlocks: 1, Heads: 4, Attention: []int{10}}
	cfg.Diffusion.Loss = netdiffus.Losses.Must(loss)
	cfg.Training = training
	cfg.Training.BatchSize, cfg.Training.Sampler = goldenBatch, netdiffus.TimestepSamplers.Must("uniform")
	r, err := newTrainer(t.Context(), b, cfg, data{set: &dataset.Set{
		Classes: []string{"a", "b", "c"},
		Images:  imaging.New(goldenBatch, goldenSide, goldenSide, 1),
		Labels:  []int{0, 1, 2, 0},
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rewind puts r at step 0 with the weights of start.
func rewind(t *testing.T, r *trainer, start *golden.File) {
	t.Helper()
	weights, zero := checkpoint.Tensors{}, checkpoint.Tensors{}
	for _, p := range r.config.Network().Params() {
		weights[p.PyTorchName()] = float32Tensor(t, p.FromPyTorch(start.Float32s(t, p.PyTorchName())), p.Shape...)
		zero[p.PyTorchName()] = float32Tensor(t, make([]float32, p.Size()), p.Shape...)
	}
	states := map[string]checkpoint.Tensors{weightScope: weights, firstMoment: zero, secondMoment: zero}
	for _, rate := range r.prog.rates {
		states[ema.Path(rate)] = weights
	}
	for scope, values := range states {
		if err := checkpoint.ToStore(r.prog.store, scope, values); err != nil {
			t.Fatal(err)
		}
	}
	r.step = 0
}

// checkUpdates compares how far each weight and average has come since the
// start, relative to the norm of that way.
func checkUpdates(t *testing.T, r *trainer, prefix string, rec, start *golden.File) {
	t.Helper()
	scopes := map[string]string{prefix + ":": weightScope}
	for _, rate := range r.prog.rates {
		scopes[fmt.Sprintf("%s_ema%v:", prefix, rate)] = ema.Path(rate)
	}
	worst, compared := 0.0, 0
	for key, scope := range scopes {
		now, err := checkpoint.FromStore(r.prog.store, scope)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.config.Network().Params() {
			name := p.PyTorchName()
			if !rec.Has(key+name) || slices.Contains(noGradient, name) {
				continue
			}
			values, err := now[name].Float32s()
			if err != nil {
				t.Fatal(err)
			}
			got, want, from := p.ToPyTorch(values), rec.Float32s(t, key+name), start.Float32s(t, name)
			far, apart := 0.0, 0.0
			for i := range want {
				far += square(float64(want[i]) - float64(from[i]))
				apart += square(float64(got[i]) - float64(want[i]))
			}
			// Each step rounds each value once; for an average with rate 0.9999
			// that is most of what there is to see.
			rounding := float64(r.step) * 0x1p-24 * norm(start.Float32s(t, name))
			worst = max(worst, (math.Sqrt(apart)-rounding)/math.Sqrt(far))
			compared++
			if math.Sqrt(apart) > 1e-2*math.Sqrt(far)+rounding {
				t.Errorf("%s%s: update is %.2g of its norm away", key, name, math.Sqrt(apart/far))
			}
		}
	}
	if compared == 0 {
		t.Fatalf("%s: nothing recorded to compare with", prefix)
	}
	checkNorms(t, r, prefix, rec, start)
	t.Logf("%s: %d tensors, worst update off by %.2g of its norm beyond rounding", prefix, compared, worst)
}

// checkNorms compares the norm of every weight's update, also of those that
// are not recorded in full, where float32 can tell.
func checkNorms(t *testing.T, r *trainer, prefix string, rec, start *golden.File) {
	t.Helper()
	norms, unsure := rec.Floats(t, prefix+"_delta_norms"), rec.Floats(t, prefix+"_update_rel_err")
	now, err := checkpoint.FromStore(r.prog.store, weightScope)
	if err != nil {
		t.Fatal(err)
	}
	params := r.config.Network().Params()
	if len(params) != len(norms) {
		t.Fatalf("%d parameters, recorded %d", len(params), len(norms))
	}
	for i, p := range params {
		name := p.PyTorchName()
		if slices.Contains(noGradient, name) || strings.HasSuffix(name, "qkv.bias") { // keys' biases cancel in the softmax
			continue
		}
		values, err := now[name].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		got, sum := p.ToPyTorch(values), 0.0
		for j, from := range start.Float32s(t, name) {
			sum += square(float64(got[j]) - float64(from))
		}
		if far := math.Sqrt(sum); math.Abs(far-norms[i]) > max(1e-2, 4*unsure[i])*norms[i] {
			t.Errorf("%s %s: update has norm %v, want %v", prefix, name, far, norms[i])
		}
	}
}

// checkMoments compares AdamW's state of two parameters after the last step.
func checkMoments(t *testing.T, r *trainer, run string, rec *golden.File) {
	if !rec.Has(run + "_opt0_exp_avg") {
		return
	}
	for i, name := range []string{"out.0.weight", "out.2.bias"} {
		for key, scope := range map[string]string{"exp_avg": firstMoment, "exp_avg_sq": secondMoment} {
			moments, err := checkpoint.FromStore(r.prog.store, scope)
			if err != nil {
				t.Fatal(err)
			}
			got, err := moments[name].Float32s()
			if err != nil {
				t.Fatal(err)
			}
			want := rec.Float32s(t, fmt.Sprintf("%s_opt%d_%s", run, i, key))
			far, apart := 0.0, 0.0
			for j := range want {
				far += square(float64(want[j]))
				apart += square(float64(got[j]) - float64(want[j]))
			}
			if rel := math.Sqrt(apart / far); rel > 1e-3 {
				t.Errorf("%s of %s is %.2g of its norm away", key, name, rel)
			}
		}
	}
}

func float32Tensor(t *testing.T, values []float32, shape ...int) checkpoint.Tensor {
	t.Helper()
	tensor, err := checkpoint.Float32(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return tensor
}

func int32s(values []int64) []int32 {
	narrow := make([]int32, len(values))
	for i, v := range values {
		narrow[i] = int32(v)
	}
	return narrow
}

func norm(values []float32) float64 {
	sum := 0.0
	for _, v := range values {
		sum += square(float64(v))
	}
	return math.Sqrt(sum)
}

func square(x float64) float64 { return x * x }
