package main

import (
	"fmt"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// defaultTimeBins keeps inter-arrival times within a few per cent of what they
// were, at most places of most classes.
const defaultTimeBins = 64

// channels are the image's, one for each of the flag's features. Lengths have the
// codec that the other flags describe, the others one of the same kind that suits
// them.
func (o convertOptions) channels(lengths codec.Codec) ([]dataset.Channel, error) {
	if o.timeBins < 2 {
		return nil, fmt.Errorf("--time-bins %d: want 2 or more", o.timeBins)
	}
	if len(o.features) == 0 {
		return nil, fmt.Errorf("--features is empty: want some of %v", traffic.FeatureNames())
	}
	_, atoms := lengths.(*codec.Atoms)
	var channels []dataset.Channel
	for _, name := range o.features {
		f, err := traffic.FeatureNamed(name)
		if err != nil {
			return nil, fmt.Errorf("--features: %w", err)
		}
		c := dataset.Channel{Feature: f} // by default with the feature's own codec
		switch {
		case f.Fields().Has(traffic.FieldLength):
			c.Codec = lengths
		case atoms:
			c.Codec = o.atomsFor(traffic.ScaleOf(f))
		}
		channels = append(channels, c)
	}
	return channels, nil
}

// atomsFor returns the codec of atoms for values on a scale other than that of
// lengths.
func (o convertOptions) atomsFor(scale traffic.Scale) *codec.Atoms {
	a := &codec.Atoms{Tau: o.atoms.Tau}
	if scale.Log {
		a.Bins = o.timeBins
	}
	if scale.Min == scale.Max { // any number of values, rare ones among them
		a.MinCount = o.atoms.MinCount
	}
	return a
}

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
