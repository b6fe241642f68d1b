package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// form is an algorithm for a 3x3 convolution of stride 1 whose output has the input's
// size. The results of all forms are equal to some units of float32's precision; which is fastest
// depends on the shape (see chooseForms).
type form struct {
	name string
	// apply returns the convolution of x [B,H,W,I] with w [3,3,I,O]: [B,H,W,O].
	apply func(x, w *Node) *Node
	// gradX returns the gradient of x for the gradient v [B,H,W,O] of the output: the
	// convolution of v with the kernel rotated by 180° and its channels exchanged.
	gradX func(v, w *Node) *Node
	// gradW returns the gradient of w for the gradient v [B,H,W,O] of the output.
	gradW func(x, v *Node) *Node
}

// forms are the forms of the three convolutions that training computes.
type forms struct{ forward, gradX, gradW form }

// conv3x3 returns the convolution of x [B,H,W,I], padded with zeros, with
// w [3,3,I,O] in the given forms.
func conv3x3(x, w *Node, f forms) *Node {
	return withGradient(f.forward.apply, x, w,
		func(v *Node) *Node { return f.gradX.gradX(v, w) },
		func(v *Node) *Node { return f.gradW.gradW(x, v) })
}

// withGradient returns f(x, w) with the gradients gradX(v) and gradW(v) of x and w
// instead of those that GoMLX derives from f; v is the gradient of the result.
//
// GoMLX supports a custom gradient only for the identity of one node. So the result
// passes through an identity whose gradient function stores v, and x and w pass
// through identities whose gradient functions use it; gradients are computed from the
// result backwards, so v is stored before it is used. The three are connected by a
// path from x and w to the result that is never selected and that XLA removes.
func withGradient(f func(x, w *Node) *Node, x, w *Node, gradX, gradW func(v *Node) *Node) *Node {
	y := StopGradient(f(x, w))
	var stored *Node
	path := Add(
		firstElement(IdentityWithCustomGradient(x, func(_, _ *Node) *Node { return gradX(stored) })),
		firstElement(IdentityWithCustomGradient(w, func(_, _ *Node) *Node { return gradW(stored) })))
	never := Const(x.Graph(), false)
	return IdentityWithCustomGradient(Where(never, path, y), func(_, v *Node) *Node {
		stored = v
		return v
	})
}

// firstElement returns the first element of x as a scalar.
func firstElement(x *Node) *Node {
	axes := make([]SliceAxisSpec, x.Rank())
	for i := range axes {
		axes[i] = AxisElem(0)
	}
	return Reshape(Slice(x, axes...))
}

// direct is XLA's convolution.
var direct = form{
	name: "direct",
	apply: func(x, w *Node) *Node {
		return Convolve(x, w).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	},
	gradX: func(v, w *Node) *Node {
		return Convolve(v, Reverse(w, 0, 1)).AxesConfig(ConvolveAxesConfig{
			InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
			KernelSpatial: []int{0, 1}, KernelInputChannels: 3, KernelOutputChannels: 2,
			OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
		}).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	},
	gradW: func(x, v *Node) *Node {
		// Each element of the kernel's gradient is a product of two shifted images
		// summed over the batch: a convolution whose channels are the batch.
		return Convolve(x, v).AxesConfig(ConvolveAxesConfig{
			InputBatch: 3, InputSpatial: []int{1, 2}, InputChannels: 0,
			KernelInputChannels: 0, KernelSpatial: []int{1, 2}, KernelOutputChannels: 3,
			OutputBatch: 2, OutputSpatial: []int{0, 1}, OutputChannels: 3,
		}).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	},
}

// im2col copies each pixel's 3x3 neighbourhood into one row of a matrix, so that the
// convolution is one matrix product: it needs nine times the memory, and the product
// is faster.
var im2col = form{
	name: "im2col",
	apply: func(x, w *Node) *Node {
		in, out := w.Shape().Dim(2), w.Shape().Dim(3)
		y := Dot(neighbourhoods(x), Reshape(w, 9*in, out)).MatMul()
		d := x.Shape().Dimensions
		return Reshape(y, d[0], d[1], d[2], out)
	},
	gradX: func(v, w *Node) *Node {
		// Each pixel's contributions to the gradients of its neighbours, summed at the
		// neighbours. This needs no rotated kernel, which is slower in XLA than the sums.
		d, in := v.Shape().Dimensions, w.Shape().Dim(2)
		contributions := Einsum("po,io->pi", Reshape(v, -1, d[3]), Reshape(w, 9*in, -1))
		contributions = Reshape(contributions, d[0], d[1], d[2], 9*in)
		return addShifted(addShifted(contributions, 1), 2)
	},
	gradW: func(x, v *Node) *Node {
		in, out := x.Shape().Dim(3), v.Shape().Dim(3)
		dw := Einsum("pi,po->io", neighbourhoods(x), Reshape(v, -1, out))
		return Reshape(dw, 3, 3, in, out)
	},
}

// neighbourhoods returns the 3x3 neighbourhood of every pixel of x [B,H,W,C] as a
// row: [B·H·W,9·C].
func neighbourhoods(x *Node) *Node {
	return Reshape(shifted(shifted(x, 2), 1), -1, 9*x.Shape().Dim(3))
}

// shifted returns the channels of each pixel of x [B,H,W,C] together with those of its
// neighbours before and after it along axis: [B,H,W,3·C].
func shifted(x *Node, axis int) *Node {
	padded := padAxis(x, axis, 1, 1)
	var parts []*Node
	for i := range 3 {
		parts = append(parts, SliceAxis(padded, axis, AxisRange(i, i+x.Shape().Dim(axis))))
	}
	return Concatenate(parts, -1)
}

// addShifted is the transpose of the linear map shifted, from x [B,H,W,3·C] to
// [B,H,W,C].
func addShifted(x *Node, axis int) *Node {
	c, n := x.Shape().Dim(3)/3, x.Shape().Dim(axis)
	part := func(i int) *Node { return SliceAxis(x, 3, AxisRange(i*c, (i+1)*c)) }
	before := SliceAxis(padAxis(part(0), axis, 0, 1), axis, AxisRange(1, n+1))
	after := SliceAxis(padAxis(part(2), axis, 1, 0), axis, AxisRange(0, n))
	return Add(Add(before, part(1)), after)
}

// padAxis pads x with zeros before and after it along one axis.
func padAxis(x *Node, axis, before, after int) *Node {
	pads := make([]PadAxis, x.Rank())
	pads[axis] = PadAxis{Start: before, End: after}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), pads...)
}
