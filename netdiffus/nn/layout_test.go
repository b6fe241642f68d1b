package nn

import (
	"slices"
	"testing"
)

// A 2x1 kernel from 2 channels to 3: the element of out o, in i, row k is 100·o +
// 10·i + k in PyTorch's order.
func TestPyTorchLayouts(t *testing.T) {
	for _, c := range []struct {
		kind        Kind
		shape       []int
		torchShape  []int
		torch, ours []float32
	}{
		{Vector, []int{3}, []int{3}, []float32{1, 2, 3}, []float32{1, 2, 3}},
		{Table, []int{2, 2}, []int{2, 2}, []float32{1, 2, 3, 4}, []float32{1, 2, 3, 4}},
		{Matrix, []int{2, 3}, []int{3, 2}, []float32{0, 10, 100, 110, 200, 210}, []float32{0, 100, 200, 10, 110, 210}},
		{Kernel1D, []int{2, 3}, []int{3, 2, 1}, []float32{0, 10, 100, 110, 200, 210}, []float32{0, 100, 200, 10, 110, 210}},
		{Kernel2D, []int{2, 1, 2, 3}, []int{3, 2, 2, 1},
			[]float32{0, 1, 10, 11, 100, 101, 110, 111, 200, 201, 210, 211},
			[]float32{0, 100, 200, 10, 110, 210, 1, 101, 201, 11, 111, 211}},
	} {
		p := Param{Name: "a/0/weight", Kind: c.kind, Shape: c.shape}
		if got := p.PyTorchShape(); !slices.Equal(got, c.torchShape) {
			t.Errorf("kind %d: PyTorchShape() = %v, want %v", c.kind, got, c.torchShape)
		}
		if got := p.FromPyTorch(c.torch); !slices.Equal(got, c.ours) {
			t.Errorf("kind %d: FromPyTorch(%v) = %v, want %v", c.kind, c.torch, got, c.ours)
		}
		if got := p.ToPyTorch(c.ours); !slices.Equal(got, c.torch) {
			t.Errorf("kind %d: ToPyTorch(%v) = %v, want %v", c.kind, c.ours, got, c.torch)
		}
	}
}
