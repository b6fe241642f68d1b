// Package npz reads and writes n-dimensional arrays in NumPy's .npy files and
// in .npz archives of them.
//
// Reading is for files from anywhere: whatever they hold, there is an array or
// an error, never a panic, and no allocation that the file's own size does not
// warrant. All real types and booleans are read, in both byte orders, row-major
// and column-major, from versions 1 to 3 of the format, stored or deflated.
// Writing is as np.savez does it.
package npz

import (
	"fmt"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// Element is what an array can hold. NumPy's float16 is read as float32.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// Array is an n-dimensional array, row-major. Its zero value holds nothing;
// New makes one of values, File.Read reads one.
type Array struct {
	Shape []int // none for a single number (NumPy's 0-d arrays)
	dtype string
	data  any // []T of an Element T
}

// New returns the array of the values in data, row-major, which it keeps (no
// copy). Without a shape it has one dimension. It panics when the shape holds
// another number of values.
func New[T Element](data []T, shape ...int) Array {
	if shape == nil {
		shape = []int{len(data)}
	}
	if n, err := arrays.Elements(shape); err != nil || n != len(data) {
		panic(fmt.Sprintf("npz: New: %d values in shape %v", len(data), shape))
	}
	return Array{Shape: shape, dtype: dtypeOf[T](), data: data}
}

// DType is the elements' type in NumPy's short form, without byte order:
// "f8", "f4", "f2", "i8" … "u1", "b1".
func (a Array) DType() string { return a.dtype }

// Len is the number of elements.
func (a Array) Len() int {
	n, _ := arrays.Elements(a.Shape)
	if a.data == nil {
		return 0
	}
	return n
}

// Values returns the elements, row-major, as the type the array holds, not
// copied; ok is false when that is another type than T.
func Values[T Element](a Array) (values []T, ok bool) {
	values, ok = a.data.([]T)
	return values, ok
}

// Floats returns the elements as float64, not copied when that is what the
// array holds. Whole numbers beyond 2^53 are rounded; booleans are 0 and 1.
func (a Array) Floats() []float64 {
	switch d := a.data.(type) {
	case []float64:
		return d
	case []float32:
		return numbers[float64](d)
	case []int8:
		return numbers[float64](d)
	case []int16:
		return numbers[float64](d)
	case []int32:
		return numbers[float64](d)
	case []int64:
		return numbers[float64](d)
	case []uint8:
		return numbers[float64](d)
	case []uint16:
		return numbers[float64](d)
	case []uint32:
		return numbers[float64](d)
	case []uint64:
		return numbers[float64](d)
	case []bool:
		out := make([]float64, len(d))
		for i, set := range d {
			if set {
				out[i] = 1
			}
		}
		return out
	}
	return nil
}

// Float32s returns the elements rounded to float32, not copied when that is
// what the array holds.
func (a Array) Float32s() []float32 {
	if d, ok := a.data.([]float32); ok {
		return d
	}
	return numbers[float32](a.Floats())
}

// Ints returns the elements as int64, not copied when that is what the array
// holds. It fails when one is no whole number of that range.
func (a Array) Ints() ([]int64, error) {
	switch d := a.data.(type) {
	case []int64:
		return d, nil
	case []uint64:
		for i, v := range d {
			if v > math.MaxInt64 {
				return nil, fmt.Errorf("npz: element %d is %d, beyond int64", i, v)
			}
		}
		return numbers[int64](d), nil
	}
	floats := a.Floats() // exact: all other types fit float64
	out := make([]int64, len(floats))
	for i, v := range floats {
		if !(v >= math.MinInt64 && v < -math.MinInt64) || v != math.Trunc(v) {
			return nil, fmt.Errorf("npz: element %d is %v, not a whole number", i, v)
		}
		out[i] = int64(v)
	}
	return out, nil
}

func numbers[To, From int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64](d []From) []To {
	out := make([]To, len(d))
	for i, v := range d {
		out[i] = To(v)
	}
	return out
}

// dtypeOf is T's type in NumPy's short form.
func dtypeOf[T Element]() string {
	var zero T
	switch any(zero).(type) {
	case bool:
		return "b1"
	case int8:
		return "i1"
	case int16:
		return "i2"
	case int32:
		return "i4"
	case int64:
		return "i8"
	case uint8:
		return "u1"
	case uint16:
		return "u2"
	case uint32:
		return "u4"
	case uint64:
		return "u8"
	case float32:
		return "f4"
	}
	return "f8"
}
