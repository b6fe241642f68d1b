package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Tensor is an n-dimensional array on the host, as safetensors stores it.
type Tensor struct {
	DType string // "F32", "F64", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"
	Shape []int  // nil or empty is a scalar
	Data  []byte // row-major, little-endian
}

// Tensors is a set of tensors by name. The same set always gives the same file.
type Tensors map[string]Tensor

// dtypeBytes is the size of one value of each type.
var dtypeBytes = map[string]int{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1,
	"U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// Float32 makes a tensor of float32 values; their number must fit the shape.
func Float32(values []float32, shape ...int) (Tensor, error) {
	t := Tensor{DType: "F32", Shape: slices.Clone(shape), Data: make([]byte, 4*len(values))}
	for i, v := range values {
		binary.LittleEndian.PutUint32(t.Data[4*i:], math.Float32bits(v))
	}
	return t, t.check()
}

// Float32s returns the values of a tensor of type F32.
func (t Tensor) Float32s() ([]float32, error) {
	if t.DType != "F32" {
		return nil, fmt.Errorf("checkpoint: tensor holds %s, want F32", t.DType)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	values := make([]float32, len(t.Data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return values, nil
}

// check reports whether type, shape and data agree.
func (t Tensor) check() error {
	want, err := byteSize(t.DType, t.Shape)
	if err == nil && want != int64(len(t.Data)) {
		err = fmt.Errorf("%s %v takes %d bytes, the data has %d", t.DType, t.Shape, want, len(t.Data))
	}
	return err
}

// byteSize returns what a tensor of the type and shape takes, or an error where
// the type is unknown, a dimension negative or the product too large.
func byteSize(dtype string, shape []int) (int64, error) {
	n, known := dtypeBytes[dtype]
	if !known {
		return 0, fmt.Errorf("unknown type %q", dtype)
	}
	size := int64(n)
	for _, dim := range shape {
		switch {
		case dim < 0:
			return 0, fmt.Errorf("negative dimension in %v", shape)
		case dim == 0:
			size = 0
		case size > math.MaxInt64/int64(dim):
			return 0, fmt.Errorf("shape %v is too large", shape)
		default:
			size *= int64(dim)
		}
	}
	return size, nil
}
