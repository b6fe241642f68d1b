package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// DPMSolver2M is the second-order multistep solver DPM-Solver++(2M) (Lu et al. 2022,
// "DPM-Solver++", algorithm 2). It is a Sampler without noise, like DDIM(0), which it
// improves on by extrapolating the clean image from the last two steps: wrap the
// Denoiser in WithLastX0. The first step, which has no step before it, and the last,
// which ends at the clean image, are DDIM's; so are all where Prediction.LastX0 is
// nil.
func DPMSolver2M(s schedule.Schedule, p Prediction, x, t, _ *Node) *Node {
	prev := s.AlphaBarPrev()
	xCoef, x0Coef := make([]float64, s.Len()), make([]float64, s.Len())
	for i, ab := range s.AlphaBar {
		// σ_{t-1}/σ_t and α_{t-1}(1-e^{-h}), where e^{-h} = α_t σ_{t-1} / (α_{t-1} σ_t).
		xCoef[i] = math.Sqrt((1 - prev[i]) / (1 - ab))
		x0Coef[i] = math.Sqrt(prev[i]) - math.Sqrt(ab)*xCoef[i]
	}
	x0 := p.X0
	if p.LastX0 != nil {
		x0 = Add(x0, Mul(gatherTable(extrapolation(s), t, x), Sub(x0, p.LastX0)))
	}
	return Add(Mul(gatherTable(xCoef, t, x), x), Mul(gatherTable(x0Coef, t, x), x0))
}

// extrapolation returns 1/(2r) for each step, the fraction of the clean image's last
// change that is added to it. With λ = ln(α/σ) the step at t has the length
// h = λ_{t-1} - λ_t, and r is the length of the step before it divided by h.
func extrapolation(s schedule.Schedule) []float64 {
	lambda := mapTable(s.AlphaBar, func(ab float64) float64 { return 0.5 * math.Log(ab/(1-ab)) })
	factor := make([]float64, s.Len()) // 0 at the first step, T-1, and the last, 0
	for i := 1; i < s.Len()-1; i++ {
		factor[i] = (lambda[i-1] - lambda[i]) / (2 * (lambda[i] - lambda[i+1]))
	}
	return factor
}
