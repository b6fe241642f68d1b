package report

import (
	"testing"
)

// TestMainSize: a size that the synthetic flows are too few for is shown, but the
// verdict is not on it.
func TestMainSize(t *testing.T) {
	r := &Report{Sizes: []Size{{PerClass: 100}, {PerClass: 300}, {All: true, Short: true}}}
	if got := r.main(); got.PerClass != 300 {
		t.Errorf("verdict on %+v, want 300", got)
	}
	r.Sizes = r.Sizes[2:]
	if got := r.main(); !got.All {
		t.Errorf("verdict on %+v, want what there is", got)
	}
}
