package longtest

import (
	"testing"
)

// recorder notes whether a test was skipped.
type recorder struct {
	testing.TB
	skipped bool
}

func (r *recorder) Helper()              {}
func (r *recorder) Skipf(string, ...any) { r.skipped = true }

func TestOnly(t *testing.T) {
	for value, want := range map[string]bool{"": true, "1": testing.Short()} {
		t.Setenv(Variable, value)
		r := &recorder{TB: t}
		if Only(r, "a reason"); r.skipped != want {
			t.Errorf("with %s=%q the test is skipped: %v, want %v", Variable, value, r.skipped, want)
		}
	}
}
