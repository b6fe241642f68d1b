package pytorch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// modelKeys are the keys that checkpoints keep a state dict below, the first
// that is there is taken.
var modelKeys = []string{"model", "state_dict", "model_state_dict", "module", "net", "ema"}

// StateDict reads the tensors of the state dict that the file holds, at its
// root or below one of the usual keys ("model", "state_dict"), in the file's
// order. Entries that are no tensors are left out, and so is the prefix
// "module." of a model trained on several devices.
func (f *File) StateDict() ([]Named, error) {
	d, err := f.stateDict()
	if err != nil {
		return nil, fmt.Errorf("pytorch: %s%w", f.name, err)
	}
	const prefix = "module."
	bare := func(name string) string { return name }
	if all(d, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
		bare = func(name string) string { return strings.TrimPrefix(name, prefix) }
	}
	var list []Named
	for _, item := range d.Items {
		name, _ := item.Key.(string)
		v, ok := item.Value.(*View)
		if !ok {
			continue
		}
		t, err := f.read(v)
		if err != nil {
			return nil, fmt.Errorf("pytorch: %stensor %.80q: %w", f.name, name, err)
		}
		list = append(list, Named{bare(name), t})
	}
	return list, nil
}

// all reports whether every tensor's name passes.
func all(d *Dict, pass func(name string) bool) bool {
	return !slices.ContainsFunc(d.Items, func(item Item) bool {
		name, _ := item.Key.(string)
		_, isTensor := item.Value.(*View)
		return isTensor && !pass(name)
	})
}

// stateDict finds the dict of the tensors.
func (f *File) stateDict() (*Dict, error) {
	root, ok := f.Root.(*Dict)
	if !ok {
		return nil, fmt.Errorf("holds a %s, want a state dict", kindOf(f.Root))
	}
	if holdsTensors(root) {
		return root, nil
	}
	for _, key := range modelKeys {
		if d, ok := root.Get(key).(*Dict); ok && holdsTensors(d) {
			return d, nil
		}
	}
	if optimizerIn(root) != nil {
		return nil, errors.New("holds an optimiser's state, want a model's")
	}
	return nil, fmt.Errorf("holds no state dict, at its root or below one of %s; its keys are %s",
		strings.Join(modelKeys, ", "), keysOf(root))
}

// holdsTensors reports whether d is a state dict: names of tensors, and maybe
// others.
func holdsTensors(d *Dict) bool {
	return slices.ContainsFunc(d.Items, func(item Item) bool {
		_, named := item.Key.(string)
		_, isTensor := item.Value.(*View)
		return named && isTensor
	})
}

// keysOf shows some of a dict's keys.
func keysOf(d *Dict) string {
	var keys []string
	for _, item := range d.Items[:min(len(d.Items), 8)] {
		if key, ok := item.Key.(string); ok {
			keys = append(keys, fmt.Sprintf("%.40q", key))
		} else {
			keys = append(keys, kindOf(item.Key))
		}
	}
	if len(keys) < len(d.Items) {
		keys = append(keys, "…")
	}
	return strings.Join(keys, ", ")
}

// Step is the number of training steps that the file holds under
// the key "step" beside the state dict.
func (f *File) Step() (step int, ok bool) {
	root, _ := f.Root.(*Dict)
	if root == nil {
		return 0, false
	}
	n, ok := root.Get("step").(int64)
	return int(n), ok && n >= 0
}
