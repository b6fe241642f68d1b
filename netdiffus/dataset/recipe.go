package dataset

import (
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Recipe is what a caller writes to describe how a flow becomes an image. Its
// zero value is the reference's recipe: the signed lengths of the first 10
// packets, one minimum and maximum over all of them, GASF. [NewEncoding] completes
// it.
type Recipe struct {
	SeriesLength int             // packets of a flow, from its start; shorter flows are padded; 0 means 10
	Channels     []Channel       // of the image, in their order; nil means one with its defaults
	Image        imaging.Encoder // draws every channel; nil means imaging.GASF{}
	// Rendering makes pictures of 8 bits a pixel of the images; nil leaves them
	// as they are.
	Rendering *imaging.Rendering
}

// Channel is one feature of the packets in an image, with its own scale or
// tables.
type Channel struct {
	Feature traffic.Feature // nil means traffic.SignedLength{}
	Codec   codec.Codec     // nil means codec.MinMax on the feature's scale; parameters that it lacks come from the data
}

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
	if r.SeriesLength == 0 {
		r.SeriesLength = 10
	}
	channels := r.Channels
	if len(channels) == 0 {
		channels = make([]Channel, 1)
	}
	r.Channels = nil
	for _, c := range channels {
		if c.Feature == nil {
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
	return r.SeriesLength == 0 && r.Channels == nil && r.Image == nil && r.Rendering == nil
}
