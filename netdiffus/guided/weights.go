package guided

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/checkpoint"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/pytorch"
)

// shapesOf are the tensors' shapes by name.
func shapesOf(list []pytorch.Named) map[string][]int {
	shapes := make(map[string][]int, len(list))
	for _, t := range list {
		shapes[t.Name] = t.Shape
	}
	return shapes
}

// fromPyTorch turns a state dict that fits params into a checkpoint's tensors:
// float32, in this program's layout.
func fromPyTorch(params []nn.Param, list []pytorch.Named) (checkpoint.Tensors, error) {
	byName := make(map[string]pytorch.Tensor, len(list))
	for _, t := range list {
		byName[t.Name] = t.Tensor
	}
	to := make(checkpoint.Tensors, len(params))
	for _, p := range params {
		values, err := byName[p.PyTorchName()].Float32s()
		if err == nil {
			to[p.PyTorchName()], err = checkpoint.Float32(p.FromPyTorch(values), p.Shape...)
		}
		if err != nil {
			return nil, fmt.Errorf("guided: tensor %s: %w", p.PyTorchName(), err)
		}
	}
	return to, nil
}

// Weights returns a checkpoint's tensors as PyTorch has them, under its names and in its
// layout, in the order of params, which for a UNet is PyTorch's own.
func Weights(params []nn.Param, from checkpoint.Tensors) ([]pytorch.Named, error) {
	list := make([]pytorch.Named, 0, len(params))
	for _, p := range params {
		name := p.PyTorchName()
		values, err := from[name].Float32s()
		if err == nil && len(values) != p.Size() {
			err = fmt.Errorf("%d values, want %d", len(values), p.Size())
		}
		if err != nil {
			return nil, fmt.Errorf("guided: tensor %s: %w", name, err)
		}
		list = append(list, pytorch.Named{Name: name, Tensor: pytorch.Float32(p.ToPyTorch(values), p.PyTorchShape()...)})
	}
	return list, nil
}

// The moments of AdamW in a checkpoint, below which the tensors have the
// weights' names; PyTorch calls them so as well.
const (
	firstMoment  = "exp_avg"
	secondMoment = "exp_avg_sq"
)

// moments returns the optimiser's state for the checkpoint: PyTorch's, which is in
// the order of the state dict, or zeros.
func (c *Checkpoint) moments(params []nn.Param) (checkpoint.Tensors, error) {
	to := make(checkpoint.Tensors, 2*len(params))
	if c.Adam != nil {
		if err := c.takeMoments(params, to); err != nil {
			return nil, err
		}
	}
	for _, p := range params {
		for _, moment := range []string{firstMoment, secondMoment} {
			name := moment + "." + p.PyTorchName()
			if _, there := to[name]; there {
				continue
			}
			var err error
			if to[name], err = checkpoint.Float32(make([]float32, p.Size()), p.Shape...); err != nil {
				return nil, err
			}
		}
	}
	return to, nil
}

// takeMoments adds PyTorch's moments to to. A parameter that never had a gradient has
// none.
func (c *Checkpoint) takeMoments(params []nn.Param, to checkpoint.Tensors) error {
	all, err := unflatten(c.Adam.Moments, c.Weights)
	if err != nil {
		return err
	}
	byName := make(map[string]nn.Param, len(params))
	for _, p := range params {
		byName[p.PyTorchName()] = p
	}
	for i, kept := range all {
		p := byName[c.Weights[i].Name]
		for moment, t := range map[string]pytorch.Tensor{firstMoment: kept.ExpAvg, secondMoment: kept.ExpAvgSq} {
			if t.DType == "" {
				continue
			}
			if !slices.Equal(t.Shape, p.PyTorchShape()) {
				return fmt.Errorf("guided: the optimiser's %s %d is %v, but %s has %v: not this model's optimiser",
					moment, i, t.Shape, p.PyTorchName(), p.PyTorchShape())
			}
			values, err := t.Float32s()
			if err == nil {
				to[moment+"."+p.PyTorchName()], err = checkpoint.Float32(p.FromPyTorch(values), p.Shape...)
			}
			if err != nil {
				return fmt.Errorf("guided: %s of %s: %w", moment, p.PyTorchName(), err)
			}
		}
	}
	return nil
}

// unflatten returns the moments of each of the weights. Trained with use_fp16,
// guided-diffusion's optimiser has but two parameters: all weights of at most
// one dimension in a row, and all others (guided_diffusion/fp16_util.py).
func unflatten(moments []pytorch.Moments, weights []pytorch.Named) ([]pytorch.Moments, error) {
	if len(moments) == len(weights) {
		return moments, nil
	}
	if len(moments) != 2 {
		return nil, fmt.Errorf("guided: the optimiser has %d parameters, the model %d", len(moments), len(weights))
	}
	each := make([]pytorch.Moments, len(weights))
	for group, flat := range moments {
		rest := flat
		for i, w := range weights {
			if (len(w.Shape) <= 1) != (group == 0) {
				continue
			}
			var err1, err2 error
			each[i].Step = flat.Step
			each[i].ExpAvg, rest.ExpAvg, err1 = cut(rest.ExpAvg, w.Shape)
			each[i].ExpAvgSq, rest.ExpAvgSq, err2 = cut(rest.ExpAvgSq, w.Shape)
			if err := errors.Join(err1, err2); err != nil {
				return nil, fmt.Errorf("guided: the optimiser's parameter %d: %w", group, err)
			}
		}
		if len(rest.ExpAvg.Data)+len(rest.ExpAvgSq.Data) > 0 {
			return nil, fmt.Errorf("guided: the optimiser's parameter %d has more values than the model", group)
		}
	}
	return each, nil
}

// cut divides a flat float32 tensor into a first part of the shape and the rest.
func cut(flat pytorch.Tensor, shape []int) (first, rest pytorch.Tensor, err error) {
	n := 4 * nn.Param{Shape: shape}.Size()
	if flat.DType != "F32" || n > len(flat.Data) {
		return first, flat, fmt.Errorf("%d bytes of %s left, want %d of F32", len(flat.Data), flat.DType, n)
	}
	first = pytorch.Tensor{DType: flat.DType, Shape: shape, Data: flat.Data[:n]}
	flat.Data = flat.Data[n:]
	return first, flat, nil
}

// Adam returns a, with the moments of a checkpoint's optimiser, as PyTorch saves it. step
// is the number of steps done.
func Adam(params []nn.Param, from checkpoint.Tensors, step int, a pytorch.Adam) (pytorch.Adam, error) {
	a.Moments = make([]pytorch.Moments, len(params))
	for moment, at := range map[string]func(m *pytorch.Moments) *pytorch.Tensor{
		firstMoment:  func(m *pytorch.Moments) *pytorch.Tensor { return &m.ExpAvg },
		secondMoment: func(m *pytorch.Moments) *pytorch.Tensor { return &m.ExpAvgSq },
	} {
		part := make(checkpoint.Tensors, len(params))
		for _, p := range params {
			part[p.PyTorchName()] = from[moment+"."+p.PyTorchName()]
		}
		list, err := Weights(params, part)
		if err != nil {
			return a, fmt.Errorf("%s: %w", moment, err)
		}
		for i, t := range list {
			*at(&a.Moments[i]) = t.Tensor
			a.Moments[i].Step = step
		}
	}
	return a, nil
}
