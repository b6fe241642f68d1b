package dataset

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/series"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Record is what an image of a set shows.
type Record string

const (
	Flows  Record = "flows"  // the packets of a flow: channels are features of packets
	Series Record = "series" // a time series: channels are its channels of numbers
)

// source is one flow or one series as it comes in.
type source interface {
	class() string
	// record returns what the encoding's images are made of.
	record(e *Encoding) (record, error)
}

// record is a flow or a series on its way into an image: what fits, encodes and
// verifies sees no difference.
type record struct {
	label   string
	values  [][]float64      // by channel of the encoding, at most SeriesLength of them each
	cut     bool             // the flow or series had more
	packets []traffic.Packet // of a flow, as many as there are values
	remainder
}

// aFlow is a flow as a source.
type aFlow traffic.Flow

func (f aFlow) class() string { return f.Label }

func (f aFlow) record(e *Encoding) (record, error) {
	if e.recipe.Record != Flows {
		return record{}, errors.New("a flow, in a set of series")
	}
	if len(f.Packets) == 0 {
		return record{}, errors.New("a flow without packets")
	}
	if e.Holds(traffic.FieldIAT) && !f.Timed {
		return record{}, errors.New("a flow without inter-arrival times, which the images are to hold (leave the feature inter_arrival out, or read captures or a file with the column IAT)")
	}
	n := min(len(f.Packets), e.SeriesLength())
	out := record{label: f.Label, cut: n < len(f.Packets), packets: f.Packets[:n], remainder: e.remainderOf(f.Packets[:n])}
	for _, c := range e.recipe.Channels {
		out.values = append(out.values, c.Feature.Values(out.packets))
	}
	return out, nil
}

// aSeries is a series as a source.
type aSeries series.Series

func (s aSeries) class() string { return s.Label }

func (s aSeries) record(e *Encoding) (record, error) {
	if e.recipe.Record != Series {
		return record{}, errors.New("a series, in a set of flows")
	}
	if err := series.Series(s).Check(); err != nil {
		return record{}, err
	}
	n, bins := e.SeriesLength(), series.Series(s).Bins()
	if bins < n {
		return record{}, fmt.Errorf("%d bins, want %d: series of one set are of one length (make windows of that length, or fill them up)", bins, n)
	}
	if step := e.recipe.Step; step != 0 && s.Step != 0 && s.Step != step {
		return record{}, fmt.Errorf("steps of %v, want %v: series of one set have one step", s.Step, step)
	}
	out := record{label: s.Label, cut: bins > n, remainder: remainder{length: n, trace: traceNumber(s.Label, s.Trace)}}
	for _, c := range e.recipe.Channels {
		i := index(s.Channels, c.Series)
		if i < 0 {
			return record{}, fmt.Errorf("no channel %q: there are %q", c.Series, s.Channels)
		}
		out.values = append(out.values, s.Values[i][:n])
	}
	return out, nil
}

func index(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// ofFlows gives flows as sources.
func ofFlows(flows iter.Seq2[traffic.Flow, error]) iter.Seq2[source, error] {
	return func(yield func(source, error) bool) {
		for f, err := range flows {
			if !yield(aFlow(f), err) {
				return
			}
		}
	}
}

// ofSeries gives series as sources.
func ofSeries(all iter.Seq2[series.Series, error]) iter.Seq2[source, error] {
	return func(yield func(source, error) bool) {
		for s, err := range all {
			if !yield(aSeries(s), err) {
				return
			}
		}
	}
}

// forSeries completes a recipe for series by the first of them: its channels, its
// number of bins and its step, where the recipe leaves them open.
func (r Recipe) forSeries(all iter.Seq2[series.Series, error]) (Recipe, error) {
	if r.Record != "" && r.Record != Series {
		return r, fmt.Errorf("dataset: a recipe for %s, and series to make images of", r.Record)
	}
	r.Record = Series
	for s, err := range all {
		if err != nil {
			return r, fmt.Errorf("dataset: %w", err)
		}
		if err := s.Check(); err != nil {
			return r, atRow(0, err)
		}
		if r.SeriesLength == 0 {
			r.SeriesLength = s.Bins()
		}
		if r.Step == 0 {
			r.Step = s.Step
		}
		channels := r.Channels
		r.Channels = nil
		if unnamed := len(channels) == 1 && channels[0].Series == ""; len(channels) == 0 || unnamed {
			for i, name := range s.Channels {
				c := Channel{Series: name, Unit: s.Unit(i)}
				if unnamed {
					c.Codec = channels[0].Codec
				}
				r.Channels = append(r.Channels, c)
			}
			return r, nil
		}
		for _, c := range channels {
			if i := index(s.Channels, c.Series); i >= 0 && c.Unit == "" {
				c.Unit = s.Unit(i)
			}
			r.Channels = append(r.Channels, c)
		}
		return r, nil
	}
	return r, errors.New("dataset: no series")
}

// SeriesItem is the series that an image shows.
type SeriesItem struct {
	Index int // of the image, as in Set.Images, Labels, SeriesLengths and Rows
	series.Series
}

// Series ranges over the series that the images show, one an image. The sequence
// yields an error, and nothing else, when the images cannot be decoded, and for a
// set of flows.
func (s *Set) Series() iter.Seq2[SeriesItem, error] {
	return func(yield func(SeriesItem, error) bool) {
		d, err := s.decoder(Series)
		if err != nil {
			yield(SeriesItem{}, err)
			return
		}
		like := series.Series{Step: d.recipe.Step}
		for _, c := range d.recipe.Channels {
			like.Channels = append(like.Channels, c.Series)
			like.Units = append(like.Units, c.Unit)
		}
		for i := range s.Len() {
			out := SeriesItem{i, like}
			out.Label = s.Classes[s.Labels[i]]
			out.Values = d.values(out.Label, d.pictures.open(s.at(i)).image)
			if !yield(out, nil) {
				return
			}
		}
	}
}

// AllSeries is Series without the indices: what package series writes.
func (s *Set) AllSeries() iter.Seq2[series.Series, error] {
	return func(yield func(series.Series, error) bool) {
		for item, err := range s.Series() {
			if !yield(item.Series, err) {
				return
			}
		}
	}
}

// decoder checks the set and returns what reads its images, if they show such
// records.
func (s *Set) decoder(want Record) (*decoder, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if have := s.Encoding.recipe.Record; have != want {
		return nil, fmt.Errorf("dataset: a set of %s, want one of %s", have, want)
	}
	return newDecoder(s.Encoding)
}

// sources gives what the images show as what they can be made of again.
func (s *Set) sources() iter.Seq2[source, error] {
	if s.Encoding != nil && s.Encoding.recipe.Record == Series {
		return ofSeries(func(yield func(series.Series, error) bool) {
			for item, err := range s.Series() {
				if n := s.trace(item.Index); err == nil && n != 0 {
					item.Trace = strconv.Itoa(n)
				}
				if !yield(item.Series, err) {
					return
				}
			}
		})
	}
	return ofFlows(s.Traffic())
}

// Precision is how a channel's values came back from the images, in its unit.
type Precision struct {
	Channel   string  `json:"channel"`
	Unit      string  `json:"unit,omitempty"`
	Peak      float64 `json:"peak"`       // the largest |value|
	Mean64    float64 `json:"mean_64"`    // mean |error|, from the pixels as written
	Largest64 float64 `json:"largest_64"` // the largest |error|
	Mean32    float64 `json:"mean_32"`    // the same from the pixels rounded to float32
	Largest32 float64 `json:"largest_32"`
}

// recovered is the error, as a share of a channel's largest |value|, below which a value
// of a series counts as come back: some eight units of float32.
const recovered = 1e-6

// precision gathers a Precision; values is how many.
type precision struct {
	Precision
	values int
}

// add counts the values of one series and reports whether they came back, from
// float64 and from float32.
func (p *precision) add(want, got64, got32 []float64) (exact64, exact32 bool) {
	exact64, exact32 = true, true
	for i, v := range want {
		off64, off32 := math.Abs(got64[i]-v), math.Abs(got32[i]-v)
		p.values++
		p.Mean64 += off64
		p.Mean32 += off32
		p.Largest64, p.Largest32 = max(p.Largest64, off64), max(p.Largest32, off32)
		exact64 = exact64 && off64 <= recovered*p.Peak
		exact32 = exact32 && off32 <= recovered*p.Peak
	}
	return exact64, exact32
}

// result is the Precision, with means.
func (p precision) result() Precision {
	n := float64(max(p.values, 1))
	p.Mean64 /= n
	p.Mean32 /= n
	return p.Precision
}
