package nn

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// chooseForms returns the forms for a convolution of x [B,H,W,C]. The choice depends on
// the shape, the type and the kind of device and not on timing at compilation: timing
// could choose differently in two runs of one training, and a resumed run would differ
// from an uninterrupted one. The measurements are in docs/benchmarks.md.
func chooseForms(x *Node) forms {
	d := x.Shape().Dimensions
	return formsFor(x.Graph().Backend(), d[0]*d[1]*d[2], max(d[1], d[2]), x.DType())
}

// formsFor chooses for so many pixels, all images', in images of a side.
func formsFor(device compute.Backend, pixels, side int, dtype dtypes.DType) forms {
	f := forms{direct, direct, direct}
	xla, isXLA := device.(interface{ IsCPU() bool })
	switch small := side < smallSide; {
	case isXLA && !xla.IsCPU(): // a GPU's libraries choose the algorithm
	case !isXLA || pixels < fewPixels || small && pixels < somePixels:
		f = forms{im2col, im2col, im2col}
	case !small && pixels < manyPixels:
		if side <= mostWinograd && pixels <= somePixels {
			f.gradX = im2col
		}
	case dtype != dtypes.Float32: // bfloat16 has no digits to spare for Winograd's sums
	case side <= mostWinograd:
		f = forms{winograd, winograd, winograd}
	case side <= mostWinogradW:
		f.gradW = winograd
	}
	return f
}

const (
	// On XLA's CPU device one product of matrices is faster below fewPixels pixels, in images of
	// sides below smallSide, which are mostly edge, below somePixels, and for the image's gradient in
	// others up to that. From there on XLA's own convolution is up to manyPixels, and from there
	// on Winograd's. The reference's training step at batch 4 has 400 and 100 pixels. The pure Go
	// backend is faster with the product for any number.
	fewPixels  = 100
	somePixels = 400
	manyPixels = 1500
	smallSide  = 7
	// mostWinograd is the longest side for Winograd's form, and mostWinogradW that for the
	// gradient of the weights, which XLA computes slowly: the products with matrices of a whole
	// axis take the longer the longer that is.
	mostWinograd  = 16
	mostWinogradW = 64
)
