package diffusion_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
)

// Weights after each batch of losses, against guided-diffusion's
// LossSecondMomentResampler.
func TestGoldenResampler(t *testing.T) {
	f := golden.Open(t, "resampler.npz")
	l := diffusion.NewLossSecondMoment(10)
	ts, losses := f.Ints(t, "ts"), f.Floats(t, "losses")
	want := f.Floats(t, "weights")
	const batch, T = 8, 10
	for b := range 41 {
		for i, w := range l.Weights() {
			if d := math.Abs(w - want[b*T+i]); !(d <= 1e-12) {
				t.Fatalf("after %d batches the weight of step %d is %v, want %v", b, i, w, want[b*T+i])
			}
		}
		if b == 40 {
			break
		}
		steps := make([]int32, batch)
		for i := range steps {
			steps[i] = int32(ts[b*batch+i])
		}
		l.Observe(steps, losses[b*batch:(b+1)*batch])
	}
	if got := slices.Concat(l.History...); !slices.Equal(got, f.Floats(t, "loss_history")) {
		t.Errorf("kept losses are %v, want %v", got, f.Floats(t, "loss_history"))
	}
	for step, n := range f.Ints(t, "loss_counts") {
		if len(l.History[step]) != int(n) {
			t.Errorf("step %d has %d losses, want %d", step, len(l.History[step]), n)
		}
	}

	// The weights of the drawn steps' losses.
	drawn, weight := make([]int32, 4000), make([]float32, 4000)
	l.Draw(rand.New(rand.NewPCG(1, 2)), drawn, weight)
	byStep := map[int32]float32{}
	for i, step := range drawn {
		byStep[step] = weight[i]
	}
	importance := f.Floats(t, "sample_weights")
	for i, step := range f.Ints(t, "sample_indices") {
		if got := byStep[int32(step)]; math.Abs(float64(got)-importance[i]) > 1e-6*importance[i] {
			t.Errorf("importance of step %d is %v, want %v", step, got, importance[i])
		}
	}
}

// Steps are drawn with the probabilities of Weights, and the importance weights
// compensate: a weighted mean is the mean over uniform steps.
func TestDraw(t *testing.T) {
	moment := diffusion.NewLossSecondMoment(5)
	for step := range int32(5) {
		for range 10 {
			moment.Observe([]int32{step}, []float64{float64(step)}) // the losses of step 0 are 0
		}
	}
	const n = 200_000
	for name, c := range map[string]struct {
		sampler diffusion.Timesteps
		want    []float64
	}{
		"uniform":        {diffusion.Uniform{T: 5}, []float64{.2, .2, .2, .2, .2}},
		"too few losses": {diffusion.NewLossSecondMoment(5), []float64{.2, .2, .2, .2, .2}},
		"moment":         {moment, []float64{.0002, .1 * .999, .2 * .999, .3 * .999, .4 * .999}},
	} {
		steps, weight := make([]int32, n), make([]float32, n)
		c.sampler.Draw(rand.New(rand.NewPCG(3, 4)), steps, weight)
		count, mean := make([]float64, 5), 0.0
		for i, step := range steps {
			count[step]++
			mean += float64(weight[i]) * float64(step*step) / n
		}
		for step, got := range count {
			// Four standard deviations, and the uniform share's .0002.
			if limit := 4*math.Sqrt(c.want[step]/n) + .0003; math.Abs(got/n-c.want[step]) > limit {
				t.Errorf("%s: step %d is drawn with frequency %.4f, want %.4f", name, step, got/n, c.want[step])
			}
		}
		if math.Abs(mean-6) > 0.1 {
			t.Errorf("%s: weighted mean of t² is %.3f, want 6", name, mean)
		}
	}
}

// A sampler restored from JSON draws what the original draws.
func TestResamplerSurvivesJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	l := diffusion.NewLossSecondMoment(7)
	for range 30 {
		steps, loss := make([]int32, 16), make([]float64, 16)
		l.Draw(r, steps, make([]float32, 16))
		for i := range loss {
			loss[i] = r.ExpFloat64()
		}
		l.Observe(steps, loss)
	}
	data, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var restored diffusion.LossSecondMoment
	if err := json.Unmarshal(data, &restored); err != nil {
		t.Fatal(err)
	}
	a, b := make([]int32, 100), make([]int32, 100)
	wa, wb := make([]float32, 100), make([]float32, 100)
	l.Draw(rand.New(rand.NewPCG(7, 8)), a, wa)
	restored.Draw(rand.New(rand.NewPCG(7, 8)), b, wb)
	if !slices.Equal(a, b) || !slices.Equal(wa, wb) {
		t.Errorf("drew %v with %v after JSON, want %v with %v", b, wb, a, wa)
	}
}

// Losses that are not finite do not change the weights.
func TestObserveIgnoresNaN(t *testing.T) {
	l := diffusion.NewLossSecondMoment(2)
	for range 10 {
		l.Observe([]int32{0, 1}, []float64{1, 3})
	}
	want := l.Weights()
	l.Observe([]int32{0, 1, 0}, []float64{math.NaN(), math.Inf(1), math.Inf(-1)})
	if got := l.Weights(); !slices.Equal(got, want) {
		t.Errorf("weights are %v after losses that are not finite, want %v", got, want)
	}
}
