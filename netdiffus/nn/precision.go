package nn

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Precision is the type that the layers of a network compute in.
type Precision string

const (
	Float32 Precision = "float32" // what "" means
	// BF16 is bfloat16, for products and for what passes between layers; weights,
	// their gradients, and what happens within norms and softmax stay float32 (Micikevicius
	// et al. 2018, "Mixed precision training"; bfloat16 has float32's range, so that losses
	// need no scale).
	BF16 Precision = "bf16"
)

// Check reports a precision that there is not.
func (p Precision) Check() error {
	switch p {
	case "", Float32, BF16:
		return nil
	}
	return fmt.Errorf("nn: no precision %q: want %s or %s", string(p), Float32, BF16)
}

// precisionKey is the parameter of a store that holds its networks' Precision.
const precisionKey = "netdiffus_precision"

// SetPrecision has the networks whose weights are in store compute in p on b. It fails
// where b cannot. Graphs that were built before stay as they are.
func SetPrecision(b compute.Backend, store *model.Store, p Precision) error {
	if err := p.Check(); err != nil {
		return err
	}
	if p == BF16 && !b.Capabilities().DTypes[dtypes.BFloat16] {
		return errors.New("nn: the device " + b.Name() + " does not compute in bfloat16: use " + string(Float32))
	}
	store.RootScope().SetParam(precisionKey, p)
	return nil
}

// Narrow returns x in the type that the networks of scope's store compute in
// (SetPrecision). A network narrows what it is given, its layers compute in the type of
// what they are given, and it widens its results. This alone decides the type.
func Narrow(scope *model.Scope, x *Node) *Node {
	if model.GetParamOr(scope, precisionKey, Float32) == BF16 {
		return ConvertDType(x, dtypes.BFloat16)
	}
	return x
}

// Widen returns x as float32.
func Widen(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

// like returns x in the type of y.
func like(x, y *Node) *Node { return ConvertDType(x, y.DType()) }

// addBias returns y + bias over the last axis, in y's type. The sum is float32's, so that the bias's
// gradient, a sum over the batch, is too.
func addBias(y, bias *Node) *Node {
	return like(Add(Widen(y), ExpandLeftToRank(bias, y.Rank())), y)
}
