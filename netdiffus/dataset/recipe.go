package dataset

import (
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Recipe is what a caller writes to describe how a flow, or a series, becomes an
// image. Its zero value is the reference's recipe: the signed lengths of the first 10
// packets, one minimum and maximum over all of them, GASF. [NewEncoding] completes
// it. [BuildSeries] and [ConvertSeries] take what it leaves open from the first
// series.
type Recipe struct {
	Record Record // what an image shows; "" means Flows
	// SeriesLength is how many packets of a flow an image shows, from its start, where
	// shorter flows are padded; 0 means 10. Of a series it is the number of bins;
	// longer ones are cut, shorter ones are an error.
	SeriesLength int
	Step         time.Duration   // of a series' bins; 0 where it is unknown, and for flows
	Channels     []Channel       // of the image, in their order; nil means one with its defaults
	Image        imaging.Encoder // draws every channel; nil means imaging.GASF{}
	// Rendering makes pictures of 8 bits a pixel of the images; nil leaves them
	// as they are.
	Rendering *imaging.Rendering
}

// Channel is one feature of the packets, or one channel of a series, in an image,
// with its own scale or tables.
type Channel struct {
	Feature traffic.Feature // of a flow's packets; nil means traffic.SignedLength{}
	Series  string          // the name of a series' channel; "" in a set of flows
	Unit    string          // of the series' values; "" where it is unknown
	Codec   codec.Codec     // nil means codec.MinMax on the feature's scale, or a series' from the data; parameters that it lacks come from the data
}

// Name returns the name of the feature, or of the series' channel.
func (c Channel) Name() string {
	if c.Feature != nil {
		return c.Feature.Name()
	}
	return c.Series
}

// lowOfSeries keeps the codes of a series away from the end of the scale where
// float32 images are coarse: there a value would be read wrong by some 1e-4 of the
// range.
const lowOfSeries = 0.1

// codecFor returns the codec that a feature has by default: MinMax with the
// feature's scale, or with one from the data. A logarithmic scale stays away from
// the end where float32 images are coarse.
func codecFor(f traffic.Feature) codec.Codec {
	scale := traffic.ScaleOf(f)
	m := codec.MinMax{Min: scale.Min, Max: scale.Max, Log: scale.Log}
	if m.Log {
		m.Low = 0.1
	}
	return m
}

// withDefaults fills in what zero values mean. Only NewEncoding calls it.
func (r Recipe) withDefaults() Recipe {
	if r.Record == "" {
		r.Record = Flows
	}
	if r.SeriesLength == 0 && r.Record == Flows {
		r.SeriesLength = 10
	}
	channels := r.Channels
	if len(channels) == 0 {
		channels = make([]Channel, 1)
	}
	r.Channels = nil
	for _, c := range channels {
		switch {
		case r.Record == Series && c.Codec == nil:
			c.Codec = codec.MinMax{Low: lowOfSeries}
		case r.Record == Series:
		case c.Feature == nil:
			c.Feature = traffic.SignedLength{}
		}
		if c.Codec == nil {
			c.Codec = codecFor(c.Feature)
		}
		r.Channels = append(r.Channels, c)
	}
	if r.Image == nil {
		r.Image = imaging.GASF{}
	}
	if r.Rendering != nil {
		rendering := *r.Rendering // the caller's may change
		r.Rendering = &rendering
	}
	return r
}

// empty reports whether every field is zero.
func (r Recipe) empty() bool {
	return r.Record == "" && r.SeriesLength == 0 && r.Step == 0 && r.Channels == nil && r.Image == nil && r.Rendering == nil
}
