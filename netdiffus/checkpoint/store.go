package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// safetensors' names of GoMLX's types.
var dtypeNames = map[dtypes.DType]string{
	dtypes.Float64: "F64", dtypes.Float32: "F32", dtypes.Float16: "F16", dtypes.BFloat16: "BF16",
	dtypes.Int64: "I64", dtypes.Int32: "I32", dtypes.Int16: "I16", dtypes.Int8: "I8",
	dtypes.Uint64: "U64", dtypes.Uint32: "U32", dtypes.Uint16: "U16", dtypes.Uint8: "U8", dtypes.Bool: "BOOL",
}

var dtypeOf = func() map[string]dtypes.DType {
	inverse := make(map[string]dtypes.DType, len(dtypeNames))
	for d, name := range dtypeNames {
		inverse[name] = d
	}
	return inverse
}()

// FromStore copies the variables below the path under ("/ema/0.9999"; "/" is
// all) to the host. A tensor is called like its variable's path below under,
// with dots: /model/out/2/bias under "/model" is "out.2.bias".
func FromStore(store *model.Store, under string) (Tensors, error) {
	t := Tensors{}
	for v := range store.IterVariables() {
		name, below := tensorName(v.Path(), under)
		if !below {
			continue
		}
		value, err := v.Value()
		if err == nil {
			t[name], err = fromDevice(value)
		}
		if err != nil {
			return nil, fmt.Errorf("checkpoint: variable %s: %w", v.Path(), err)
		}
	}
	return t, nil
}

// ToStore sets the variables below the path under to t, the inverse of
// FromStore. The variables must be there, and the two must agree in names,
// types and shapes; otherwise nothing is set and the error names the
// differences.
func ToStore(store *model.Store, under string, t Tensors) error {
	values := make(map[*model.Variable]*tensors.Tensor, len(t))
	var missing, unknown []string
	known := map[string]bool{}
	for v := range store.IterVariables() {
		name, below := tensorName(v.Path(), under)
		if !below {
			continue
		}
		known[name] = true
		tensor, there := t[name]
		if !there {
			missing = append(missing, name)
			continue
		}
		value, err := toDevice(tensor)
		if err == nil && !value.Shape().Equal(v.Shape()) {
			err = fmt.Errorf("the checkpoint has %s, the model needs %s", value.Shape(), v.Shape())
		}
		if err != nil {
			return fmt.Errorf("checkpoint: tensor %q: %w", name, err)
		}
		values[v] = value
	}
	for name := range t {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if len(missing)+len(unknown) > 0 {
		return fmt.Errorf("checkpoint: it does not fit the model below %s:%s%s", under,
			listed(" it lacks", missing), listed(" the model has no", unknown))
	}
	for v, value := range values {
		if err := v.SetValue(value); err != nil {
			return fmt.Errorf("checkpoint: variable %s: %w", v.Path(), err)
		}
	}
	return nil
}

// tensorName turns a variable's path into a tensor's name, if it lies below
// under.
func tensorName(path, under string) (name string, below bool) {
	prefix := "/" + strings.Trim(under, "/") + "/"
	if prefix == "//" {
		prefix = "/"
	}
	rest, below := strings.CutPrefix(path, prefix)
	return strings.ReplaceAll(rest, "/", "."), below && rest != ""
}

// listed shows at most three of names, sorted.
func listed(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	text := fmt.Sprintf("%s %q", what, names[:min(3, len(names))])
	if more := len(names) - 3; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func fromDevice(value *tensors.Tensor) (Tensor, error) {
	shape := value.Shape()
	dtype, known := dtypeNames[shape.DType]
	if !known {
		return Tensor{}, fmt.Errorf("type %s has no name in safetensors", shape.DType)
	}
	t := Tensor{DType: dtype, Shape: slices.Clone(shape.Dimensions)}
	err := value.ConstBytes(func(data []byte) { t.Data = slices.Clone(data) })
	return t, errors.Join(err, t.check())
}

func toDevice(t Tensor) (*tensors.Tensor, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	dtype, known := dtypeOf[t.DType]
	if !known {
		return nil, fmt.Errorf("type %s is not one of GoMLX's", t.DType)
	}
	value := tensors.FromShape(shapes.Make(dtype, t.Shape...))
	err := value.MutableBytes(func(data []byte) { copy(data, t.Data) })
	return value, err
}
