package pytorch

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// storage is a block of values of one type in the file.
type storage struct {
	key    string
	dtype  string // "" is bytes without a type
	values int64  // their number; bytes where there is no type
	data   []byte // nil until it is loaded

	// A part of another storage, as files of old have them, starts so many
	// values into it.
	whole *storage
	start int64
}

// bytes is the storage's size.
func (s *storage) bytes() int64 { return s.values * int64(max(dtypeBytes[s.dtype], 1)) }

// View is a tensor in a file, its values still unread: strides over a storage,
// which it may share with other tensors.
type View struct {
	DType   string
	Shape   []int
	storage *storage
	offset  int64 // values from the storage's start
	stride  []int // values
}

// newView reads (storage, offset, size, stride, requires_grad, hooks,
// metadata) and checks that all of the tensor lies in the storage.
func newView(s *storage, dtype string, args Tuple) (*View, error) {
	offset, ok := args[1].(int64)
	shape, okShape := ints(args[2])
	stride, okStride := ints(args[3])
	if !ok || !okShape || !okStride || len(shape) != len(stride) {
		return nil, fmt.Errorf("offset, size and stride are %s, %s and %s, want a whole number and two tuples of them, of one length",
			kindOf(args[1]), kindOf(args[2]), kindOf(args[3]))
	}
	if len(args) > 6 {
		if bits, ok := args[6].(*Dict); ok && (bits.Get("conj") == true || bits.Get("neg") == true) {
			return nil, errors.New("a conjugated or negated view: save it resolved")
		}
	}
	n, err := arrays.Elements(shape)
	if err != nil {
		return nil, err
	}
	v := &View{DType: dtype, Shape: shape, storage: s, offset: offset, stride: stride}
	values := s.bytes() / int64(dtypeBytes[dtype])
	last := float64(offset) // exact for any sizes that pass
	for i, size := range shape {
		if stride[i] < 0 {
			return nil, fmt.Errorf("negative stride in %v", stride)
		}
		last += float64(size-1) * float64(stride[i])
	}
	if offset < 0 || n > 0 && !(last < float64(values)) {
		return nil, fmt.Errorf("size %v, stride %v, offset %d reach beyond storage %q of %d values", shape, stride, offset, s.key, values)
	}
	if s.whole != nil {
		v.storage, v.offset = s.whole, offset+s.start
	}
	return v, nil
}

// ints reads a tuple of whole numbers.
func ints(v any) ([]int, bool) {
	var items []any
	switch v := v.(type) {
	case Tuple:
		items = v
	case *List:
		items = v.Items
	default:
		return nil, false
	}
	list := make([]int, len(items))
	for i, item := range items {
		n, ok := item.(int64)
		if !ok {
			return nil, false
		}
		list[i] = int(n)
	}
	return list, true
}

// contiguous reports whether the values lie row-major without holes.
func (v *View) contiguous() bool {
	want := 1
	for i, size := range slices.Backward(v.Shape) {
		if size != 1 && v.stride[i] != want {
			return false
		}
		want *= size
	}
	return true
}

// gather copies the view's values out of its loaded storage, row-major, into
// dst.
func (v *View) gather(dst []byte) {
	width := dtypeBytes[v.DType]
	at := make([]int, len(v.Shape))
	from := int(v.offset)
	for len(dst) > 0 {
		copy(dst[:width], v.storage.data[from*width:])
		dst = dst[width:]
		for d := len(at) - 1; d >= 0; d-- {
			at[d]++
			from += v.stride[d]
			if at[d] < v.Shape[d] {
				break
			}
			from -= at[d] * v.stride[d]
			at[d] = 0
		}
	}
}
