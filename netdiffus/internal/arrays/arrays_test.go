package arrays

import (
	"math"
	"testing"
)

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  int
		ok    bool
	}{
		{nil, 1, true},
		{[]int{2, 3, 4}, 24, true},
		{[]int{5, 0, 7}, 0, true},
		{[]int{1 << 40, 0}, 0, true},
		{[]int{1 << 40, 1 << 40}, 0, false},
		{[]int{1 << 40, 1 << 40, 0}, 0, false}, // zeros do not excuse the rest
		{[]int{-1, 2}, 0, false},
		{make([]int, 65), 0, false},
	} {
		if n, err := Elements(c.shape); n != c.want || (err == nil) != c.ok {
			t.Errorf("Elements(%v) = %d, %v; want %d", c.shape, n, err, c.want)
		}
	}
}

// Every finite half is a multiple of 2^-24; the bits say which.
func TestFromHalf(t *testing.T) {
	for b := range 1 << 16 {
		exponent, fraction := b>>10&31, b&1023
		got := float64(FromHalf(uint16(b)))
		if exponent == 31 {
			if (fraction == 0) != math.IsInf(got, 0) || (fraction != 0) != math.IsNaN(got) {
				t.Errorf("FromHalf(%#04x) = %v", b, got)
			}
			continue
		}
		want := float64(fraction) * 0x1p-24
		if exponent > 0 {
			want = float64(1024+fraction) * math.Pow(2, float64(exponent-25))
		}
		if b>>15 == 1 {
			want = -want
		}
		if got != want || math.Signbit(got) != (b>>15 == 1) {
			t.Errorf("FromHalf(%#04x) = %v, want %v", b, got, want)
		}
	}
}
