package dataset

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// survey is what one look at all flows tells: the classes, and the codec.
type survey struct {
	recipe  Recipe
	fitters []codec.Fitter // by channel; nil where the codec is given
	counts  map[string]int
	cut     int
}

func newSurvey(r Recipe) (*survey, error) {
	r = r.withDefaults()
	if r.Length < 1 || r.Length > maxLength {
		return nil, fmt.Errorf("dataset: length %d: want 1 to %d packets", r.Length, maxLength)
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	s := &survey{recipe: r, counts: map[string]int{}}
	for _, c := range r.Channels() {
		s.fitters = append(s.fitters, c.fitter(r.Length))
	}
	return s, nil
}

// add looks at a flow. Its packets are not kept.
func (s *survey) add(f traffic.Flow) error {
	if len(f.Packets) == 0 {
		return errors.New("a flow without packets")
	}
	if len(f.Packets) > s.recipe.Length {
		s.cut++
	}
	if err := s.recipe.checkTimes(f); err != nil {
		return err
	}
	s.counts[f.Label]++
	packets := f.Packets[:min(len(f.Packets), s.recipe.Length)]
	var lead []float64
	for i, c := range s.recipe.Channels() {
		values := c.Feature.Values(packets)
		if i == 0 {
			lead = values
		}
		var err error
		if beside, ok := s.fitters[i].(codec.BesideFitter); ok && i > 0 {
			err = beside.AddBeside(f.Label, values, lead)
		} else if s.fitters[i] != nil {
			err = s.fitters[i].Add(f.Label, values)
		}
		if err != nil {
			return s.recipe.atChannel(c, err)
		}
	}
	return nil
}

// result returns the fitted recipe and the classes, sorted, with their counts.
func (s *survey) result() (r Recipe, classes []string, counts []int, err error) {
	if len(s.counts) == 0 {
		return r, nil, nil, errors.New("dataset: no flows")
	}
	r = s.recipe
	channels := r.Channels()
	for i, c := range channels {
		if beside, ok := s.fitters[i].(codec.BesideFitter); ok && i > 0 {
			channels[i].Codec, err = beside.CodecBeside(channels[0].Codec)
		} else if s.fitters[i] != nil {
			channels[i].Codec, err = s.fitters[i].Codec()
		}
		if err != nil {
			return r, nil, nil, fmt.Errorf("dataset: %w", r.atChannel(c, err))
		}
	}
	r = r.WithChannels(channels)
	for label := range s.counts {
		classes = append(classes, label)
	}
	slices.Sort(classes)
	for _, label := range classes {
		counts = append(counts, s.counts[label])
	}
	return r, classes, counts, nil
}
