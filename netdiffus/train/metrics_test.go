package train

import (
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/track"
)

// TestMetricsThatCannotBeWritten checks that training is told once, and goes on.
func TestMetricsThatCannotBeWritten(t *testing.T) {
	run, err := track.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	log, err := run.OpenLog(0)
	if err != nil {
		t.Fatal(err)
	}
	log.Close() // from here on every write fails
	var said []string
	m := &metrics{log: log, every: 1, sums: map[string]sum{}, status: func(s string) { said = append(said, s) }}
	for step := 1; step <= 3; step++ {
		m.step(StepMetrics{Step: step, Loss: 1}, losses{}, nil, nil, 4)
	}
	if len(said) != 1 || !strings.Contains(said[0], "training goes on") {
		t.Errorf("the caller was told %q, want once that training goes on", said)
	}
}
