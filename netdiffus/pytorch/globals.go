package pytorch

import (
	"errors"
	"fmt"
	"strings"
)

// global is something that a pickle names and may call: one of known.
type global struct{ module, name string }

func (g global) String() string { return g.module + "." + g.name }

// A callable makes a value of the arguments that the pickle gives it.
type callable func(m *machine, args Tuple) (any, error)

// known is the allow-list. A nil callable may be named, not called: classes of
// storages, which have the type of their values, and classes of tensors.
var known = func() map[global]callable {
	k := map[global]callable{
		{"collections", "OrderedDict"}:                    newDict,
		{"collections", "defaultdict"}:                    newDict,
		{"argparse", "Namespace"}:                         newDict, // its fields come by BUILD
		{"torch", "Size"}:                                 newTuple,
		{"torch", "device"}:                               newTuple,
		{"torch._utils", "_rebuild_tensor"}:               rebuildTensor,
		{"torch._utils", "_rebuild_tensor_v2"}:            rebuildTensor,
		{"torch._utils", "_rebuild_tensor_v3"}:            rebuildTensor3,
		{"torch._utils", "_rebuild_parameter"}:            rebuildParameter,
		{"torch._utils", "_rebuild_parameter_with_state"}: rebuildParameter,
		{"torch._tensor", "_rebuild_from_type_v2"}:        rebuildFromType,
		{"torch", "Tensor"}:                               nil,
		{"torch.nn.parameter", "Parameter"}:               nil,
		{"torch.storage", "UntypedStorage"}:               nil,
	}
	for _, set := range []string{"set", "frozenset", "list"} {
		k[global{"builtins", set}], k[global{"__builtin__", set}] = newList, newList
	}
	for _, class := range []string{"dict", "int", "float", "str", "bool", "object"} {
		k[global{"builtins", class}], k[global{"__builtin__", class}] = nil, nil
	}
	for class := range storageTypes {
		k[global{"torch", class}], k[global{"torch.cuda", class}] = nil, nil
	}
	for dtype := range dtypeNames {
		k[global{"torch", dtype}] = nil
	}
	return k
}()

// storageTypes are PyTorch's classes of storages.
var storageTypes = map[string]string{
	"DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
	"LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
	"ByteStorage": "U8", "BoolStorage": "BOOL",
}

// dtypeNames are PyTorch's names of types.
var dtypeNames = map[string]string{
	"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16",
	"int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
	"uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}

// global pushes what module and name stand for, if they are on the list.
func (m *machine) global(module, name string) error {
	g := global{module, name}
	if _, ok := known[g]; ok {
		return m.push(g)
	}
	switch {
	case module == "torch" && strings.HasSuffix(name, "Storage"):
		return fmt.Errorf("values of type %.80q cannot be read", g)
	case module == "torch.storage" && name == "_load_from_bytes":
		return fmt.Errorf("%s would unpickle again; save the state dict's tensors themselves", g)
	}
	return fmt.Errorf("%.80q is refused: a checkpoint may hold tensors and plain containers, and nothing of it is run (save model.state_dict(), not the model)", g)
}

// call is what REDUCE and NEWOBJ do: function(args).
func (m *machine) call(function, args any) (any, error) {
	g, ok := function.(global)
	if !ok {
		return nil, fmt.Errorf("a call of a %s", kindOf(function))
	}
	list, ok := args.(Tuple)
	if !ok {
		return nil, fmt.Errorf("%s is called with a %s, want a tuple", g, kindOf(args))
	}
	build := known[g]
	if build == nil {
		return nil, fmt.Errorf("%s is called", g)
	}
	value, err := build(m, list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g, err)
	}
	return value, nil
}

// build is what BUILD does: it sets an object's fields. A state dict's only
// field is _metadata, the versions of the modules, and is left out; a
// Namespace is its fields.
func (m *machine) build(object, state any) error {
	d, ok := object.(*Dict)
	if !ok {
		return fmt.Errorf("fields for a %s", kindOf(object))
	}
	fields, ok := state.(*Dict)
	if !ok {
		return fmt.Errorf("fields that are a %s, want a dict", kindOf(state))
	}
	if fields.Get("_metadata") != nil || fields == d {
		return nil
	}
	if err := m.mem.spend(int64(len(fields.Items)) * costItem); err != nil {
		return err
	}
	for _, item := range fields.Items {
		d.Set(item.Key, item.Value)
	}
	return nil
}

// newDict makes a dict, of the pairs that the last argument lists, if any (the
// form that OrderedDict had in Python 2).
func newDict(m *machine, args Tuple) (any, error) {
	d := &Dict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[len(args)-1].(*List)
	if !ok {
		return d, nil
	}
	for _, p := range pairs.Items {
		var pair []any
		switch p := p.(type) {
		case Tuple:
			pair = p
		case *List:
			pair = p.Items
		}
		if len(pair) != 2 {
			return nil, errors.New("want pairs of key and value")
		}
		if err := m.setItems(d, pair); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func newTuple(_ *machine, args Tuple) (any, error) {
	if len(args) == 1 {
		if inner, ok := args[0].(Tuple); ok {
			return inner, nil
		}
	}
	return args, nil
}

// newList makes a list or set of its argument's elements.
func newList(m *machine, args Tuple) (any, error) {
	l := &List{}
	if len(args) == 0 {
		return l, nil
	}
	switch from := args[0].(type) {
	case *List:
		l.Items = append(l.Items, from.Items...)
	case Tuple:
		l.Items = append(l.Items, from...)
	default:
		return nil, fmt.Errorf("of a %s", kindOf(from))
	}
	return l, m.mem.spend(int64(len(l.Items)) * costSlot)
}

// rebuildTensor makes a view of (storage, offset, size, stride, requires_grad,
// backward_hooks, metadata), of which the last three may be missing.
func rebuildTensor(_ *machine, args Tuple) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("%d arguments, want at least 4", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("a tensor over a %s, want a storage", kindOf(args[0]))
	}
	if s.dtype == "" {
		return nil, errors.New("a tensor over a storage without a type")
	}
	return newView(s, s.dtype, args)
}

// rebuildTensor3 has a type at position 6, for a storage of bytes, and then
// the metadata.
func rebuildTensor3(_ *machine, args Tuple) (any, error) {
	if len(args) < 7 {
		return nil, fmt.Errorf("%d arguments, want at least 7", len(args))
	}
	s, ok := args[0].(*storage)
	class, isClass := args[6].(global)
	dtype := dtypeNames[class.name]
	if !ok || !isClass || dtype == "" {
		return nil, errors.New("want a storage and a type")
	}
	return newView(s, dtype, append(args[:6:6], args[7:]...))
}

// rebuildParameter makes the tensor of (tensor, requires_grad, hooks, …).
func rebuildParameter(_ *machine, args Tuple) (any, error) {
	if len(args) > 0 {
		if v, ok := args[0].(*View); ok {
			return v, nil
		}
	}
	return nil, errors.New("want a tensor")
}

// rebuildFromType makes the tensor of (function, class, args, state).
func rebuildFromType(m *machine, args Tuple) (any, error) {
	if len(args) < 3 {
		return nil, fmt.Errorf("%d arguments, want 4", len(args))
	}
	g, _ := args[0].(global)
	inner, ok := args[2].(Tuple)
	if !ok {
		return nil, fmt.Errorf("arguments that are a %s, want a tuple", kindOf(args[2]))
	}
	switch g {
	case global{"torch._utils", "_rebuild_tensor_v2"}:
		return rebuildTensor(m, inner)
	case global{"torch._utils", "_rebuild_parameter"}:
		return rebuildParameter(m, inner)
	}
	return nil, fmt.Errorf("a tensor made by a %s", kindOf(args[0]))
}
