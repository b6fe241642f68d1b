package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Objective is what training minimises.
type Objective int

const (
	// MSE is the squared error of the network's word, plus, where the variance
	// is learned, the bound's term in bits at full weight, with the mean
	// detached (Nichol & Dhariwal 2021, L_hybrid without its λ).
	MSE Objective = iota
	// RescaledMSE is MSE with the bound's term times T/1000.
	RescaledMSE
	// KL is the bound's term in bits per dimension, the mean not detached.
	KL
	// RescaledKL is KL times T, so that it estimates the whole bound.
	RescaledKL
)

// Losses are the parts of the loss, each [B]: one number an image.
type Losses struct {
	Total *Node // what to minimise
	MSE   *Node // squared error of the network's word, unweighted; nil where it is not in Total
	VLB   *Node // the bound's term in bits per dimension, as scaled in RescaledMSE; nil where it is not in Total

	// CrossEntropy is that of a categorical head (package categorical), in nats a
	// packet; nil where there is none.
	CrossEntropy *Node
}

// Loss is the loss of the model on clean images x0 [B,H,W,C] at steps t [B]
// int32, for classes y [B] int32 or nil, with standard normal noise of x0's
// shape.
func (m Model) Loss(scope *model.Scope, x0, t, y, noise *Node) Losses {
	s := m.Schedule
	x := QSample(s, x0, t, noise)
	p := m.Denoise(scope, x, t, y)

	switch m.Objective {
	case KL, RescaledKL:
		vlb := VLB(s, p, x0, x, t)
		if m.Objective == RescaledKL {
			return Losses{Total: MulScalar(vlb, s.Len()), VLB: vlb}
		}
		return Losses{Total: vlb, VLB: vlb}
	}

	mean, v := m.parts(p.Out, x)
	mse := perImage(Square(Sub(m.parameterization().Target(s, x0, x, t, noise), mean)))
	l := Losses{Total: mse, MSE: mse}
	if m.Weight != nil {
		l.Total = Mul(mse, lookUp(toFloat32(m.Weight(s, m.parameterization())), t, x))
	}
	if v != nil {
		// The bound teaches the variance only: it is too noisy for the mean.
		l.VLB = VLB(s, m.predict(StopGradient(mean), v, x, t), x0, x, t)
		if m.Objective == RescaledMSE {
			l.VLB = MulScalar(l.VLB, float64(s.Len())/1000)
		}
		l.Total = Add(l.Total, l.VLB)
	}
	return l
}

// Weighting weighs the squared error of each step of the schedule.
type Weighting func(s schedule.Schedule, p Parameterization) []float64

// MinSNR is the min-SNR-γ weighting (Hang et al. 2023, section 3.4): as an
// error of the clean image each step weighs min(SNR, γ), so that the nearly
// clean steps, where the network has little to do, do not drown the rest. The
// paper takes γ = 5.
func MinSNR(gamma float64) Weighting {
	return func(s schedule.Schedule, p Parameterization) []float64 {
		weights, scale := s.SNR(), p.ErrorScale(s)
		for t, snr := range weights {
			weights[t] = min(snr, gamma) / scale[t]
		}
		return weights
	}
}
