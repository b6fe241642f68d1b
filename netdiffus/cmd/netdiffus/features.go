package main

import (
	"fmt"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// printChannel prints a channel's scale; its name too, where there are several.
func printChannel(w io.Writer, c dataset.Channel, named bool) {
	if named {
		fmt.Fprintf(w, "  channel     %s\n", c.Name())
	}
	m, ok := c.Codec.(codec.MinMax)
	if !ok {
		return
	}
	unit, how := "", ""
	scale := traffic.Scale{Unit: c.Unit}
	if c.Feature != nil {
		scale = traffic.ScaleOf(c.Feature)
	}
	if scale.Unit != "" {
		unit = " " + scale.Unit
	}
	if m.Log {
		how = ", logarithmic"
	}
	fmt.Fprintf(w, "  scale       %v to %v%s as %v to 1%s\n", m.Min, m.Max, unit, m.Low, how)
}
