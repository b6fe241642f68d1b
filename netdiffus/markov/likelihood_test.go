package markov

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// TestLogLikelihood: by hand, and of all flows that there can be the sum is 1.
func TestLogLikelihood(t *testing.T) {
	flow := func(values ...float64) traffic.Flow {
		f := traffic.Flow{Label: "a", Packets: make([]traffic.Packet, len(values))}
		traffic.SignedLength{}.Restore(values, f.Packets)
		return f
	}
	c, err := Fit(traffic.All([]traffic.Flow{flow(1, 2), flow(1, 2), flow(1, 3, 4), flow(5)}), 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	const unseen = 0.01
	for _, one := range []struct {
		flow traffic.Flow
		want float64
	}{
		{flow(1, 2), 0.75 * 2. / 3},
		{flow(1, 3, 4), 0.75 / 3},
		{flow(1, 3, 4, 9), 0.75 / 3}, // only so many packets were counted
		{flow(5), 0.25},
		{flow(1, 2, 9), 0.75 * 2. / 3 * unseen},
		{flow(1), 0.75 * unseen},
		{flow(9, 9, 9), unseen * unseen * unseen},
	} {
		if got := math.Exp(c.LogLikelihood(one.flow, unseen)); math.Abs(got-one.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", one.flow.Packets, got, one.want)
		}
	}
	other := flow(1, 2)
	other.Label = "b"
	if got := c.LogLikelihood(other, unseen); !math.IsInf(got, -1) {
		t.Errorf("an unknown class: %v, want -Inf", got)
	}
}
