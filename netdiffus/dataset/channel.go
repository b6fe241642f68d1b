package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Channel is one feature of the packets in an image, with its own scale or
// tables.
type Channel struct {
	Feature traffic.Feature // nil means traffic.SignedLength{}
	Codec   codec.Codec     // nil means CodecFor(Feature)
}

// CodecFor is the codec that a feature has unless told otherwise: MinMax with
// its scale from the data; for inter-arrival times on a logarithmic scale, and
// away from the end where float32 images are coarse; for directions 0 to 1.
func CodecFor(f traffic.Feature) codec.Codec {
	switch f.(type) {
	case traffic.InterArrival:
		return codec.MinMax{Low: 0.1, Log: true}
	case Direction:
		return codec.MinMax{Max: 1}
	}
	return codec.MinMax{}
}

func (c Channel) withDefaults() Channel {
	if c.Feature == nil {
		c.Feature = traffic.SignedLength{}
	}
	if c.Codec == nil {
		c.Codec = CodecFor(c.Feature)
	}
	return c
}

// fitter returns what learns the codec's parameters, nil when they are set.
func (c Channel) fitter(length int) codec.Fitter {
	if learner, ok := c.Codec.(codec.Learner); ok {
		return learner.Fitter(length)
	}
	return nil
}

// maxChannels is far above the number of features there are.
const maxChannels = 64

// Channels are the features of the images, the first one included.
func (r Recipe) Channels() []Channel {
	return append([]Channel{{r.Feature, r.Codec}}, r.More...)
}

// WithChannels returns r with these channels; there must be at least one.
func (r Recipe) WithChannels(channels []Channel) Recipe {
	r.Feature, r.Codec, r.More = channels[0].Feature, channels[0].Codec, channels[1:]
	if len(r.More) == 0 {
		r.More = nil
	}
	return r
}

// Timed tells whether the images hold inter-arrival times.
func (r Recipe) Timed() bool { r = r.withDefaults(); return r.has(traffic.InterArrival{}) }

// Directed tells whether the images say who sent a packet.
func (r Recipe) Directed() bool {
	r = r.withDefaults()
	return r.has(traffic.SignedLength{}) || r.has(Direction{})
}

// has tells whether f is one of the channels. r has its defaults.
func (r Recipe) has(f traffic.Feature) bool {
	for _, c := range r.Channels() {
		if c.Feature.Name() == f.Name() {
			return true
		}
	}
	return false
}

// LengthChannel is the number of the channel that says how long a flow is, and
// its codec.
func (r Recipe) LengthChannel() (channel int, c codec.Codec) {
	r = r.withDefaults()
	channel = r.lengthChannel()
	return channel, r.Channels()[channel].Codec
}

// lengthChannel is the channel that says how long a flow is: the first one with
// payload lengths, which are 0 where there is no packet; else the first.
func (r Recipe) lengthChannel() int {
	for i, c := range r.Channels() {
		switch c.Feature.(type) {
		case traffic.SignedLength, Length:
			return i
		}
	}
	return 0
}

// Check tells what is wrong with the recipe's channels together.
func (r Recipe) Check() error {
	seen := map[string]bool{}
	for _, c := range r.withDefaults().Channels() {
		name := c.Feature.Name()
		if seen[name] {
			return fmt.Errorf("dataset: feature %q is there twice", name)
		}
		seen[name] = true
	}
	if r.withDefaults().has(traffic.SignedLength{}) && seen[Length{}.Name()] {
		return errors.New("dataset: features signed_length and length say the same: want one of them")
	}
	if r.Rendering == nil {
		return nil
	}
	if len(r.More) > 0 {
		return errors.New("dataset: pictures hold one feature, in colours: several are for images of numbers")
	}
	if err := r.Rendering.Validate(); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// channelJSON is a Channel as it stands in a manifest.
type channelJSON struct {
	Feature string          `json:"feature"`
	Codec   json.RawMessage `json:"codec"`
}

func (c Channel) json() (channelJSON, error) {
	data, err := codec.Marshal(c.Codec)
	return channelJSON{c.Feature.Name(), data}, err
}

func (j channelJSON) channel() (c Channel, err error) {
	if c.Feature, err = FeatureNamed(j.Feature); err == nil {
		c.Codec, err = codec.Unmarshal(j.Codec)
	}
	return c, err
}

// features are the features that manifests and flags name.
var features = []traffic.Feature{traffic.SignedLength{}, Length{}, Direction{}, traffic.InterArrival{}}

// FeatureNames lists the features that FeatureNamed knows.
func FeatureNames() []string {
	var names []string
	for _, f := range features {
		names = append(names, f.Name())
	}
	return names
}

// FeatureNamed returns the feature of that name.
func FeatureNamed(name string) (traffic.Feature, error) {
	for _, f := range features {
		if f.Name() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("dataset: no packet feature %q: want some of %s", name, strings.Join(FeatureNames(), ", "))
}

// Length is a packet's payload length in bytes, without its direction: the
// series behind the reference's older, unsigned models, and beside Direction the
// other half of a signed length.
type Length struct{}

// Name returns "length".
func (Length) Name() string { return "length" }

// Values returns the payload lengths, bytes.
func (Length) Values(p []traffic.Packet) []float64 {
	v := make([]float64, len(p))
	for i := range p {
		v[i] = float64(p[i].Length)
	}
	return v
}

// Restore sets the lengths, rounded as traffic.SignedLength rounds them, and
// leaves the directions, which the values do not tell.
func (Length) Restore(v []float64, p []traffic.Packet) {
	signed := make([]traffic.Packet, len(p))
	traffic.SignedLength{}.Restore(v, signed)
	for i := range p {
		p[i].Length = signed[i].Length
	}
}

// Direction is who sent a packet: 0 upstream, 1 downstream.
type Direction struct{}

// Name returns "direction".
func (Direction) Name() string { return "direction" }

// Values returns the directions, 0 or 1.
func (Direction) Values(p []traffic.Packet) []float64 {
	v := make([]float64, len(p))
	for i := range p {
		v[i] = float64(p[i].Dir)
	}
	return v
}

// Restore sets the directions: downstream from 0.5 up, upstream below, and for
// NaN.
func (Direction) Restore(v []float64, p []traffic.Packet) {
	for i, x := range v {
		p[i].Dir = traffic.Up
		if x >= 0.5 {
			p[i].Dir = traffic.Down
		}
	}
}
