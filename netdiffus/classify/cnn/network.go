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

// Channels of the convolutions over images, and the hidden layer.
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
	body    body
	classes int
	store   *model.Store

	step, infer, hidden *model.Exec
}

func newProgram(backend compute.Backend, o Options, b body, classes int) (*program, error) {
	p := &program{Options: o, body: b, classes: classes, store: model.NewStore()}
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
	if p.infer, err = model.NewExec(backend, p.store, func(_ *model.Scope, x *Node) *Node {
		return ArgMax(p.logits(x), -1, dtypes.Int32)
	}); err != nil {
		return nil, err
	}
	p.hidden, err = model.NewExec(backend, p.store, func(_ *model.Scope, x *Node) *Node {
		return b.graph(p.store.Scope(weightScope), x)
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

// last is the layer that gives the classes.
func (p *program) last() nn.Linear { return nn.Linear{In: hidden, Out: p.classes} }

func (p *program) params() []nn.Param { return append(p.body.params(), p.last().Params("last")...) }

// logits takes the input of a batch and returns [B,classes].
func (p *program) logits(x *Node) *Node {
	scope := p.store.Scope(weightScope)
	return p.last().Graph(nn.At(scope, "last"), p.body.graph(scope, x))
}

// images is two convolutions over images of so many pixels a side.
type images struct{ side int }

func (b images) first() nn.Conv { return nn.Conv{In: 1, Out: firstChannels, Size: 3} }
func (b images) second() nn.Conv {
	return nn.Conv{In: firstChannels, Out: secondChannels, Size: 3, Stride: 2}
}

func (b images) hidden() nn.Linear {
	half := (b.side + 1) / 2
	return nn.Linear{In: half * half * secondChannels, Out: hidden}
}

func (b images) params() []nn.Param {
	params := b.first().Params("first")
	params = append(params, b.second().Params("second")...)
	return append(params, b.hidden().Params("hidden")...)
}

// graph takes images x [B,side,side,1].
func (b images) graph(scope *model.Scope, x *Node) *Node {
	x.AssertDims(-1, b.side, b.side, 1)
	h := relu(b.first().Graph(nn.At(scope, "first"), x))
	h = relu(b.second().Graph(nn.At(scope, "second"), h))
	h = Reshape(h, x.Shape().Dim(0), -1)
	return relu(b.hidden().Graph(nn.At(scope, "hidden"), h))
}

func (b images) encoder(train [][]float64) (encoder, error) {
	s, err := newScale(train, b.side)
	return s.images, err
}

func relu(x *Node) *Node { return Max(x, ZerosLike(x)) }

// stepGraph takes the input of a batch, labels [B] and the learning rate,
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
