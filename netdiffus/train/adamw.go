package train

import (
	"cmp"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// adamW is Adam with decoupled weight decay (Loshchilov & Hutter 2019) in the
// order of operations of PyTorch's AdamW, so that runs can be compared weight
// by weight. What changes with the step (learning rate, bias corrections) is
// computed on the host in float64 and comes in as an argument: 1-0.999 alone
// would lose five digits in float32.
type adamW struct {
	beta1, beta2 float64
	eps          float64 // added to the root of the debiased second moment
	decay        float64 // of every parameter, norms and biases included
}

// torchAdamW has PyTorch's default coefficients, which guided-diffusion keeps
// (guided_diffusion/train_util.py:76), but for beta2, if that is not 0.
func torchAdamW(decay, beta2 float64) adamW {
	return adamW{beta1: 0.9, beta2: cmp.Or(beta2, 0.999), eps: 1e-8, decay: decay}
}

const numScalars = 4

// scalars returns the numbers of step, counted from 1, that the step's program
// takes: 1-lr·decay, lr/(1-beta1^step), √(1-beta2^step), and the step itself.
func (a adamW) scalars(step int, lr float64) *tensors.Tensor {
	k := float64(step)
	return tensors.FromValue([]float32{
		float32(1 - lr*a.decay),
		float32(lr / (1 - math.Pow(a.beta1, k))),
		float32(math.Sqrt(1 - math.Pow(a.beta2, k))),
		float32(k),
	})
}

// update sets every variable of params to its value after one step along
// grads. The moments are variables of their own.
func (a adamW) update(store *model.Store, params []*model.Variable, grads []*Node, scalars *Node) {
	scalars.AssertDims(numScalars)
	at := func(i int) *Node { return Reshape(Slice(scalars, AxisElem(i))) }
	shrink, stepSize, rootBias := at(0), at(1), at(2)
	for i, v := range params {
		g, p := grads[i], v.NodeValue(grads[i].Graph())
		mean := store.GetVariable(pathFor(firstMoment, v))
		square := store.GetVariable(pathFor(secondMoment, v))
		m := mean.NodeValue(g.Graph())
		m = Add(m, MulScalar(Sub(g, m), 1-a.beta1))
		s := Add(MulScalar(square.NodeValue(g.Graph()), a.beta2), MulScalar(Square(g), 1-a.beta2))
		mean.SetNodeValue(m)
		square.SetNodeValue(s)
		root := AddScalar(Div(Sqrt(s), rootBias), a.eps)
		v.SetNodeValue(Sub(Mul(p, shrink), Mul(stepSize, Div(m, root))))
	}
}

// Scopes of the moments, named as in PyTorch's optimiser state.
const (
	momentScope  = "/adamw"
	firstMoment  = momentScope + "/exp_avg"
	secondMoment = momentScope + "/exp_avg_sq"
)
