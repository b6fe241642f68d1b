package train

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/ema"
)

// Scopes of the variables that a run keeps on the device, besides the moments
// and the averages.
const (
	weightScope   = "/model"
	gradientScope = "/gradient" // sums over the microbatches; zero between steps
)

// program is the training step as XLA runs it: forward, backward, AdamW and the
// moving averages in one execution, on state that stays on the device. Only
// with microbatches is there a second program, which adds the gradients of all
// parts but the last to a sum, so that their activations are never in memory together.
type program struct {
	store  *model.Store
	loss   lossGraph
	opt    adamW
	clip   float64           // largest norm of the gradient; 0 means any
	rates  []float64         // of the averages
	warm   bool              // the averages start young
	params []*model.Variable // in the network's order
	split  bool              // there are microbatches
	on     *devices

	accumulate, step *model.Exec
}

// lossGraph builds the loss of a batch (netdiffus.Bound).
type lossGraph func(scope *model.Scope, x, t, y, noise, key *Node) diffusion.Losses

// inputs are the arguments of the programs for one (micro)batch, in their
// order.
type inputs struct {
	x, noise *tensors.Tensor // [B,H,W,C] float32
	t        *tensors.Tensor // [B] int32
	weight   *tensors.Tensor // [B] float32, multiplies the losses
	key      *tensors.Tensor // [2] uint32, of the dropout
	scalars  *tensors.Tensor // of the optimiser, in its step's program
	y        *tensors.Tensor // [B] int32, nil without classes
}

// Positions of the arguments.
const (
	argX = iota
	argNoise
	argT
	argWeight
	argKey
	argScalars
	argY
)

func (in inputs) args() []*tensors.Tensor {
	args := []*tensors.Tensor{in.x, in.noise, in.t, in.weight, in.key, in.scalars}
	if in.y != nil {
		args = append(args, in.y)
	}
	return args
}

// losses of a batch, unweighted, one number a sample; parts that the objective
// does not have are 0.
type losses struct {
	total, mse, vlb, cross []float32
}

// prepare makes the programs, for weights that are in the store already, and
// adds what the optimiser and the averages keep, where the store lacks it.
func (p *program) prepare(b compute.Backend) error {
	weights := p.store.Scope(weightScope)
	for v := range weights.IterVariables() {
		p.params = append(p.params, v)
	}
	if err := ema.Init(weights, p.rates...); err != nil {
		return err
	}
	if err := createFor(p.store, p.params, firstMoment, secondMoment); err != nil {
		return err
	}
	if p.split {
		if err := createFor(p.store, p.params, gradientScope); err != nil {
			return err
		}
	}
	var err error
	if p.accumulate, err = model.NewExec(b, p.store, p.accumulateGraph); err != nil {
		return err
	}
	if p.step, err = model.NewExec(b, p.store, p.stepGraph); err != nil {
		return err
	}
	p.on.share(p.accumulate)
	p.on.share(p.step)
	return nil
}

// createFor adds a zero variable for each of params below each of scopes,
// where there is none.
func createFor(store *model.Store, params []*model.Variable, scopes ...string) error {
	for _, scope := range scopes {
		for _, p := range params {
			path := pathFor(scope, p)
			if store.GetVariable(path) != nil {
				continue
			}
			v, err := store.CreateVariable(path, tensors.FromShape(p.Shape()))
			if err != nil {
				return fmt.Errorf("train: %w", err)
			}
			v.SetTrainable(false)
		}
	}
	return nil
}

// pathFor is the path below scope of what is kept for the weight v.
func pathFor(scope string, v *model.Variable) string {
	return scope + v.Path()[len(weightScope):]
}

// gradients builds the loss of one (micro)batch, weighted and averaged, and its
// gradients, and returns the losses to report: total, mse, vlb and cross-entropy,
// each [B].
func (p *program) gradients(in []*Node) (grads, report []*Node) {
	g := in[argX].Graph()
	var y *Node
	if len(in) > argY {
		y = in[argY]
	}
	l := p.loss(p.store.Scope(weightScope), in[argX], in[argT], y, in[argNoise], in[argKey])
	loss := ReduceAllMean(Mul(in[argWeight], l.Total))
	values := make([]*Node, len(p.params))
	for i, v := range p.params {
		values[i] = v.NodeValue(g)
	}
	report = []*Node{l.Total, l.MSE, l.VLB, l.CrossEntropy}
	for i, part := range report {
		if part == nil {
			report[i] = ZerosLike(l.Total)
		}
	}
	return Gradient(loss, values...), report
}

// accumulateGraph adds one microbatch's gradients to the sum.
func (p *program) accumulateGraph(_ *model.Scope, in []*Node) []*Node {
	grads, report := p.gradients(in)
	for i, v := range p.params {
		sum := p.store.GetVariable(pathFor(gradientScope, v))
		sum.SetNodeValue(Add(sum.NodeValue(grads[i].Graph()), grads[i]))
	}
	return report
}

// stepGraph is the training step. It returns the losses and then the norm of
// the whole gradient.
func (p *program) stepGraph(_ *model.Scope, in []*Node) []*Node {
	grads, report := p.gradients(in)
	g := grads[0].Graph()
	if p.split {
		for i, v := range p.params {
			sum := p.store.GetVariable(pathFor(gradientScope, v))
			grads[i] = Add(sum.NodeValue(g), grads[i])
			sum.SetNodeValue(ZerosLike(grads[i]))
		}
	}
	squares := ScalarZero(g, grads[0].DType())
	for _, grad := range grads {
		squares = Add(squares, ReduceAllSum(Square(grad)))
	}
	norm := Sqrt(squares)
	if p.clip > 0 {
		shrink := MinScalar(MulScalar(Reciprocal(AddScalar(norm, 1e-6)), p.clip), 1) // as torch's clip_grad_norm_
		for i := range grads {
			grads[i] = Mul(grads[i], shrink)
		}
	}
	p.opt.update(p.store, p.params, grads, in[argScalars])
	var age *Node
	if p.warm {
		age = Reshape(Slice(in[argScalars], AxisElem(numScalars-1)))
	}
	ema.Update(p.store.Scope(weightScope), g, age, p.rates...)
	return append(report, norm)
}

// compile builds the programs for parts of these shapes, which takes XLA some
// seconds; without it the first step would.
func (p *program) compile(parts []inputs) error {
	for i, part := range parts {
		exec := p.accumulate
		if i == len(parts)-1 {
			exec = p.step
		}
		if i > 0 && exec == p.accumulate {
			continue // as the first
		}
		if _, err := exec.Compile(p.on.shapes(part.args())...); err != nil {
			return err
		}
	}
	return nil
}

// run does one training step on the parts of one batch and returns the losses
// of all samples and the gradient's norm.
func (p *program) run(parts []inputs) (all losses, gradNorm float64, err error) {
	var out []*tensors.Tensor
	for i, part := range parts {
		exec := p.accumulate
		if i == len(parts)-1 {
			exec = p.step
		}
		if out, err = p.on.call(exec, part.args()); err != nil {
			return all, 0, err
		}
		if err := all.add(out); err != nil {
			return all, 0, err
		}
	}
	norm, err := tensors.CopyFlatData[float32](out[len(out)-1])
	if err != nil {
		return all, 0, err
	}
	return all, float64(norm[0]), nil
}

// add appends the losses of one microbatch.
func (l *losses) add(out []*tensors.Tensor) error {
	for i, list := range []*[]float32{&l.total, &l.mse, &l.vlb, &l.cross} {
		values, err := tensors.CopyFlatData[float32](out[i])
		if err != nil {
			return err
		}
		*list = append(*list, values...)
	}
	return nil
}
