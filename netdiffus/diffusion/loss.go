package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Objective computes the training loss from an evaluation of the network.
type Objective func(e Evaluation) Losses

// Evaluation is a model's prediction for a batch of noised training images.
type Evaluation struct {
	Model      Model
	X0         *Node      // clean images [B,H,W,C]
	X          *Node      // noisy images, QSample(Model.Schedule, X0, T, Noise)
	T          *Node      // steps of Model.Schedule, [B] int32
	Noise      *Node      // the noise in X, of X0's shape
	Prediction Prediction // Model.Denoise of X

	// Output and VarianceOutput are the two parts of Prediction.Output, each of X0's
	// shape: that of Model.Parameterization, and that of Model.Variance, nil where
	// the variance is not learned.
	Output, VarianceOutput *Node
}

// Target returns what the network is trained to output, of X0's shape.
func (e Evaluation) Target() *Node {
	return e.Model.parameterization().Target(e.Model.Schedule, e.X0, e.X, e.T, e.Noise)
}

// VLB returns the prediction's term of the variational bound, [B], in bits per
// dimension (see the function VLB).
func (e Evaluation) VLB() *Node {
	return VLB(e.Model.Schedule, e.Prediction, e.X0, e.X, e.T)
}

// VarianceVLB returns VLB with the mean detached from the gradient, so that it
// trains the variance alone: the bound's gradient is too noisy for the mean (Nichol
// & Dhariwal 2021, section 3.1).
func (e Evaluation) VarianceVLB() *Node {
	p := e.Model.predict(StopGradient(e.Output), e.VarianceOutput, e.X, e.T)
	return VLB(e.Model.Schedule, p, e.X0, e.X, e.T)
}

// Losses are the terms of the loss, each [B]: one number for each image.
type Losses struct {
	Total *Node // the loss to minimise
	MSE   *Node // squared error of the network's output, unweighted; nil where Total has no such term
	VLB   *Node // term of the variational bound in bits per dimension, scaled where RescaledMSE scales it; nil where Total has no such term

	// CrossEntropy is that of a model that predicts probabilities of values (package
	// categorical), in nats per packet; nil for others.
	CrossEntropy *Node
}

// MSE is the Objective of the squared error of the network's output, weighted by
// Model.Weight, plus, where the variance is learned, Evaluation.VarianceVLB at full
// weight (Nichol & Dhariwal 2021, L_hybrid without its λ).
func MSE(e Evaluation) Losses { return hybrid(e, 1) }

// RescaledMSE is MSE with the bound's term multiplied by T/1000, T being the number
// of steps.
func RescaledMSE(e Evaluation) Losses { return hybrid(e, float64(e.Model.Schedule.Len())/1000) }

// hybrid returns the squared error plus, where the variance is learned, the bound's
// term times scale.
func hybrid(e Evaluation, scale float64) Losses {
	mse := perImage(Square(Sub(e.Target(), e.Output)))
	l := Losses{Total: mse, MSE: mse}
	if m := e.Model; m.Weight != nil {
		l.Total = Mul(mse, gatherVector(toFloat32(m.Weight(m.Schedule, m.parameterization())), e.T, e.X))
	}
	if e.VarianceOutput != nil {
		l.VLB = e.VarianceVLB()
		if scale != 1 {
			l.VLB = MulScalar(l.VLB, scale)
		}
		l.Total = Add(l.Total, l.VLB)
	}
	return l
}

// KL is the Objective of the variational bound's term in bits per dimension; its
// gradient reaches the mean and the variance.
func KL(e Evaluation) Losses {
	vlb := e.VLB()
	return Losses{Total: vlb, VLB: vlb}
}

// RescaledKL is KL with the total multiplied by the number of steps, an estimate of
// the whole bound.
func RescaledKL(e Evaluation) Losses {
	vlb := e.VLB()
	return Losses{Total: MulScalar(vlb, e.Model.Schedule.Len()), VLB: vlb}
}

// Loss returns the loss of the model on clean images x0 [B,H,W,C] at steps t [B]
// int32, for classes y [B] int32 or nil; noise is standard normal, of x0's shape.
func (m Model) Loss(scope *model.Scope, x0, t, y, noise *Node) Losses {
	x := QSample(m.Schedule, x0, t, noise)
	e := Evaluation{Model: m, X0: x0, X: x, T: t, Noise: noise, Prediction: m.Denoise(scope, x, t, y)}
	e.Output, e.VarianceOutput = m.splitOutput(e.Prediction.Output, x)
	if m.Objective == nil {
		return MSE(e)
	}
	return m.Objective(e)
}

// Weighting returns a weight of the squared error for each step of s. p is the
// model's parameterization.
type Weighting func(s schedule.Schedule, p Parameterization) []float64

// MinSNR returns the min-SNR-γ weighting (Hang et al. 2023, section 3.4): as an
// error of the clean image each step has the weight min(SNR, γ), so that the nearly
// noiseless steps, which are easy, do not dominate the loss. The paper uses γ = 5.
func MinSNR(gamma float64) Weighting {
	return func(s schedule.Schedule, p Parameterization) []float64 {
		weights, scale := s.SNR(), p.ErrorScale(s)
		for t, snr := range weights {
			weights[t] = min(snr, gamma) / scale[t]
		}
		return weights
	}
}
