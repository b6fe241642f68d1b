package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Guide is d guided without a classifier (Ho & Salimans 2022): it is asked
// twice, about class y and about the null class, and what the class changes is
// taken scale times. Scale 1 is d itself at twice the cost, 0 forgets the
// class, above 1 sharpens it; the paper's w is scale-1. The variance stays that
// of class y. Clip (ClipX0) the result, not d.
//
// null is the class that training gave in place of the dropped labels
// (DropLabels): one row more in the embedding, so the number of classes.
func Guide(d Denoiser, scale float64, null int) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		if y == nil {
			exceptions.Panicf("diffusion: guidance needs classes, got none")
		}
		none := AddScalar(ZerosLike(y), null)
		// One call of twice the batch: the network is built once, and runs
		// faster than two halves.
		p := d(scope,
			Concatenate([]*Node{x, x}, 0),
			Concatenate([]*Node{t, t}, 0),
			Concatenate([]*Node{y, none}, 0))
		guide := func(both *Node) *Node {
			class, free := halves(both)
			return Add(free, MulScalar(Sub(class, free), scale))
		}
		// Out, X0, Eps and Mean are affine in one another while nothing is
		// clipped, so they may be moved one by one.
		g := Prediction{X0: guide(p.X0), Eps: guide(p.Eps), Mean: guide(p.Mean), ownMean: p.ownMean}
		g.Var, _ = halves(p.Var)
		g.LogVar, _ = halves(p.LogVar)
		if p.Out != nil {
			g.Out, _ = halves(p.Out)
		}
		return g
	}
}

// DropLabels is y [B] int32 with the null class in place of a share rate of
// the labels, which trains a network for Guide. u is [B] float32, uniform in
// [0,1).
func DropLabels(y, u *Node, rate float64, null int) *Node {
	drop := LessThan(u, Scalar(u.Graph(), u.DType(), rate))
	return Where(drop, AddScalar(ZerosLike(y), null), y)
}

// ClassGradient is the gradient of a classifier's log p(y | x_t) with respect to x,
// times whatever scale is wanted: x's shape. Its arguments are a Denoiser's.
type ClassGradient func(scope *model.Scope, x, t, y *Node) *Node

// ClassifierGradient is the gradient of a classifier that gives logits [B,K]
// for noisy images, times scale. It sees the times that the network sees, of s
// and rescaled or not.
func ClassifierGradient(classifier Network, s schedule.Schedule, rescale bool, scale float64) ClassGradient {
	return func(scope *model.Scope, x, t, y *Node) *Node {
		logits := classifier(scope, x, NetworkTime(s, rescale, x, t), y)
		chosen := OneHot(y, logits.Shape().Dim(-1), logits.DType())
		// Images do not see each other, so the sum's gradient is each one's own.
		logProb := ReduceAllSum(Mul(LogSoftmax(logits), chosen))
		return MulScalar(Gradient(logProb, x)[0], scale)
	}
}

// ConditionMean is d with its mean moved along a classifier's gradient, for
// Ancestral (Sohl-Dickstein et al. 2015; Dhariwal & Nichol 2021, algorithm 1).
// It goes outside ClipX0, which would put the mean back.
func ConditionMean(d Denoiser, grad ClassGradient) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		p := d(scope, x, t, y)
		p.Mean = Add(p.Mean, Mul(p.Var, grad(scope, x, t, y)))
		return p
	}
}

// ConditionScore is d with its noise moved against a classifier's gradient, and
// the clean image and mean that follow from it, for DDIM (Song et al. 2021;
// Dhariwal & Nichol 2021, algorithm 2). The clean image is not clipped again: as
// in guided-diffusion, it goes outside ClipX0.
func ConditionScore(d Denoiser, s schedule.Schedule, grad ClassGradient) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		p := d(scope, x, t, y)
		eps := Sub(p.Eps, Mul(at(s, t, x, spread), grad(scope, x, t, y)))
		p.X0 = X0FromEps(s, eps, x, t)
		p.Eps = eps
		p.Mean, p.ownMean = posteriorMean(s, p.X0, x, t), false
		return p
	}
}

// halves splits x into the first and the second half of its batch.
func halves(x *Node) (first, second *Node) {
	n := x.Shape().Dim(0) / 2
	return SliceAxis(x, 0, AxisRange(0, n)), SliceAxis(x, 0, AxisRange(n))
}
