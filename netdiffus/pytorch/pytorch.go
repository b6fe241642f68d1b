// Package pytorch reads and writes PyTorch's checkpoints: the files that
// torch.save makes, of state dicts and of optimisers.
//
// Such a file is a pickle, which is a program. It is not run here: a small
// machine of our own (pickle.go) builds plain containers and tensors from it
// and refuses everything else by name (globals.go). Whatever a file holds,
// reading gives a value or an error, never a panic, and memory stays within
// what the file's size warrants.
package pytorch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// Tensor is a tensor on the host. It has the fields of checkpoint.Tensor, so
// that one converts to the other; Data may be shared with other tensors.
type Tensor struct {
	DType string // "F32", "F64", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"; "U16", "U32", "U64" are only read
	Shape []int  // nil or empty is a scalar
	Data  []byte // row-major, little-endian
}

// Named is a tensor and its name in a state dict.
type Named struct {
	Name string
	Tensor
}

// The containers of a checkpoint. Besides these a value is nil, a bool, int64,
// float64, string, []byte or, in a file that was read, a *View.
type (
	// List is a list or a set.
	List struct{ Items []any }
	// Tuple is a tuple; it is not changed once it is made.
	Tuple []any
	// Item is an entry of a Dict.
	Item struct{ Key, Value any }
)

// Dict is a dict or OrderedDict, in its own order.
type Dict struct {
	Items []Item
	index map[any]int // of keys that are comparable
}

// Set sets the value of key, in the place it has or at the end.
func (d *Dict) Set(key, value any) {
	switch key.(type) {
	case string, int64, float64, bool, nil:
		if at, ok := d.index[key]; ok {
			d.Items[at].Value = value
			return
		}
		if d.index == nil {
			d.index = map[any]int{}
		}
		d.index[key] = len(d.Items)
	}
	d.Items = append(d.Items, Item{key, value})
}

// Get returns the value of key, a string, int64, float64, bool or nil; nil
// where there is none.
func (d *Dict) Get(key any) any {
	if at, ok := d.index[key]; ok {
		return d.Items[at].Value
	}
	return nil
}

// dtypeBytes is the size of one value of each type.
var dtypeBytes = map[string]int{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1,
	"U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// Float32 makes a tensor of float32 values, row-major in shape.
func Float32(values []float32, shape ...int) Tensor {
	t := Tensor{DType: "F32", Shape: shape, Data: make([]byte, 0, 4*len(values))}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

// Float32s returns the values as float32: exactly, but for float64, which is
// rounded. It fails for types that are no floats.
func (t Tensor) Float32s() ([]float32, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	width := dtypeBytes[t.DType]
	values := make([]float32, len(t.Data)/width)
	var read func(b []byte) float32
	switch t.DType {
	case "F32":
		read = func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case "F64":
		read = func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	case "F16":
		read = func(b []byte) float32 { return arrays.FromHalf(binary.LittleEndian.Uint16(b)) }
	case "BF16":
		read = func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }
	default:
		return nil, fmt.Errorf("pytorch: values of type %s are no floats", t.DType)
	}
	for i := range values {
		values[i] = read(t.Data[i*width:])
	}
	return values, nil
}

// check reports whether type, shape and data agree.
func (t Tensor) check() error {
	width, known := dtypeBytes[t.DType]
	if !known {
		return fmt.Errorf("pytorch: unknown type %q", t.DType)
	}
	n, err := arrays.Elements(t.Shape)
	if err == nil && (n > math.MaxInt/8 || n*width != len(t.Data)) {
		err = fmt.Errorf("pytorch: %s %v takes %d values, the data has %d bytes", t.DType, t.Shape, n, len(t.Data))
	}
	return err
}

// errMemory is the error of a file that would take more memory than its size
// warrants.
var errMemory = errors.New("it needs more memory than a file of this size warrants")

// budget is the memory that reading a file may still take, bytes.
type budget int64

// A file may take freeBytes and sizeFactor times its size, in all that is
// allocated for it; with what the collector needs that stays below 64 MiB and
// eight times the size.
const (
	freeBytes  = 16 << 20
	sizeFactor = 4
)

func newBudget(fileSize int64) *budget {
	b := budget(freeBytes + sizeFactor*fileSize)
	return &b
}

// spend takes n bytes from b.
func (b *budget) spend(n int64) error {
	if n < 0 || n > int64(*b) {
		return errMemory
	}
	*b -= budget(n)
	return nil
}
