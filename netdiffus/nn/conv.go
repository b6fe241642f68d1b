package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Conv is a 2-D convolution (in fact a cross-correlation, as everywhere in this
// field) of size 3 or 1 with a bias.
type Conv struct {
	In, Out int
	Size    int  // 3 or 1; the image is padded by Size/2 zeros on every side
	Stride  int  // 0 means 1
	Zero    bool // starts at zero: the last layer of a residual branch
}

// Params lists weight and bias.
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

// Graph takes x [B,H,W,In] and returns [B,⌈H/Stride⌉,⌈W/Stride⌉,Out].
func (c Conv) Graph(scope *model.Scope, x *Node) *Node {
	g := x.Graph()
	w, b := weight(scope, g, "weight", c.Size, c.Size, c.In, c.Out), weight(scope, g, "bias", c.Out)
	return Add(c.convolve(x, w), ExpandLeftToRank(b, 4))
}

// convolve is the convolution without the bias.
func (c Conv) convolve(x, w *Node) *Node {
	if c.Size != 1 && c.Size != 3 {
		exceptions.Panicf("nn: a convolution of size %d, want 1 or 3", c.Size)
	}
	// Both sides, which for stride 2 differs from XLA's "same": that pads an even
	// size at its end alone and so shifts the image by a pixel.
	side := [2]int{c.Size / 2, c.Size / 2}
	return Convolve(x, w).Strides(max(1, c.Stride)).PaddingPerDim([][2]int{side, side}).Done()
}
