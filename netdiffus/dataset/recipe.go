package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Recipe says how a flow becomes an image. Its zero value is the reference's
// recipe: the first 10 packets' signed lengths, one minimum and maximum over
// all of them, GASF.
//
// An image has a channel for each feature: Feature and Codec are the first, More
// the others. Every channel is drawn and read by itself, by its own codec and the
// one kind of image.
type Recipe struct {
	Length  int             // packets a flow, from its start; shorter flows are padded; 0 means 10
	Feature traffic.Feature // nil means traffic.SignedLength{}
	Codec   codec.Codec     // nil means CodecFor(Feature), its parameters taken from the data
	More    []Channel       // further features; nil for images of one channel
	Image   imaging.Encoder // nil means imaging.GASF{}
	// Rendering makes pictures of 8 bits a pixel of the images; nil leaves them
	// as they are.
	Rendering *imaging.Rendering
}

// withDefaults fills in what zero values mean.
func (r Recipe) withDefaults() Recipe {
	if r.Length == 0 {
		r.Length = 10
	}
	first := Channel{r.Feature, r.Codec}.withDefaults()
	r.Feature, r.Codec = first.Feature, first.Codec
	more := r.More
	r.More = nil
	for _, c := range more {
		r.More = append(r.More, c.withDefaults())
	}
	if r.Image == nil {
		r.Image = imaging.GASF{}
	}
	return r
}

// fitted tells whether all codecs have their parameters.
func (r Recipe) fitted() bool {
	return !slices.ContainsFunc(r.Channels(), func(c Channel) bool { return c.fitter(r.Length) != nil })
}

// zero tells whether nothing is said.
func (r Recipe) zero() bool {
	return r.Length == 0 && r.Feature == nil && r.Codec == nil && r.More == nil && r.Image == nil && r.Rendering == nil
}

// inverter returns the image's way back, or why there is none.
func (r Recipe) inverter() (imaging.Inverter, error) {
	inverter, ok := r.Image.(imaging.Inverter)
	if !ok {
		return nil, fmt.Errorf("dataset: %s images have no way back to a series", r.Image.Name())
	}
	if !r.fitted() {
		return nil, errors.New("dataset: the images' scale is not known, which inverting them needs")
	}
	if r.Rendering != nil {
		if err := r.Rendering.Invertible(r.Image.Size(r.Length)); err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
	}
	return inverter, nil
}

// recipeJSON is a Recipe as it stands in a manifest.
type recipeJSON struct {
	Length int `json:"length"`
	channelJSON
	More      []channelJSON      `json:"more_channels,omitempty"`
	Image     json.RawMessage    `json:"image"`
	Rendering *imaging.Rendering `json:"rendering,omitempty"`
}

// MarshalJSON writes the parts by name, with their parameters.
func (r Recipe) MarshalJSON() ([]byte, error) {
	r = r.withDefaults()
	image, err := imaging.Marshal(r.Image)
	if err != nil {
		return nil, err
	}
	j := recipeJSON{Length: r.Length, Image: image, Rendering: r.Rendering}
	for i, c := range r.Channels() {
		channel, err := c.json()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			j.channelJSON = channel
		} else {
			j.More = append(j.More, channel)
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Recipe) UnmarshalJSON(data []byte) error {
	var j recipeJSON
	err := json.Unmarshal(data, &j)
	if err != nil {
		return fmt.Errorf("dataset: recipe: %w", err)
	}
	if j.Length < 1 || j.Length > maxLength {
		return fmt.Errorf("dataset: recipe: length %d: want 1 to %d", j.Length, maxLength)
	}
	if len(j.More) >= maxChannels {
		return fmt.Errorf("dataset: recipe: %d channels: want at most %d", 1+len(j.More), maxChannels)
	}
	r.Length, r.More = j.Length, nil
	for i, channel := range append([]channelJSON{j.channelJSON}, j.More...) {
		c, err := channel.channel()
		if err != nil {
			return err
		}
		if i == 0 {
			r.Feature, r.Codec = c.Feature, c.Codec
		} else {
			r.More = append(r.More, c)
		}
	}
	if r.Image, err = imaging.Unmarshal(j.Image); err != nil {
		return err
	}
	r.Rendering = j.Rendering
	return r.Check()
}

// maxLength is the longest series a recipe takes: its image has 16 million
// pixels.
const maxLength = 4096
