// Package arrays holds what every reader of arrays from foreign files needs:
// the number of elements of a shape that may lie, and half precision.
package arrays

import (
	"fmt"
	"math"
	"math/bits"
)

// MaxDims is NumPy's own limit and PyTorch's.
const MaxDims = 64

// Elements is the number of elements of a shape. It fails on too many
// dimensions, on negative ones, and on those that, zeros left out, multiply to
// more than an int.
func Elements(shape []int) (int, error) {
	if len(shape) > MaxDims {
		return 0, fmt.Errorf("%d dimensions, want at most %d", len(shape), MaxDims)
	}
	n, empty := uint64(1), false
	for _, size := range shape {
		switch {
		case size < 0:
			return 0, fmt.Errorf("shape %v has a negative size", shape)
		case size == 0:
			empty = true
			continue
		}
		high, low := bits.Mul64(n, uint64(size))
		if high != 0 || low > math.MaxInt {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
		n = low
	}
	if empty {
		return 0, nil
	}
	return int(n), nil
}

// FromHalf widens an IEEE 754 binary16 number.
func FromHalf(b uint16) float32 {
	sign := uint32(b>>15) << 31
	exponent, fraction := uint32(b>>10)&31, uint32(b)&1023
	switch exponent {
	case 0: // zero and subnormal: fraction x 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24)))
	case 31: // infinity and NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
