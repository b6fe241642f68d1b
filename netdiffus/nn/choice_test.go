package nn

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// device implements of XLA's backend what chooseForms uses.
type device struct {
	compute.Backend
	cpu bool
}

func (d device) IsCPU() bool { return d.cpu }

func TestChooseForms(t *testing.T) {
	for _, c := range []struct {
		name         string
		device       compute.Backend
		pixels, side int
		dtype        dtypes.DType
		want         string // forward, gradX, gradW
	}{
		{"CPU, the reference's at batch 4", device{cpu: true}, 400, 10, dtypes.Float32, "direct, im2col, direct"},
		{"CPU, its halves", device{cpu: true}, 100, 5, dtypes.Float32, "im2col, im2col, im2col"},
		{"CPU, the reference's at batch 64", device{cpu: true}, 6400, 10, dtypes.Float32, "winograd, winograd, winograd"},
		{"CPU, its halves", device{cpu: true}, 1600, 5, dtypes.Float32, "winograd, winograd, winograd"},
		{"CPU, a small image", device{cpu: true}, 49, 7, dtypes.Float32, "im2col, im2col, im2col"},
		{"CPU, some images", device{cpu: true}, 800, 10, dtypes.Float32, "direct, direct, direct"},
		{"CPU, an image above Winograd's sides", device{cpu: true}, 400, 20, dtypes.Float32, "direct, direct, direct"},
		{"CPU, many, bfloat16", device{cpu: true}, 6400, 10, dtypes.BFloat16, "direct, direct, direct"},
		{"CPU, large images", device{cpu: true}, 4 * 128 * 128, 128, dtypes.Float32, "direct, direct, direct"},
		{"CPU, longer images", device{cpu: true}, 4 * 64 * 64, 64, dtypes.Float32, "direct, direct, winograd"},
		{"GPU", device{}, 400, 10, dtypes.Float32, "direct, direct, direct"},
		{"pure Go", nil, 6400, 10, dtypes.Float32, "im2col, im2col, im2col"},
	} {
		f := formsFor(c.device, c.pixels, c.side, c.dtype)
		if got := f.forward.name + ", " + f.gradX.name + ", " + f.gradW.name; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
