package nn

import "github.com/gomlx/compute"

// chooseForms is the forms for a convolution of an image of pixels = B·H·W rows,
// Winograd's only where asked for. It is a rule over the shape and the kind of
// device and not a timing when the network is compiled: with that, two runs of one
// training could differ, and a resumed run would not go on as if it had never
// stopped. The figures behind it are in docs/benchmarks.md.
func chooseForms(device compute.Backend, pixels int, wantWinograd bool) forms {
	xla, isXLA := device.(interface{ IsCPU() bool })
	switch {
	case isXLA && !xla.IsCPU():
		return forms{direct, direct, direct} // a GPU's libraries choose for themselves
	case pixels <= fewPixels || !isXLA:
		return forms{im2col, im2col, im2col}
	case wantWinograd:
		return forms{forward: winograd, gradX: winograd, gradW: direct}
	}
	return forms{direct, direct, direct}
}

// fewPixels is how many pixels go faster as matrix products on XLA's CPU device:
// those of the reference's training step at batch 4 among them. The pure Go backend
// does any number faster so.
const fewPixels = 800
