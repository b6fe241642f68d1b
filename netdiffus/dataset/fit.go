package dataset

import (
	"fmt"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// fitting sees all flows, or series, once: it counts the classes and fits the codecs.
type fitting struct {
	encoding *Encoding
	fitters  []codec.Fitter // by channel; nil where the codec is given
	counts   map[string]int
	cut      int
	peaks    []float64 // by channel: the largest |value|
	seen     connections.Counter
}

func newFitting(r Recipe) (*fitting, error) {
	e, err := NewEncoding(r)
	if err != nil {
		return nil, err
	}
	return &fitting{encoding: e, fitters: e.fitters(), counts: map[string]int{}, peaks: make([]float64, len(e.recipe.Channels))}, nil
}

// add takes a flow or series into account. Its values are not kept.
func (s *fitting) add(from source) error {
	r, err := from.record(s.encoding)
	if err != nil {
		return err
	}
	if r.cut {
		s.cut++
	}
	s.counts[r.label]++
	if f, isFlow := from.(aFlow); isFlow {
		s.seen.Add(traffic.Flow(f))
	}
	for i, c := range s.encoding.recipe.Channels {
		for _, v := range r.values[i] {
			s.peaks[i] = max(s.peaks[i], math.Abs(v))
		}
		if conditional, ok := s.fitters[i].(codec.ConditionalFitter); ok && i > 0 {
			err = conditional.AddConditional(r.label, r.values[i], r.values[0])
		} else if s.fitters[i] != nil {
			err = s.fitters[i].Add(r.label, r.values[i])
		}
		if err != nil {
			return s.encoding.atChannel(c, err)
		}
	}
	return nil
}

// result returns the fitted encoding and the classes, sorted, with their counts.
func (s *fitting) result() (e *Encoding, classes []string, counts []int, err error) {
	if len(s.counts) == 0 {
		return nil, nil, nil, fmt.Errorf("dataset: no %s", s.encoding.recipe.Record)
	}
	r := s.encoding.recipe
	r.Channels = s.encoding.Channels()
	for i, c := range r.Channels {
		if conditional, ok := s.fitters[i].(codec.ConditionalFitter); ok && i > 0 {
			r.Channels[i].Codec, err = conditional.ConditionalCodec(r.Channels[0].Codec)
		} else if s.fitters[i] != nil {
			r.Channels[i].Codec, err = s.fitters[i].Codec()
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("dataset: %w", s.encoding.atChannel(c, err))
		}
	}
	for label := range s.counts {
		classes = append(classes, label)
	}
	slices.Sort(classes)
	for _, label := range classes {
		counts = append(counts, s.counts[label])
	}
	e, err = NewEncoding(r)
	return e, classes, counts, err
}
