package sample

import (
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// TestDevices: devices that draw batches at the same time draw the samples, to the bit, that
// one draws one after the other; the last ones have nothing to do at the end.
func TestDevices(t *testing.T) {
	b := backendtest.OpenDevices(t, 4)
	dir, _ := newRun(t, tiny(), 6)
	g, err := Open(b, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, generator := range noise.Generators() {
		r := Request{N: 5, Seed: 2, Batch: 4, Steps: "3", Noise: generator}
		want := draw(t, g, r).Images.Data
		seen := 0
		r.Devices, r.Progress = 2, func(completed, total int) { seen = completed * 1000 / total }
		if got := draw(t, g, r).Images.Data; !slices.Equal(got, want) {
			t.Errorf("%s: 2 devices draw other samples than one: %g apart", generator, apart(t, got, want))
		}
		if seen != 1000 {
			t.Errorf("%s: the progress ends at %d of 1000", generator, seen)
		}
	}
	if _, err := g.Draw(t.Context(), Request{N: 1, Devices: 5}); err == nil || !strings.Contains(err.Error(), "5 devices are asked for") {
		t.Errorf("more devices than there are: %v", err)
	}
}
