package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Guide returns d with classifier-free guidance (Ho & Salimans 2022): it evaluates d
// for class y and for the null class, and multiplies the difference by scale. Scale
// 1 is d itself at twice the cost, 0 ignores the class, above 1 strengthens it; the
// paper's w is scale-1. The variance is that of class y. Apply ClipX0 to the result,
// not to d. The Denoiser panics where y is nil.
//
// null is the class that replaced the dropped labels in training (DropLabels): an
// additional row of the embedding, so the number of classes.
func Guide(d Denoiser, scale float64, null int) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		if y == nil {
			exceptions.Panicf("diffusion: guidance needs classes, got none")
		}
		nulls := AddScalar(ZerosLike(y), null)
		// One call with twice the batch: the network is built once, and is faster
		// than two calls.
		p := d(scope,
			Concatenate([]*Node{x, x}, 0),
			Concatenate([]*Node{t, t}, 0),
			Concatenate([]*Node{y, nulls}, 0))
		guide := func(both *Node) *Node {
			class, unconditional := splitBatch(both)
			return Add(unconditional, MulScalar(Sub(class, unconditional), scale))
		}
		// X0, Eps and Mean are affine functions of the output as long as nothing is
		// clipped, so they can be guided one by one.
		g := Prediction{X0: guide(p.X0), Eps: guide(p.Eps), Mean: guide(p.Mean), MeanPredicted: p.MeanPredicted}
		g.Var, _ = splitBatch(p.Var)
		g.LogVar, _ = splitBatch(p.LogVar)
		if p.Output != nil {
			g.Output, _ = splitBatch(p.Output)
		}
		return g
	}
}

// splitBatch returns the first and the second half of the batch x.
func splitBatch(x *Node) (first, second *Node) {
	n := x.Shape().Dim(0) / 2
	return SliceAxis(x, 0, AxisRange(0, n)), SliceAxis(x, 0, AxisRange(n))
}

// DropLabels returns y [B] int32 with a fraction rate of the labels, in [0,1],
// replaced by the null class, which trains a network for Guide. u is [B] float32,
// uniform in [0,1).
func DropLabels(y, u *Node, rate float64, null int) *Node {
	drop := LessThan(u, Scalar(u.Graph(), u.DType(), rate))
	return Where(drop, AddScalar(ZerosLike(y), null), y)
}

// ClassGradient returns a scaled gradient of a classifier's log p(y | x_t) with
// respect to x, of x's shape. Its arguments are those of a Denoiser.
type ClassGradient func(scope *model.Scope, x, t, y *Node) *Node

// ClassifierGradient returns the gradient, times scale, of a classifier that returns
// logits [B,K] for noisy images. The classifier's times are those of a Model with
// schedule s and RescaleTimesteps rescale.
func ClassifierGradient(classifier Network, s schedule.Schedule, rescale bool, scale float64) ClassGradient {
	return func(scope *model.Scope, x, t, y *Node) *Node {
		logits := classifier(scope, x, NetworkTime(s, rescale, x, t), y)
		labels := OneHot(y, logits.Shape().Dim(-1), logits.DType())
		// An image's logits depend on that image alone, so the gradient of the
		// batch's sum holds the gradient of each.
		logProb := ReduceAllSum(Mul(LogSoftmax(logits), labels))
		return MulScalar(Gradient(logProb, x)[0], scale)
	}
}

// ConditionMean returns d with its mean shifted along a classifier's gradient, for
// Ancestral (Sohl-Dickstein et al. 2015; Dhariwal & Nichol 2021, algorithm 1). Apply
// it outside of ClipX0, which computes the mean anew.
func ConditionMean(d Denoiser, grad ClassGradient) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		p := d(scope, x, t, y)
		p.Mean = Add(p.Mean, Mul(p.Var, grad(scope, x, t, y)))
		return p
	}
}

// ConditionScore returns d with its noise shifted against a classifier's gradient,
// and the clean image and mean that follow from it, for DDIM (Song et al. 2021;
// Dhariwal & Nichol 2021, algorithm 2). Apply it outside of ClipX0: as in
// guided-diffusion the clean image is not clipped again.
func ConditionScore(d Denoiser, s schedule.Schedule, grad ClassGradient) Denoiser {
	return func(scope *model.Scope, x, t, y *Node) Prediction {
		p := d(scope, x, t, y)
		p.Eps = Sub(p.Eps, Mul(gatherFunc(s, sqrtOneMinusAlphaBar, t, x), grad(scope, x, t, y)))
		p.X0 = X0FromEps(s, p.Eps, x, t)
		p.Mean, p.MeanPredicted = posteriorMean(s, p.X0, x, t), false
		return p
	}
}
