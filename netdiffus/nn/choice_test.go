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
	const few, many = 400, 6400 // the reference's images at batch 4 and 64
	for _, c := range []struct {
		name         string
		device       compute.Backend
		pixels, side int
		dtype        dtypes.DType
		want         string
	}{
		{"CPU, few", device{cpu: true}, few, 10, dtypes.Float32, "im2col"},
		{"CPU, many", device{cpu: true}, many, 10, dtypes.Float32, "winograd"},
		{"CPU, many, bfloat16", device{cpu: true}, many, 10, dtypes.BFloat16, "direct"},
		{"CPU, large images", device{cpu: true}, 4 * 128 * 128, 128, dtypes.Float32, "direct"},
		{"CPU, longer images", device{cpu: true}, 4 * 64 * 64, 64, dtypes.Float32, "direct"},
		{"GPU", device{}, few, 10, dtypes.Float32, "direct"},
		{"pure Go", nil, many, 10, dtypes.Float32, "im2col"},
	} {
		got := formsFor(c.device, c.pixels, c.side, c.dtype)
		ofW := c.want
		if c.side == 64 {
			ofW = "winograd"
		}
		if got.forward.name != c.want || got.gradX.name != c.want || got.gradW.name != ofW {
			t.Errorf("%s: %s, %s and %s, want %s, %[5]s and %s", c.name, got.forward.name, got.gradX.name, got.gradW.name, c.want, ofW)
		}
	}
}
