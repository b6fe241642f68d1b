package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// maxLength is the longest series an encoding takes: its image has 16 million
// pixels.
const maxLength = 4096

// maxChannels is far above the number of features there are.
const maxChannels = 64

// Encoding is a complete [Recipe]: how the flows of a set became its images, and
// how the images are decoded. [Build] and [Convert] fit it to flows, [Open] reads
// it, and all make it by [NewEncoding]. It does not change once it is made.
type Encoding struct {
	recipe    Recipe         // with its defaults, checked
	fields    traffic.Fields // that the channels hold together
	lengths   int            // the channel that holds lengths, or else the first
	direction bool           // a channel of their own holds the directions
}

// NewEncoding fills in the defaults of r and checks it. Codecs that take their
// parameters from data stay without them; see [Encoding.Fitted].
func NewEncoding(r Recipe) (*Encoding, error) {
	r = r.withDefaults()
	e := &Encoding{recipe: r, lengths: -1}
	for i, c := range r.Channels {
		if c.Feature == nil {
			continue // a series'
		}
		fields := c.Feature.Fields()
		e.fields |= fields
		e.direction = e.direction || fields == traffic.FieldDir
		if e.lengths < 0 && fields.Has(traffic.FieldLength) {
			e.lengths = i
		}
	}
	e.lengths = max(e.lengths, 0)
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return e, nil
}

// MustEncoding is NewEncoding for recipes that are known to be valid. It panics on
// others.
func MustEncoding(r Recipe) *Encoding {
	e, err := NewEncoding(r)
	if err != nil {
		panic(err)
	}
	return e
}

func (e *Encoding) check() error {
	r := e.recipe
	if r.Record != Flows && r.Record != Series {
		return fmt.Errorf("record %q: want %s or %s", r.Record, Flows, Series)
	}
	if r.SeriesLength < 1 || r.SeriesLength > maxLength {
		return fmt.Errorf("series length %d: want 1 to %d %s", r.SeriesLength, maxLength, r.Record.Places())
	}
	if r.Step < 0 || r.Step > 0 && r.Record == Flows {
		return fmt.Errorf("a step of %v: want one above 0 for series, and none for flows", r.Step)
	}
	if len(r.Channels) > maxChannels {
		return fmt.Errorf("%d channels: want at most %d", len(r.Channels), maxChannels)
	}
	seen := map[string]bool{}
	for i, c := range r.Channels {
		name := c.Name()
		switch {
		case (c.Feature == nil) != (r.Record == Series), (c.Series == "") != (r.Record == Flows):
			return fmt.Errorf("channel %d (%q) of a recipe for %s: flows have features, series have named channels", i, name, r.Record)
		case seen[name]:
			return fmt.Errorf("duplicate channel %q", name)
		}
		seen[name] = true
		if c.Feature == nil {
			continue
		}
		if lengths := r.Channels[e.lengths]; i != e.lengths && c.Feature.Fields().Has(traffic.FieldLength) {
			return fmt.Errorf("features %s and %s both hold the packet's length: want one of them", lengths.Feature.Name(), name)
		}
	}
	if r.Rendering == nil {
		return nil
	}
	if len(r.Channels) > 1 {
		if r.Record == Series {
			return fmt.Errorf("pictures hold one channel, in colours, and the series have %d (%s): choose one of them, or make images of numbers", len(r.Channels), strings.Join(channelNames(r.Channels), ", "))
		}
		return errors.New("pictures hold one feature, in colours: several are for images of numbers")
	}
	if h, w := e.Shape(); h != w {
		return fmt.Errorf("pictures are of square images: %s is none", r.Image.Name())
	}
	return r.Rendering.Validate()
}

func channelNames(channels []Channel) (names []string) {
	for _, c := range channels {
		names = append(names, c.Name())
	}
	return names
}

// Places names what an image has SeriesLength of.
func (r Record) Places() string {
	if r == Series {
		return "bins"
	}
	return "packets"
}

// Record returns what an image shows.
func (e *Encoding) Record() Record { return e.recipe.Record }

// Step returns the step of a series' bins, 0 where it is unknown, and for flows.
func (e *Encoding) Step() time.Duration { return e.recipe.Step }

// SeriesLength returns how many packets of a flow, from its start, or bins of a
// series an image holds.
func (e *Encoding) SeriesLength() int { return e.recipe.SeriesLength }

// Channels returns the features of the images, or the series' channels, and their
// codecs, a copy.
func (e *Encoding) Channels() []Channel { return slices.Clone(e.recipe.Channels) }

// LengthChannel returns the channel that holds the packets' lengths, and so how
// many packets there are, and its index; the first channel where none does.
func (e *Encoding) LengthChannel() (int, Channel) { return e.lengths, e.recipe.Channels[e.lengths] }

// Image returns the kind of image.
func (e *Encoding) Image() imaging.Encoder { return e.recipe.Image }

// Size returns the width of an image of numbers; most are as high.
func (e *Encoding) Size() int { return e.recipe.Image.Size(e.recipe.SeriesLength) }

// Shape returns the height and width of an image of numbers.
func (e *Encoding) Shape() (h, w int) { return imaging.Shape(e.recipe.Image, e.recipe.SeriesLength) }

// Rendering returns how the images become pictures, a copy; nil where they stay
// numbers.
func (e *Encoding) Rendering() *imaging.Rendering {
	if e.recipe.Rendering == nil {
		return nil
	}
	r := *e.recipe.Rendering
	return &r
}

// Holds reports whether the images hold these fields of a packet: whether flows
// have lengths, directions (traffic.FieldDir) and inter-arrival times
// (traffic.FieldIAT).
func (e *Encoding) Holds(f traffic.Fields) bool { return e.fields.Has(f) }

// Fitted reports whether the parameters of all codecs, and of pictures the colours,
// are known. They are not where the reference's files were opened without them.
func (e *Encoding) Fitted() bool {
	p := e.recipe.Rendering
	return e.hasCodecs() && (p == nil || p.Color != "")
}

// hasCodecs reports whether all codecs have their parameters.
func (e *Encoding) hasCodecs() bool {
	return !slices.ContainsFunc(e.fitters(), func(f codec.Fitter) bool { return f != nil })
}

// fitters returns what learns the codecs' parameters, by channel; nil where they
// are set.
func (e *Encoding) fitters() []codec.Fitter {
	out := make([]codec.Fitter, len(e.recipe.Channels))
	for i, c := range e.recipe.Channels {
		if learner, ok := c.Codec.(codec.Learner); ok {
			out[i] = learner.Fitter(e.recipe.SeriesLength)
		}
	}
	return out
}

// NewImages returns n images of the size, channels and kind that the encoding
// makes, all zero.
func (e *Encoding) NewImages(n int) imaging.Images {
	if p := e.recipe.Rendering; p != nil {
		return imaging.NewPictures(n, p.Size(e.Size()), p.Size(e.Size()), p.Channels())
	}
	h, w := e.Shape()
	return imaging.New(n, h, w, len(e.recipe.Channels))
}

// DecodedBy returns the encoding whose images another inverter decodes, such as
// imaging.WholeGASF.
func (e *Encoding) DecodedBy(image imaging.Inverter) (*Encoding, error) {
	r := e.recipe
	r.Image = image
	return NewEncoding(r)
}

// decodable returns what decodes the images, or why nothing does.
func (e *Encoding) decodable() (imaging.Inverter, error) {
	inverter, ok := e.recipe.Image.(imaging.Inverter)
	if !ok {
		return nil, fmt.Errorf("dataset: %s images cannot be decoded into a series", e.recipe.Image.Name())
	}
	if !e.hasCodecs() {
		return nil, errors.New("dataset: the images' scale is unknown, which decoding needs")
	}
	if e.recipe.Rendering != nil {
		if err := e.recipe.Rendering.Invertible(e.Size()); err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
	}
	return inverter, nil
}

// atChannel adds to err which of several channels it is about.
func (e *Encoding) atChannel(c Channel, err error) error {
	if err == nil || len(e.recipe.Channels) == 1 {
		return err
	}
	return fmt.Errorf("%s: %w", c.Name(), err)
}

// channelJSON is a Channel as it stands in a manifest.
type channelJSON struct {
	Feature string          `json:"feature,omitempty"` // of flows
	Series  string          `json:"series,omitempty"`  // a series' channel
	Unit    string          `json:"unit,omitempty"`
	Codec   json.RawMessage `json:"codec"`
}

func (c Channel) json() (channelJSON, error) {
	data, err := codec.Marshal(c.Codec)
	if err != nil || c.Feature == nil {
		return channelJSON{Series: c.Series, Unit: c.Unit, Codec: data}, err
	}
	return channelJSON{Feature: c.Feature.Name(), Codec: data}, traffic.CheckFeature(c.Feature)
}

func (j channelJSON) channel() (c Channel, err error) {
	c.Series, c.Unit = j.Series, j.Unit
	if j.Series == "" {
		c.Feature, err = traffic.FeatureNamed(j.Feature)
	}
	if err == nil {
		c.Codec, err = codec.Unmarshal(j.Codec)
	}
	return c, err
}

// encodingJSON is an Encoding as it stands in a manifest. The first channel has no
// list around it, as in manifests from before there were several.
type encodingJSON struct {
	Record Record `json:"record,omitempty"` // "" for flows, as in manifests from before there were series
	Length int    `json:"length"`
	Step   string `json:"step,omitempty"` // a duration, such as "100ms"
	channelJSON
	More      []channelJSON      `json:"more_channels,omitempty"`
	Image     json.RawMessage    `json:"image"`
	Rendering *imaging.Rendering `json:"rendering,omitempty"`
}

// MarshalJSON writes the parts by name, with their parameters. It fails where one
// is not registered.
func (e *Encoding) MarshalJSON() ([]byte, error) {
	r := e.recipe
	image, err := imaging.Marshal(r.Image)
	if err != nil {
		return nil, err
	}
	j := encodingJSON{Length: r.SeriesLength, Image: image, Rendering: r.Rendering}
	if r.Record != Flows {
		j.Record = r.Record
	}
	if r.Step > 0 {
		j.Step = r.Step.String()
	}
	for i, c := range r.Channels {
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
func (e *Encoding) UnmarshalJSON(data []byte) error {
	var j encodingJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("dataset: recipe: %w", err)
	}
	if j.Length < 1 {
		return fmt.Errorf("dataset: recipe: length %d: want 1 or more", j.Length)
	}
	r := Recipe{Record: j.Record, SeriesLength: j.Length, Rendering: j.Rendering}
	if j.Step != "" {
		step, err := time.ParseDuration(j.Step)
		if err != nil {
			return fmt.Errorf("dataset: recipe: step: %w", err)
		}
		r.Step = step
	}
	for _, channel := range append([]channelJSON{j.channelJSON}, j.More...) {
		c, err := channel.channel()
		if err != nil {
			return err
		}
		r.Channels = append(r.Channels, c)
	}
	var err error
	if r.Image, err = imaging.Unmarshal(j.Image); err != nil {
		return err
	}
	made, err := NewEncoding(r)
	if err == nil {
		*e = *made
	}
	return err
}
