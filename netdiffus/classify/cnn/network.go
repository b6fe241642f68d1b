package cnn

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Channels of the convolutions and the hidden layer.
const (
	firstChannels  = 32
	secondChannels = 64
	hidden         = 128
)

// momentum of the gradient descent.
const momentum = 0.9

// program is the network for one number of classes, compiled once and trained
// anew for every call.
type program struct {
	Options
	classes int
	store   *model.Store

	step, infer *model.Exec
}

func newProgram(backend compute.Backend, o Options, classes int) (*program, error) {
	p := &program{Options: o, classes: classes, store: model.NewStore()}
	if err := nn.Create(p.store.Scope(weightScope), p.params(), 0); err != nil {
		return nil, err
	}
	for _, param := range p.params() {
		v, err := p.store.CreateVariable(speedScope+"/"+param.Name, zero(param))
		if err != nil {
			return nil, err
		}
		v.SetTrainable(false)
	}
	var err error
	if p.step, err = model.NewExec(backend, p.store, p.stepGraph); err != nil {
		return nil, err
	}
	p.infer, err = model.NewExec(backend, p.store, func(_ *model.Scope, x *Node) *Node {
		return ArgMax(p.logits(x), -1, dtypes.Int32)
	})
	return p, err
}

// Scopes of the weights and of their running means of gradients.
const (
	weightScope = "/cnn"
	speedScope  = "/speed"
)

// start sets the weights to the initial values of the seed.
func (p *program) start(seed uint64) error {
	for _, param := range p.params() {
		initial := tensors.FromFlatDataAndDimensions(param.Initial(seed), param.Shape...)
		if err := p.store.GetVariable(weightScope + "/" + param.Name).SetValue(initial); err != nil {
			return err
		}
		if err := p.store.GetVariable(speedScope + "/" + param.Name).SetValue(zero(param)); err != nil {
			return err
		}
	}
	return nil
}

func zero(p nn.Param) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(make([]float32, p.Size()), p.Shape...)
}

func (p *program) first() nn.Conv { return nn.Conv{In: 1, Out: firstChannels, Size: 3} }
func (p *program) second() nn.Conv {
	return nn.Conv{In: firstChannels, Out: secondChannels, Size: 3, Stride: 2}
}

func (p *program) hidden() nn.Linear {
	half := (p.SeriesLength + 1) / 2
	return nn.Linear{In: half * half * secondChannels, Out: hidden}
}
func (p *program) last() nn.Linear { return nn.Linear{In: hidden, Out: p.classes} }

func (p *program) params() []nn.Param {
	params := p.first().Params("first")
	params = append(params, p.second().Params("second")...)
	params = append(params, p.hidden().Params("hidden")...)
	return append(params, p.last().Params("last")...)
}

// logits takes images x [B,SeriesLength,SeriesLength,1] and returns [B,classes].
func (p *program) logits(x *Node) *Node {
	scope := p.store.Scope(weightScope)
	x.AssertDims(-1, p.SeriesLength, p.SeriesLength, 1)
	h := relu(p.first().Graph(nn.At(scope, "first"), x))
	h = relu(p.second().Graph(nn.At(scope, "second"), h))
	h = Reshape(h, x.Shape().Dim(0), -1)
	h = relu(p.hidden().Graph(nn.At(scope, "hidden"), h))
	return p.last().Graph(nn.At(scope, "last"), h)
}

func relu(x *Node) *Node { return Max(x, ZerosLike(x)) }

// stepGraph takes images [B,SeriesLength,SeriesLength,1], labels [B] and the learning rate,
// makes one step of gradient descent and returns the loss before it.
func (p *program) stepGraph(_ *model.Scope, x, labels, rate *Node) *Node {
	g := x.Graph()
	mean := ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*Node{ExpandDims(labels, -1)}, []*Node{p.logits(x)}))
	var values []*Node
	for _, param := range p.params() {
		values = append(values, p.store.GetVariable(weightScope+"/"+param.Name).NodeValue(g))
	}
	for i, grad := range Gradient(mean, values...) {
		name := "/" + p.params()[i].Name
		speed := p.store.GetVariable(speedScope + name)
		v := Add(MulScalar(speed.NodeValue(g), momentum), grad)
		speed.SetNodeValue(v)
		p.store.GetVariable(weightScope + name).SetNodeValue(Sub(values[i], Mul(rate, v)))
	}
	return mean
}
