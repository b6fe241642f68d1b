package nn

import "strings"

// PyTorchName is the parameter's name in a PyTorch state dict:
// "input_blocks.0.0.weight" for "input_blocks/0/0/weight".
func (p Param) PyTorchName() string { return strings.ReplaceAll(p.Name, "/", ".") }

// PyTorchShape is the parameter's shape in a PyTorch state dict.
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

// FromPyTorch returns values, row-major in PyTorchShape, in this program's layout.
func (p Param) FromPyTorch(values []float32) []float32 {
	to := make([]float32, len(values))
	p.pair(func(ours, theirs int) { to[ours] = values[theirs] })
	return to
}

// ToPyTorch returns values, row-major in Shape, in PyTorch's layout.
func (p Param) ToPyTorch(values []float32) []float32 {
	to := make([]float32, len(values))
	p.pair(func(ours, theirs int) { to[theirs] = values[ours] })
	return to
}

// pair visits each element's index in our layout and in PyTorch's.
func (p Param) pair(visit func(ours, theirs int)) {
	// Every kind is [space,in,out] here and [out,in,space] there, space being the
	// kernel's positions; Vector and Table keep their order as one run of space.
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
