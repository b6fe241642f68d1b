package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Conv is a 2-D convolution (strictly a cross-correlation, as in PyTorch) of size 3
// or 1 with a bias.
type Conv struct {
	In, Out int
	Size    int  // 3, or 1 with stride 1; the image is padded with Size/2 zeros on every side
	Stride  int  // 0 means 1
	Zero    bool // initial values are zero, as in the last layer of a residual branch
}

// Params returns weight and bias.
func (c Conv) Params(path string) []Param {
	init := fanIn(c.In * c.Size * c.Size)
	if c.Zero {
		init = zeros
	}
	return []Param{
		{Name: join(path, "weight"), Shape: []int{c.Size, c.Size, c.In, c.Out}, Kind: Kernel2D, Init: init},
		{Name: join(path, "bias"), Shape: []int{c.Out}, Init: init},
	}
}

// Graph returns the convolution [B,⌈H/Stride⌉,⌈W/Stride⌉,Out] of x [B,H,W,In], in its
// type.
func (c Conv) Graph(scope *model.Scope, x *Node) *Node {
	x.AssertRank(4)
	g := x.Graph()
	w, b := weight(scope, g, "weight", c.Size, c.Size, c.In, c.Out), weight(scope, g, "bias", c.Out)
	return addBias(c.convolve(x, like(w, x)), b)
}

// convolve returns the convolution without the bias.
func (c Conv) convolve(x, w *Node) *Node {
	d := x.Shape().Dimensions
	switch stride := max(1, c.Stride); {
	case c.Size == 1 && stride == 1:
		y := Dot(Reshape(x, -1, c.In), Reshape(w, c.In, c.Out)).MatMul()
		return Reshape(y, d[0], d[1], d[2], c.Out)
	case c.Size == 3 && stride == 1:
		return conv3x3(x, w, chooseForms(x))
	case c.Size == 3:
		// Zeros on both sides, which for stride 2 differs from XLA's "same" padding:
		// that pads an even size at its end only and so shifts the image by a pixel.
		return Convolve(x, w).Strides(stride).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	}
	exceptions.Panicf("nn: a convolution of size %d and stride %d, want size 3, or 1 with stride 1", c.Size, c.Stride)
	return nil
}
