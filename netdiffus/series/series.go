// Package series holds traffic as time series, such as the bytes that a video
// stream takes in each tenth of a second, and reads and writes them as files.
package series

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// MaxBins is the largest number of bins that a series may have: its image has 16
// million pixels.
const MaxBins = 4096

// MaxChannels is the largest number of channels.
const MaxChannels = 64

// Series is one labelled trace, or a window of one: one or more channels of numbers
// at even steps.
type Series struct {
	Label string
	// Trace names what the series is a window of, so that windows of one trace stay
	// together where a set is split; "" where it is a trace of its own.
	Trace    string
	Channels []string    // their names, such as "bytes_down"; no two are equal
	Units    []string    // by channel, such as "bytes"; nil where they are unknown
	Values   [][]float64 // [channel][bin], finite
	Step     time.Duration
	Start    time.Time // of the first bin; the zero time where it is unknown
}

// Bins returns the number of bins.
func (s Series) Bins() int {
	if len(s.Values) == 0 {
		return 0
	}
	return len(s.Values[0])
}

// Unit returns the unit of channel i, "" where it is unknown.
func (s Series) Unit(i int) string {
	if i < len(s.Units) {
		return s.Units[i]
	}
	return ""
}

// Check reports a series whose parts do not fit each other, one without values, a
// negative step, and values that are not finite, with their place.
func (s Series) Check() error { return s.check(false) }

// check is Check; anyLength allows more bins than an image has.
func (s Series) check(anyLength bool) error {
	switch {
	case len(s.Channels) == 0 || len(s.Channels) != len(s.Values):
		return fmt.Errorf("%d names for %d channels, want one each and at least one channel", len(s.Channels), len(s.Values))
	case len(s.Channels) > MaxChannels:
		return fmt.Errorf("%d channels, want at most %d", len(s.Channels), MaxChannels)
	case s.Units != nil && len(s.Units) != len(s.Channels):
		return fmt.Errorf("%d units for %d channels", len(s.Units), len(s.Channels))
	case s.Step < 0:
		return fmt.Errorf("a step of %v, want one above 0, or 0 where it is unknown", s.Step)
	case s.Bins() == 0:
		return errors.New("a series without values")
	case s.Bins() > MaxBins && !anyLength:
		return fmt.Errorf("%d bins, want at most %d: make windows of it, or take wider bins", s.Bins(), MaxBins)
	}
	for i, values := range s.Values {
		for j, name := range s.Channels[:i] {
			if name == s.Channels[i] {
				return fmt.Errorf("channels %d and %d are both called %q", j, i, name)
			}
		}
		if len(values) != s.Bins() {
			return fmt.Errorf("channel %s has %d bins, %s has %d", s.Channels[i], len(values), s.Channels[0], s.Bins())
		}
		for bin, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("channel %s is %v at bin %d, want finite numbers: fill gaps, or leave the series out", s.Channels[i], v, bin)
			}
		}
	}
	return nil
}

// All ranges over the series of a slice, in the form that readers give and writers
// take. Its error is always nil.
func All(series []Series) iter.Seq2[Series, error] {
	return func(yield func(Series, error) bool) {
		for _, s := range series {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// Collect gathers series into a slice. On an error it returns those that came
// before it as well.
func Collect(series iter.Seq2[Series, error]) ([]Series, error) {
	var all []Series
	for s, err := range series {
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
	return all, nil
}
