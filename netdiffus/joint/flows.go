package joint

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Flows draws flows from a prior itself, without images: a chain of any order whose
// rare values are merged.
type Flows struct {
	prior    *Prior
	channels []*codec.Atoms // lengths, and times where the flows have them
	classes  []string       // sorted
	length   int
}

// Novel is how often a value is seen at most for the codec to add one beside it
// (codec.Atoms.Novel): above what Choose merges.
const Novel = 6

// TimeBins is how many inter-arrival times a class has at a place at most. They keep times within
// a few thousandths of what they were, at most places of most classes.
const TimeBins = 256

// FitFlows fits a prior to flows, of each the first length packets; packets of 0 bytes
// are left out, and so are flows without others. Settings of order 0 are chosen by
// [Choose]. It fails where flows yields an error, and where there is no flow.
func FitFlows(ctx context.Context, flows iter.Seq2[traffic.Flow, error], length int, s Settings, seed uint64) (*Flows, error) {
	if length < 1 || s.Order < 0 {
		return nil, fmt.Errorf("joint: order %d, length %d: want an order of at least 0 and a length of at least 1", s.Order, length)
	}
	lengths, times := map[string][][]float64{}, map[string][][]float64{}
	timed := true
	for flow, err := range flows {
		if err != nil {
			return nil, err
		}
		packets := slices.DeleteFunc(slices.Clone(flow.Packets[:min(length, len(flow.Packets))]), func(p traffic.Packet) bool { return p.Length == 0 })
		if len(packets) == 0 {
			continue
		}
		lengths[flow.Label] = append(lengths[flow.Label], traffic.SignedLength{}.Values(packets))
		times[flow.Label] = append(times[flow.Label], traffic.InterArrival{}.Values(packets))
		timed = timed && flow.Timed
	}
	if len(lengths) == 0 {
		return nil, errors.New("joint: no flows")
	}
	f := &Flows{classes: slices.Sorted(maps.Keys(lengths)), length: length}
	features := []struct {
		codec  codec.Atoms
		values map[string][][]float64
	}{{codec.Atoms{Novel: Novel}, lengths}, {codec.Atoms{Bins: TimeBins}, times}}
	if !timed {
		features = features[:1]
	}
	series := make([]Series, len(f.classes))
	var values [][][]float64 // the lengths, by class
	for k, feature := range features {
		var all [][][]float64
		for _, class := range f.classes {
			all = append(all, feature.values[class])
		}
		fitted, err := refit(&feature.codec, f.classes, all, length)
		if err != nil {
			return nil, fmt.Errorf("joint: %w", err)
		}
		f.channels = append(f.channels, fitted)
		for c, class := range f.classes {
			atoms := atomsOf(fitted.Tables[class], all[c])
			if k == 0 {
				series[c] = atoms
				continue
			}
			for i := range atoms {
				series[c][i] = append(series[c][i], atoms[i]...)
			}
		}
		if k == 0 {
			values = all
		}
	}
	if s.Order == 0 {
		choice, err := Choose(ctx, f.channels[0], f.classes, values, seed)
		if err != nil {
			return nil, err
		}
		s = choice.Settings
	}
	var err error
	f.prior, err = Fit(f.channels, f.classes, series, s)
	return f, err
}

// Classes returns the labels fitted to, sorted.
func (f *Flows) Classes() []string { return f.classes }

// Settings returns how the chain was made, chosen or given.
func (f *Flows) Settings() Settings { return f.prior.Settings() }

// String describes the settings.
func (f *Flows) String() string { return f.prior.Settings().String() }

// Draw draws n flows of a class, evenly (Evenly). Flow i with one seed is the same whatever n is.
func (f *Flows) Draw(label string, n int, seed uint64) ([]traffic.Flow, error) {
	c, known := slices.BinarySearch(f.classes, label)
	if !known {
		return nil, fmt.Errorf("joint: unknown class %q: want one of %q", label, f.classes)
	}
	evenly := f.prior.Evenly()
	codes := f.prior.classes[c].codes()
	flows, key := make([]traffic.Flow, n), noise.Key(label)
	for i := range flows {
		series, err := evenly.Draw(c, noise.Even{Seed: seed, Class: key, Sample: uint64(i)})
		if err != nil {
			return nil, fmt.Errorf("joint: %w", err)
		}
		f.prior.Encode(c, series, codes)
		values := f.channels[0].Decode(label, codes[0])
		if end := slices.Index(values, 0); end >= 0 {
			values = values[:end]
		}
		flows[i] = traffic.Flow{Label: label, Packets: make([]traffic.Packet, len(values)), Timed: len(f.channels) > 1}
		traffic.SignedLength{}.Restore(values, flows[i].Packets)
		if flows[i].Timed {
			traffic.InterArrival{}.Restore(f.channels[1].Decode(label, codes[1])[:len(values)], flows[i].Packets)
		}
	}
	return flows, nil
}
