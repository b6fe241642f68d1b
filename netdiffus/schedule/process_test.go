package schedule_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// The process on the host against the tables, which equal guided-diffusion's:
// EpsFromX0 inverts QSample, and a draw of the posterior from q(x_t | x₀) has the
// distribution q(x_{t-1} | x₀).
func TestProcess(t *testing.T) {
	s := must(t)(schedule.Cosine(100))
	r := rand.New(rand.NewPCG(1, 2))
	const n = 200_000
	x0, eps := make([]float64, n), make([]float64, n)
	for i := range x0 {
		x0[i], eps[i] = 0.6, r.NormFloat64()
	}
	x, inverted, mean := make([]float64, n), make([]float64, n), make([]float64, n)
	coef1, coef2 := s.PosteriorMeanCoef1(), s.PosteriorMeanCoef2()
	for _, step := range []int{0, 1, 50, 99} {
		s.QSample(step, x0, eps, x)
		s.EpsFromX0(step, x0, x, inverted)
		for i := range 100 {
			if math.Abs(inverted[i]-eps[i]) > 1e-9 {
				t.Fatalf("step %d: noise %v, EpsFromX0 = %v", step, eps[i], inverted[i])
			}
		}
		s.PosteriorMean(step, x0, x, mean)
		if want := coef1[step]*x0[0] + coef2[step]*x[0]; math.Abs(mean[0]-want) > 1e-12 {
			t.Errorf("step %d: posterior mean %v, want the tables' %v", step, mean[0], want)
		}
		std := math.Sqrt(s.PosteriorVariance()[step])
		var sum, squares float64
		for i := range mean {
			v := mean[i] + std*r.NormFloat64()
			sum, squares = sum+v, squares+v*v
		}
		m := sum / n
		wantMean, wantVar := math.Sqrt(s.AlphaBarPrev()[step])*0.6, 1-s.AlphaBarPrev()[step]
		// Six standard errors, at most, of the mean and of the variance.
		if math.Abs(m-wantMean) > 6*math.Sqrt(wantVar/n)+1e-9 || math.Abs(squares/n-m*m-wantVar) > 6*wantVar*math.Sqrt(2.0/n)+1e-9 {
			t.Errorf("draw from step %d: mean %v, variance %v, want %v and %v", step, m, squares/n-m*m, wantMean, wantVar)
		}
	}
}

func TestProcessPanicsOnDifferentLengths(t *testing.T) {
	s := must(t)(schedule.Cosine(10))
	defer func() {
		if recover() == nil {
			t.Error("no panic for noise of another length")
		}
	}()
	s.QSample(0, make([]float64, 4), make([]float64, 3), make([]float64, 4))
}
