package npz

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// chunk is how many bytes of data are converted at a time.
const chunk = 64 << 10

// readBody reads the elements that h announces. At most trust elements are
// allocated before their data have been seen, so that a small file that
// announces much costs little.
func readBody(r io.Reader, h header, trust int) (Array, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if h.big {
		order = binary.BigEndian
	}
	a := Array{Shape: h.shape, dtype: h.dtype}
	var err error
	switch h.dtype {
	case "b1":
		a.data, err = elements(r, h, trust, func(b []byte) bool { return b[0] != 0 })
	case "i1":
		a.data, err = elements(r, h, trust, func(b []byte) int8 { return int8(b[0]) })
	case "u1":
		a.data, err = elements(r, h, trust, func(b []byte) uint8 { return b[0] })
	case "i2":
		a.data, err = elements(r, h, trust, func(b []byte) int16 { return int16(order.Uint16(b)) })
	case "u2":
		a.data, err = elements(r, h, trust, order.Uint16)
	case "f2":
		a.data, err = elements(r, h, trust, func(b []byte) float32 { return arrays.FromHalf(order.Uint16(b)) })
	case "i4":
		a.data, err = elements(r, h, trust, func(b []byte) int32 { return int32(order.Uint32(b)) })
	case "u4":
		a.data, err = elements(r, h, trust, order.Uint32)
	case "f4":
		a.data, err = elements(r, h, trust, func(b []byte) float32 { return math.Float32frombits(order.Uint32(b)) })
	case "i8":
		a.data, err = elements(r, h, trust, func(b []byte) int64 { return int64(order.Uint64(b)) })
	case "u8":
		a.data, err = elements(r, h, trust, order.Uint64)
	case "f8":
		a.data, err = elements(r, h, trust, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) })
	}
	return a, err
}

// elements reads h.elements() of them with one, which takes the bytes of one.
func elements[T Element](r io.Reader, h header, trust int, one func([]byte) T) ([]T, error) {
	n, size := h.elements(), h.size()
	out := make([]T, 0, min(n, trust))
	buffer := make([]byte, min(n*size, chunk))
	for len(out) < n {
		b := buffer[:min(len(buffer), (n-len(out))*size)]
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, truncated(err)
		}
		for ; len(b) > 0; b = b[size:] {
			out = append(out, one(b))
		}
	}
	if h.fortran && len(h.shape) > 1 {
		out = rowMajor(out, h.shape)
	}
	return out, nil
}

// rowMajor reorders column-major data.
func rowMajor[T Element](data []T, shape []int) []T {
	out := make([]T, len(data))
	index := make([]int, len(shape)) // of the element of out, row-major
	strides := make([]int, len(shape))
	stride := 1
	for d, size := range shape {
		strides[d] = stride
		stride *= size
	}
	from := 0
	for i := range out {
		out[i] = data[from]
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			from += strides[d]
			if index[d] < shape[d] {
				break
			}
			from -= index[d] * strides[d]
			index[d] = 0
		}
	}
	return out
}

// appendBody adds the elements' bytes, little-endian.
func appendBody(b []byte, data any) []byte {
	switch d := data.(type) {
	case []bool:
		for _, v := range d {
			if v {
				b = append(b, 1)
			} else {
				b = append(b, 0)
			}
		}
	case []int8:
		for _, v := range d {
			b = append(b, byte(v))
		}
	case []uint8:
		b = append(b, d...)
	case []int16:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
	case []uint16:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
	case []int32:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
	case []uint32:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	case []float32:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	case []int64:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		}
	case []uint64:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	case []float64:
		for _, v := range d {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b
}
