package dataset

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Recipe says how a flow becomes an image. Its zero value is the reference's
// recipe: the first 10 packets' signed lengths, one minimum and maximum over
// all of them, GASF.
type Recipe struct {
	Length  int             // packets a flow, from its start; shorter flows are padded; 0 means 10
	Feature traffic.Feature // nil means traffic.SignedLength{}
	Codec   codec.Codec     // nil means codec.MinMax{}, its scale taken from the data
	Image   imaging.Encoder // nil means imaging.GASF{}
}

// withDefaults fills in what zero values mean.
func (r Recipe) withDefaults() Recipe {
	if r.Length == 0 {
		r.Length = 10
	}
	if r.Feature == nil {
		r.Feature = traffic.SignedLength{}
	}
	if r.Codec == nil {
		r.Codec = codec.MinMax{}
	}
	if r.Image == nil {
		r.Image = imaging.GASF{}
	}
	return r
}

// fitted tells whether the codec has its parameters.
func (r Recipe) fitted() bool {
	learner, ok := r.Codec.(codec.Learner)
	return !ok || learner.Fitter(r.Length) == nil
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
	return inverter, nil
}

// recipeJSON is a Recipe as it stands in a manifest.
type recipeJSON struct {
	Length  int             `json:"length"`
	Feature string          `json:"feature"`
	Codec   json.RawMessage `json:"codec"`
	Image   json.RawMessage `json:"image"`
}

// MarshalJSON writes the parts by name, with their parameters.
func (r Recipe) MarshalJSON() ([]byte, error) {
	r = r.withDefaults()
	c, err := codec.Marshal(r.Codec)
	if err != nil {
		return nil, err
	}
	image, err := imaging.Marshal(r.Image)
	if err != nil {
		return nil, err
	}
	return json.Marshal(recipeJSON{Length: r.Length, Feature: r.Feature.Name(), Codec: c, Image: image})
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
	r.Length = j.Length
	if r.Feature, err = featureNamed(j.Feature); err != nil {
		return err
	}
	if r.Codec, err = codec.Unmarshal(j.Codec); err != nil {
		return err
	}
	r.Image, err = imaging.Unmarshal(j.Image)
	return err
}

// maxLength is the longest series a recipe takes: its image has 16 million
// pixels.
const maxLength = 4096

// features are the features that manifests name.
var features = []traffic.Feature{traffic.SignedLength{}, Length{}, traffic.InterArrival{}}

func featureNamed(name string) (traffic.Feature, error) {
	for _, f := range features {
		if f.Name() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("dataset: no packet feature %q", name)
}

// Length is a packet's payload length in bytes, without its direction: the
// series behind the reference's older, unsigned models.
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
