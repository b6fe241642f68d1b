package schedule_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// The tables against those of guided-diffusion. Both are float64; 1e-12 allows for
// another order of operations.
func TestGoldenSchedules(t *testing.T) {
	f := golden.Open(t, "schedules.npz")
	for name, s := range map[string]schedule.Schedule{
		"linear_100":  must(t)(schedule.Linear(100)),
		"linear_1000": must(t)(schedule.Linear(1000)),
		"cosine_10":   must(t)(schedule.Cosine(10)),
		"cosine_100":  must(t)(schedule.Cosine(100)),
		"cosine_1000": must(t)(schedule.Cosine(1000)),
	} {
		same(t, name+" β", s.Beta, f.Floats(t, name+"_betas"))
		same(t, name+" ᾱ", s.AlphaBar, f.Floats(t, name+"_alphas_cumprod"))
		same(t, name+" posterior variance", s.PosteriorVariance(), f.Floats(t, name+"_posterior_variance"))
		same(t, name+" posterior log variance", s.PosteriorLogVariance(), f.Floats(t, name+"_posterior_log_variance_clipped"))
		same(t, name+" posterior coefficient 1", s.PosteriorMeanCoef1(), f.Floats(t, name+"_posterior_mean_coef1"))
		same(t, name+" posterior coefficient 2", s.PosteriorMeanCoef2(), f.Floats(t, name+"_posterior_mean_coef2"))
	}
}

// Respaced schedules against guided-diffusion's SpacedDiffusion: the selected steps
// and the network's times are equal exactly.
func TestGoldenRespace(t *testing.T) {
	f := golden.Open(t, "respace.npz")
	for i, c := range []struct {
		steps int
		spec  string
		make  func(int) (schedule.Schedule, error)
	}{
		{100, "25", schedule.Cosine},
		{100, "10,10,20", schedule.Cosine},
		{100, "ddim10", schedule.Cosine},
		{100, "ddim25", schedule.Linear},
		{1000, "25", schedule.Linear},
		{1000, "250", schedule.Cosine},
		{1000, "ddim50", schedule.Linear},
		{12, "3,3", schedule.Cosine},
		{100, "2", schedule.Cosine},
		{10, "1,2,3", schedule.Cosine},
		{7, "3", schedule.Cosine},
		{100, "100", schedule.Cosine},
	} {
		name := fmt.Sprintf("%d steps by %q", c.steps, c.spec)
		key := fmt.Sprintf("c%d_", i)
		s := must(t)(must(t)(c.make(c.steps)).Respace(c.spec))
		kept := make([]float64, s.Len())
		for i, step := range s.Timestep {
			kept[i] = float64(step)
		}
		equal(t, name+" steps", kept, f.Floats(t, key+"timestep_map"))
		equal(t, name+" times", widen(s.NetworkTimes(false)), f.Floats(t, key+"model_ts_plain"))
		equal(t, name+" rescaled times", widen(s.NetworkTimes(true)), f.Floats(t, key+"model_ts_rescaled"))
		same(t, name+" β", s.Beta, f.Floats(t, key+"betas"))
		same(t, name+" ᾱ", s.AlphaBar, f.Floats(t, key+"alphas_cumprod"))
		same(t, name+" posterior log variance", s.PosteriorLogVariance(), f.Floats(t, key+"posterior_log_variance_clipped"))
	}
}

func widen(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

func same(t *testing.T, name string, got, want []float64) { compare(t, name, got, want, 1e-12) }

func equal(t *testing.T, name string, got, want []float64) { compare(t, name, got, want, 0) }

// compare fails where an element differs from want by a relative error above rtol.
func compare(t *testing.T, name string, got, want []float64, rtol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= rtol*math.Abs(w)) {
			t.Errorf("%s: %.17g at %d, want %.17g", name, got[i], i, w)
			return
		}
	}
}
