package nn

import (
	"testing"

	"github.com/gomlx/compute"
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
		name     string
		device   compute.Backend
		pixels   int
		winograd bool
		want     string // of the forward convolution
	}{
		{"CPU, few", device{cpu: true}, few, false, "im2col"},
		{"CPU, few, Winograd", device{cpu: true}, few, true, "im2col"},
		{"CPU, many", device{cpu: true}, many, false, "direct"},
		{"CPU, many, Winograd", device{cpu: true}, many, true, "winograd"},
		{"GPU", device{}, few, true, "direct"},
		{"pure Go", nil, many, true, "im2col"},
	} {
		if got := chooseForms(c.device, c.pixels, c.winograd).forward.name; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
