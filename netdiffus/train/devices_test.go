package train

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/backendtest"
)

// TestLostDevice: where a device fails in the middle the run ends with an error that tells
// the step, and one device by itself goes on from the last checkpoint.
func TestLostDevice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	set, cfg := gradients(10), tiny()
	r, err := open(t.Context(), backendtest.OpenDevices(t, 4), cfg, data{set: set}, Options{Dir: dir, Steps: 6, SaveEvery: 2, Devices: 2})
	if err != nil {
		t.Fatal(err)
	}
	err = r.loop(t.Context(), func(report StepMetrics) bool {
		if report.Step == 3 { // what the second device holds of a weight is gone
			held, err := r.prog.params[0].DistributedValue()
			if err == nil {
				err = held.Shards()[1].FinalizeAll()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return true
	})
	if err == nil || !strings.Contains(err.Error(), "step 4") {
		t.Fatalf("the run ends with %v, want an error at step 4", err)
	}
	if err := r.end(err, true); err != nil {
		t.Fatal(err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	if step, _ := newest(t, dir); step != 2 {
		t.Fatalf("the newest checkpoint is of step %d, want 2", step)
	}
	if reports := all(t, cfg, set, Options{Dir: dir, Steps: 4}); len(reports) != 2 || !(reports[1].Loss > 0) {
		t.Errorf("one device goes on with %+v", reports)
	}
}

func TestDevicesThatDoNotFit(t *testing.T) {
	b := backendtest.OpenDevices(t, 4)
	for _, c := range []struct {
		devices, size, microbatch int
		want                      string // in the error; "" for none
	}{
		{0, 3, 0, ""},
		{1, 3, 2, ""},
		{2, 4, 0, ""},
		{2, 5, 0, "batches of 5 images cannot be divided evenly among 2 devices"},
		{4, 12, 8, ""},
		{4, 16, 6, "microbatches"},
		{4, 14, 4, "microbatches"}, // the last one has 2
		{4, 8, 100, ""},
		{5, 10, 0, "5 devices are asked for, and xla has 4"},
	} {
		d, err := newDevices(b, c.devices)
		if err == nil {
			err = d.check(c.size, c.microbatch)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d devices, batches of %d in parts of %d: %v, want %q", c.devices, c.size, c.microbatch, err, c.want)
		}
	}
}
