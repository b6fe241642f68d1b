package nn

import "strings"

// PyTorchName returns the parameter's name in a PyTorch state dict:
// "input_blocks.0.0.weight" for "input_blocks/0/0/weight".
func (p Param) PyTorchName() string { return strings.ReplaceAll(p.Name, "/", ".") }

// PyTorchShape returns the parameter's shape in a PyTorch state dict.
func (p Param) PyTorchShape() []int {
	s := p.Shape
	switch p.Kind {
	case Matrix:
		return []int{s[1], s[0]}
	case Kernel1D:
		return []int{s[1], s[0], 1}
	case Kernel2D:
		return []int{s[3], s[2], s[0], s[1]}
	}
	return s
}

// FromPyTorch converts values, row-major in PyTorchShape, to this package's layout,
// row-major in Shape. len(values) must be Size.
func (p Param) FromPyTorch(values []float32) []float32 {
	to := make([]float32, len(values))
	p.eachIndex(func(ours, theirs int) { to[ours] = values[theirs] })
	return to
}

// ToPyTorch converts values, row-major in Shape, to PyTorch's layout, row-major in
// PyTorchShape. len(values) must be Size.
func (p Param) ToPyTorch(values []float32) []float32 {
	to := make([]float32, len(values))
	p.eachIndex(func(ours, theirs int) { to[theirs] = values[ours] })
	return to
}

// eachIndex calls visit with the index of each element in this package's layout and
// in PyTorch's.
func (p Param) eachIndex(visit func(ours, theirs int)) {
	// With space the number of the kernel's positions, every kind is [space,in,out]
	// here and [out,in,space] in PyTorch. Vector and Table, whose order is the same
	// in both, have in = out = 1.
	space, in, out := p.Size(), 1, 1
	switch s := p.Shape; p.Kind {
	case Matrix, Kernel1D:
		space, in, out = 1, s[0], s[1]
	case Kernel2D:
		space, in, out = s[0]*s[1], s[2], s[3]
	}
	for k := range space {
		for i := range in {
			for o := range out {
				visit((k*in+i)*out+o, (o*in+i)*space+k)
			}
		}
	}
}
