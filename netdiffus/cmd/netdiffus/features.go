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

// channels gives r a channel for each of the flag's features. Lengths get the
// codec that the other flags describe, the others one of the same kind that
// suits them.
func (o convertOptions) channels(r dataset.Recipe, lengths codec.Codec) (dataset.Recipe, error) {
	if o.timeBins < 2 {
		return r, fmt.Errorf("--time_bins %d: want 2 or more", o.timeBins)
	}
	if len(o.features) == 0 {
		return r, fmt.Errorf("--features is empty: want some of %v", dataset.FeatureNames())
	}
	var channels []dataset.Channel
	for _, name := range o.features {
		f, err := dataset.FeatureNamed(name)
		if err != nil {
			return r, fmt.Errorf("--features: %w", err)
		}
		c := dataset.Channel{Feature: f, Codec: lengths}
		_, atoms := lengths.(*codec.Atoms)
		switch f.(type) {
		case traffic.InterArrival:
			c.Codec = dataset.CodecFor(f)
			if atoms {
				c.Codec = &codec.Atoms{Tau: o.atoms.Tau, MinCount: o.atoms.MinCount, Bins: o.timeBins}
			}
		case dataset.Direction:
			c.Codec = dataset.CodecFor(f)
			if atoms {
				c.Codec = &codec.Atoms{Tau: o.atoms.Tau}
			}
		}
		channels = append(channels, c)
	}
	r = r.WithChannels(channels)
	if err := r.Check(); err != nil {
		return r, fmt.Errorf("--features: %w", err)
	}
	return r, nil
}

// printChannel tells a channel's scale; its name too, where there are several.
func printChannel(w io.Writer, c dataset.Channel, named bool) {
	unit := " bytes"
	switch c.Feature.(type) {
	case traffic.InterArrival:
		unit = " microseconds"
	case dataset.Direction:
		unit = ""
	}
	if named {
		fmt.Fprintf(w, "  channel     %s\n", c.Feature.Name())
	}
	if m, ok := c.Codec.(codec.MinMax); ok {
		how := ""
		if m.Log {
			how = ", logarithmic"
		}
		fmt.Fprintf(w, "  scale       %v to %v%s as %v to 1%s\n", m.Min, m.Max, unit, m.Low, how)
	}
}
