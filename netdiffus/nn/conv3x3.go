package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// form is a way to compute a 3x3 convolution of stride 1 whose output has the
// input's size. All give the same numbers to float32's precision; which is fastest
// depends on the shape (see chooseForms).
type form struct {
	name string
	// apply is the convolution of x [B,H,W,I] with w [3,3,I,O]: [B,H,W,O].
	apply func(x, w *Node) *Node
	// gradX is the gradient of x for that of the output, v [B,H,W,O]: the convolution
	// of v with the kernel turned by 180° and its channels exchanged.
	gradX func(v, w *Node) *Node
	// gradW is the gradient of w for that of the output, v [B,H,W,O].
	gradW func(x, v *Node) *Node
}

// forms is a form for each of the three convolutions that training computes.
type forms struct{ forward, gradX, gradW form }

// conv3x3 is the convolution of x [B,H,W,I] with w [3,3,I,O], zeros around x, in
// the given forms.
func conv3x3(x, w *Node, f forms) *Node {
	return withGradient(f.forward.apply, x, w,
		func(v *Node) *Node { return f.gradX.gradX(v, w) },
		func(v *Node) *Node { return f.gradW.gradW(x, v) })
}

// withGradient is f(x, w) with gradients of our own instead of those of f's parts:
// gradX and gradW take the gradient v of the result.
//
// GoMLX allows a gradient of one's own for the identity of one node alone. So the
// result passes through an identity that notes v, and x and w pass through
// identities that give the gradients for it; gradients run from the result back, so
// v is noted before it is asked for. What ties the three together is a path without
// effect from x and w to the result, which XLA drops.
func withGradient(f func(x, w *Node) *Node, x, w *Node, gradX, gradW func(v *Node) *Node) *Node {
	y := StopGradient(f(x, w))
	var noted *Node
	path := Add(
		first(IdentityWithCustomGradient(x, func(_, _ *Node) *Node { return gradX(noted) })),
		first(IdentityWithCustomGradient(w, func(_, _ *Node) *Node { return gradW(noted) })))
	never := Const(x.Graph(), false)
	return IdentityWithCustomGradient(Where(never, path, y), func(_, v *Node) *Node {
		noted = v
		return v
	})
}

// first is the first element of x as a scalar.
func first(x *Node) *Node {
	axes := make([]SliceAxisSpec, x.Rank())
	for i := range axes {
		axes[i] = AxisElem(0)
	}
	return Reshape(Slice(x, axes...))
}

// direct leaves the convolution to XLA.
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
		// Each element of the kernel is a product of two shifted images summed over
		// the batch: a convolution with the batch for the channels.
		return Convolve(x, v).AxesConfig(ConvolveAxesConfig{
			InputBatch: 3, InputSpatial: []int{1, 2}, InputChannels: 0,
			KernelInputChannels: 0, KernelSpatial: []int{1, 2}, KernelOutputChannels: 3,
			OutputBatch: 2, OutputSpatial: []int{0, 1}, OutputChannels: 3,
		}).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	},
}

// im2col copies each pixel's 3x3 neighbourhood into one row, which makes the
// convolution one matrix product: nine times the memory for a better product.
var im2col = form{
	name: "im2col",
	apply: func(x, w *Node) *Node {
		in, out := w.Shape().Dim(2), w.Shape().Dim(3)
		y := Dot(neighbourhoods(x), Reshape(w, 9*in, out)).MatMul()
		d := x.Shape().Dimensions
		return Reshape(y, d[0], d[1], d[2], out)
	},
	gradX: func(v, w *Node) *Node {
		// Each pixel's share of its neighbours' gradients, added where they belong: the
		// kernel is used as it lies, for turning it costs XLA more than the sums.
		d, in := v.Shape().Dimensions, w.Shape().Dim(2)
		shares := Einsum("po,io->pi", Reshape(v, -1, d[3]), Reshape(w, 9*in, -1))
		shares = Reshape(shares, d[0], d[1], d[2], 9*in)
		return addShifted(addShifted(shares, 1), 2)
	},
	gradW: func(x, v *Node) *Node {
		in, out := x.Shape().Dim(3), v.Shape().Dim(3)
		dw := Einsum("pi,po->io", neighbourhoods(x), Reshape(v, -1, out))
		return Reshape(dw, 3, 3, in, out)
	},
}

// neighbourhoods is the 3x3 neighbourhood of every pixel of x [B,H,W,C] as a row:
// [B·H·W,9·C].
func neighbourhoods(x *Node) *Node {
	return Reshape(shifted(shifted(x, 2), 1), -1, 9*x.Shape().Dim(3))
}

// shifted puts beside each pixel of x [B,H,W,C] its neighbours before and after it
// along axis: [B,H,W,3·C].
func shifted(x *Node, axis int) *Node {
	padded := padAxis(x, axis, 1, 1)
	var parts []*Node
	for i := range 3 {
		parts = append(parts, SliceAxis(padded, axis, AxisRange(i, i+x.Shape().Dim(axis))))
	}
	return Concatenate(parts, -1)
}

// addShifted is the transposed map of shifted: from x [B,H,W,3·C] to [B,H,W,C].
func addShifted(x *Node, axis int) *Node {
	c, n := x.Shape().Dim(3)/3, x.Shape().Dim(axis)
	part := func(i int) *Node { return SliceAxis(x, 3, AxisRange(i*c, (i+1)*c)) }
	before := padAxis(SliceAxis(part(0), axis, AxisRange(1, n)), axis, 0, 1)
	after := padAxis(SliceAxis(part(2), axis, AxisRange(0, n-1)), axis, 1, 0)
	return Add(Add(before, part(1)), after)
}

// padAxis puts zeros before and after x along one axis.
func padAxis(x *Node, axis, before, after int) *Node {
	pads := make([]PadAxis, x.Rank())
	pads[axis] = PadAxis{Start: before, End: after}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), pads...)
}
