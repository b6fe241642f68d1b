package nn

import "github.com/gomlx/compute"

// chooseForms returns the forms for a convolution of a batch of pixels = B·H·W
// pixels; Winograd's only where wantWinograd is set. The choice depends on the shape
// and the kind of device and not on timing at compilation: timing could choose
// differently in two runs of one training, and a resumed run would differ from an
// uninterrupted one. The measurements are in docs/benchmarks.md.
func chooseForms(device compute.Backend, pixels int, wantWinograd bool) forms {
	xla, isXLA := device.(interface{ IsCPU() bool })
	switch {
	case isXLA && !xla.IsCPU():
		return forms{direct, direct, direct} // a GPU's libraries choose the algorithm
	case pixels <= fewPixels || !isXLA:
		return forms{im2col, im2col, im2col}
	case wantWinograd:
		return forms{forward: winograd, gradX: winograd, gradW: direct}
	}
	return forms{direct, direct, direct}
}

// fewPixels is the largest number of pixels for which matrix products are faster on
// XLA's CPU device, which includes the reference's training step at batch 4. The pure
// Go backend is faster with them for any number.
const fewPixels = 800
