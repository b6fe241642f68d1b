package report

import (
	"testing"
)

func TestRelate(t *testing.T) {
	of := func(v ...float64) Spread { return Spread{v} }
	for _, c := range []struct {
		a, b  Spread
		draws float64
		want  string
	}{
		{of(.90, .90, .90), of(.88, .88, .88), 3, "above"},
		{of(.885, .885), of(.88, .88), 2, "level with"}, // less than 0.01
		{of(.80, .90), of(.80, .84), 2, "level with"},   // within the spread
		{of(.5), of(.6), 1, "below"},
		{of(.87, .87, .87), of(.88, .89, .90), 3, "below"},
		{of(.87, .87, .87), of(.88, .89, .90), 1, "level with"}, // one draw may lie as low
		{of(), of(.6), 1, "not comparable"},
	} {
		if got := relate(c.a, c.b, c.draws); got != c.want {
			t.Errorf("relate(%v, %v, %v) = %q, want %q", c.a.Values, c.b.Values, c.draws, got, c.want)
		}
	}
}
