package pytorch

import (
	"errors"
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// Adam is the state of PyTorch's Adam or AdamW.
type Adam struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	// Moments has an entry for each parameter, in the order of the model's.
	Moments []Moments
}

// Moments are what Adam keeps of one parameter; of one that never had a
// gradient all is zero.
type Moments struct {
	Step             int // steps done with the parameter
	ExpAvg, ExpAvgSq Tensor
}

// optimizerKeys are the keys that checkpoints keep an optimiser below.
var optimizerKeys = []string{"optimizer", "optimizer_state_dict", "opt"}

// optimizerIn finds an optimiser's state dict; nil where there is none.
func optimizerIn(root *Dict) *Dict {
	found := []any{root}
	for _, key := range optimizerKeys {
		found = append(found, root.Get(key))
	}
	for _, value := range found {
		if d, ok := value.(*Dict); ok && d.Get("state") != nil && d.Get("param_groups") != nil {
			return d
		}
	}
	return nil
}

// Adam reads the state of an Adam or AdamW optimiser.
func (f *File) Adam() (Adam, error) {
	a, err := f.adam()
	if err != nil {
		return Adam{}, fmt.Errorf("pytorch: %s%w", f.name, err)
	}
	return a, nil
}

func (f *File) adam() (a Adam, err error) {
	root, _ := f.Root.(*Dict)
	if root == nil {
		return a, fmt.Errorf("holds a %s, want an optimiser's state", kindOf(f.Root))
	}
	d := optimizerIn(root)
	if d == nil {
		return a, fmt.Errorf("holds no optimiser's state (state and param_groups); its keys are %s", keysOf(root))
	}
	state, ok1 := d.Get("state").(*Dict)
	groups, ok2 := d.Get("param_groups").(*List)
	if !ok1 || !ok2 || len(groups.Items) == 0 {
		return a, errors.New("an optimiser whose state is no dict, or without param_groups")
	}
	for i, g := range groups.Items {
		group, ok := g.(*Dict)
		if !ok {
			return a, fmt.Errorf("parameter group %d is a %s", i, kindOf(g))
		}
		settings, err := adamSettings(group)
		if err != nil {
			return a, fmt.Errorf("parameter group %d: %w", i, err)
		}
		if i == 0 {
			moments := a.Moments
			a = settings
			a.Moments = moments
		} else if !same(a, settings) {
			return a, errors.New("parameter groups with different settings")
		}
		ids, ok := group.Get("params").(*List)
		if !ok {
			return a, fmt.Errorf("parameter group %d has no params", i)
		}
		for _, id := range ids.Items {
			m, err := f.moments(state, id)
			if err != nil {
				return a, err
			}
			a.Moments = append(a.Moments, m)
		}
	}
	return a, nil
}

func same(a, b Adam) bool {
	return a.LR == b.LR && a.Beta1 == b.Beta1 && a.Beta2 == b.Beta2 && a.Eps == b.Eps && a.WeightDecay == b.WeightDecay
}

// adamSettings reads a parameter group, with PyTorch's defaults for what it
// lacks.
func adamSettings(group *Dict) (Adam, error) {
	a := Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	for key, to := range map[string]*float64{"lr": &a.LR, "eps": &a.Eps, "weight_decay": &a.WeightDecay} {
		if v := group.Get(key); v != nil && !number(v, to) {
			return a, fmt.Errorf("%s is a %s", key, kindOf(v))
		}
	}
	if v := group.Get("betas"); v != nil {
		betas, ok := v.(Tuple)
		if !ok || len(betas) != 2 || !number(betas[0], &a.Beta1) || !number(betas[1], &a.Beta2) {
			return a, fmt.Errorf("betas are a %s, want two numbers", kindOf(v))
		}
	}
	if group.Get("amsgrad") == true || group.Get("maximize") == true {
		return a, errors.New("amsgrad and maximize are not supported")
	}
	return a, nil
}

func number(v any, to *float64) bool {
	switch v := v.(type) {
	case float64:
		*to = v
	case int64:
		*to = float64(v)
	default:
		return false
	}
	return true
}

// moments reads what the optimiser keeps of the parameter with the number id.
func (f *File) moments(state *Dict, id any) (m Moments, err error) {
	if _, ok := id.(int64); !ok {
		return m, fmt.Errorf("a parameter is numbered by a %s", kindOf(id))
	}
	entry := state.Get(id)
	if entry == nil {
		return m, nil
	}
	d, ok := entry.(*Dict)
	if !ok {
		return m, fmt.Errorf("parameter %d: its state is a %s", id, kindOf(entry))
	}
	for key, to := range map[string]*Tensor{"exp_avg": &m.ExpAvg, "exp_avg_sq": &m.ExpAvgSq} {
		v, ok := d.Get(key).(*View)
		if !ok {
			return m, fmt.Errorf("parameter %d has no %s: the optimiser is neither Adam nor AdamW", id, key)
		}
		if *to, err = f.read(v); err != nil {
			return m, fmt.Errorf("parameter %d: %s: %w", id, key, err)
		}
	}
	if m.Step, err = f.stepOf(d.Get("step")); err != nil {
		return m, fmt.Errorf("parameter %d: %w", id, err)
	}
	return m, nil
}

// stepOf reads a number of steps, which was an int until PyTorch 1.11 and is a
// tensor since.
func (f *File) stepOf(v any) (int, error) {
	switch v := v.(type) {
	case int64:
		return int(v), nil
	case *View:
		if n, err := arrays.Elements(v.Shape); err != nil || n != 1 {
			return 0, fmt.Errorf("step has shape %v, want one number", v.Shape)
		}
		t, err := f.read(v)
		if err != nil {
			return 0, fmt.Errorf("step: %w", err)
		}
		values, err := t.Float32s()
		if err != nil {
			return 0, fmt.Errorf("step: %w", err)
		}
		if !(values[0] >= 0 && values[0] < 1<<31) {
			return 0, fmt.Errorf("step is %v", values[0])
		}
		return int(values[0]), nil
	}
	return 0, fmt.Errorf("step is a %s", kindOf(v))
}

// State is a as torch.save keeps it: AdamW's state dict, which its
// load_state_dict takes.
func (a Adam) State() *Dict {
	state, ids := &Dict{}, &List{}
	for i, m := range a.Moments {
		id := int64(i)
		ids.Items = append(ids.Items, id)
		kept := &Dict{}
		kept.Set("step", Float32([]float32{float32(m.Step)}))
		kept.Set("exp_avg", m.ExpAvg)
		kept.Set("exp_avg_sq", m.ExpAvgSq)
		state.Set(id, kept)
	}
	group := &Dict{}
	group.Set("lr", a.LR)
	group.Set("betas", Tuple{a.Beta1, a.Beta2})
	group.Set("eps", a.Eps)
	group.Set("weight_decay", a.WeightDecay)
	for _, off := range []string{"amsgrad", "maximize", "capturable", "differentiable"} {
		group.Set(off, false)
	}
	group.Set("foreach", nil)
	group.Set("fused", nil)
	group.Set("params", ids)
	d := &Dict{}
	d.Set("state", state)
	d.Set("param_groups", &List{Items: []any{group}})
	return d
}
