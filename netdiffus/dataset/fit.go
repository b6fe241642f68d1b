package dataset

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// fitting sees all flows once: it counts the classes and fits the codecs.
type fitting struct {
	encoding *Encoding
	fitters  []codec.Fitter // by channel; nil where the codec is given
	counts   map[string]int
	cut      int
}

func newFitting(r Recipe) (*fitting, error) {
	e, err := NewEncoding(r)
	if err != nil {
		return nil, err
	}
	return &fitting{encoding: e, fitters: e.fitters(), counts: map[string]int{}}, nil
}

// add takes a flow into account. Its packets are not kept.
func (s *fitting) add(f traffic.Flow) error {
	if len(f.Packets) == 0 {
		return errors.New("a flow without packets")
	}
	n := s.encoding.SeriesLength()
	if len(f.Packets) > n {
		s.cut++
	}
	if err := s.encoding.checkTimes(f); err != nil {
		return err
	}
	s.counts[f.Label]++
	packets := f.Packets[:min(len(f.Packets), n)]
	var lead []float64
	for i, c := range s.encoding.recipe.Channels {
		values := c.Feature.Values(packets)
		if i == 0 {
			lead = values
		}
		var err error
		if conditional, ok := s.fitters[i].(codec.ConditionalFitter); ok && i > 0 {
			err = conditional.AddConditional(f.Label, values, lead)
		} else if s.fitters[i] != nil {
			err = s.fitters[i].Add(f.Label, values)
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
		return nil, nil, nil, errors.New("dataset: no flows")
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
