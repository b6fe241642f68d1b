package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// DPMSolver2M is the multistep solver of second order DPM-Solver++(2M) (Lu et al.
// 2022, "DPM-Solver++", algorithm 2): a Sampler that draws no noise, as DDIM(0),
// whose steps it takes further by extrapolating the clean image from the last two.
// The first step, which has no step before it, and the last, which ends without
// noise, are DDIM's. Without Prediction.Last so are all.
func DPMSolver2M(s schedule.Schedule, p Prediction, x, t, _ *Node) *Node {
	prev := s.AlphaBarPrev()
	shrink, grow := make([]float64, s.Len()), make([]float64, s.Len())
	for i, ab := range s.AlphaBar {
		// σ_{t-1}/σ_t and α_{t-1}(1-e^{-h}), where e^{-h} = α_t σ_{t-1} / (α_{t-1} σ_t).
		shrink[i] = math.Sqrt((1 - prev[i]) / (1 - ab))
		grow[i] = math.Sqrt(prev[i]) - math.Sqrt(ab)*shrink[i]
	}
	clean := p.X0
	if p.Last != nil {
		clean = Add(clean, Mul(gather(extrapolation(s), t, x), Sub(clean, p.Last)))
	}
	return Add(Mul(gather(shrink, t, x), x), Mul(gather(grow, t, x), clean))
}

// extrapolation is 1/(2r) of each step: how much of the clean image's last change
// is added to it. With λ = ln(α/σ) the step at t is of length h = λ_{t-1} - λ_t, and
// r is the length of the step before it by this one's.
func extrapolation(s schedule.Schedule) []float64 {
	lambda := make([]float64, s.Len())
	for i, ab := range s.AlphaBar {
		lambda[i] = 0.5 * math.Log(ab/(1-ab))
	}
	half := make([]float64, s.Len()) // 0 at the first step, T-1, and the last, 0
	for i := 1; i < s.Len()-1; i++ {
		half[i] = (lambda[i-1] - lambda[i]) / (2 * (lambda[i] - lambda[i+1]))
	}
	return half
}
