package dataset

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// encoded is one flow's image and what the image does not hold.
type encoded struct {
	image    []float64 // [size,size]
	length   int       // packets in the image
	zeroDown []int     // see Set.zeroDown
}

// encoder makes images by a fitted recipe. It is for one goroutine; an
// encoded's image is valid until the next call.
type encoder struct {
	Recipe
	codes []float64 // [Length]
	image []float64 // [size,size]
}

func newEncoder(r Recipe) *encoder {
	size := r.Image.Size(r.Length)
	return &encoder{Recipe: r, codes: make([]float64, r.Length), image: make([]float64, size*size)}
}

func (e *encoder) encode(f traffic.Flow) (encoded, error) {
	packets := f.Packets[:min(len(f.Packets), e.Length)]
	if err := e.Codec.Encode(f.Label, e.Feature.Values(packets), e.codes); err != nil {
		return encoded{}, err
	}
	e.Image.Encode(e.codes, e.image)
	out := encoded{image: e.image, length: len(packets)}
	if _, signed := e.Feature.(traffic.SignedLength); signed {
		for i, p := range packets {
			if p.Length == 0 && p.Dir == traffic.Down {
				out.zeroDown = append(out.zeroDown, i)
			}
		}
	}
	return out, nil
}

// decoder reads images by a recipe that has a way back. It is for one
// goroutine.
type decoder struct {
	Recipe
	inverter imaging.Inverter
	codes    []float64 // [Length]
	narrow   []float64 // an image in float32 precision
}

func newDecoder(r Recipe) (*decoder, error) {
	inverter, err := r.inverter()
	if err != nil {
		return nil, err
	}
	return &decoder{Recipe: r, inverter: inverter, codes: make([]float64, r.Length)}, nil
}

// values returns the feature at all Length places of the image.
func (d *decoder) values(class string, image []float64) []float64 {
	d.inverter.Decode(image, d.codes)
	return d.Codec.Decode(class, d.codes)
}

// packets returns the packets of an image whose number of them is known.
func (d *decoder) packets(class string, e encoded) []traffic.Packet {
	p := make([]traffic.Packet, e.length)
	d.Feature.Restore(d.values(class, e.image)[:e.length], p)
	for _, i := range e.zeroDown {
		p[i].Dir = traffic.Down
	}
	return p
}

// came tells whether the flow comes back from e exactly, as far as the
// feature tells flows apart: first from the image as it is, then from the
// image in float32.
func (d *decoder) came(f traffic.Flow, e encoded) (exact64, exact32 bool) {
	want := make([]traffic.Packet, e.length)
	d.Feature.Restore(d.Feature.Values(f.Packets[:e.length]), want)
	for _, i := range e.zeroDown {
		want[i].Dir = traffic.Down
	}
	exact64 = slices.Equal(d.packets(f.Label, e), want)
	d.narrow = d.narrow[:0]
	for _, pixel := range e.image {
		d.narrow = append(d.narrow, float64(float32(pixel)))
	}
	e.image = d.narrow
	return exact64, slices.Equal(d.packets(f.Label, e), want)
}

// survey is what one look at all flows tells: the classes, and the codec.
type survey struct {
	recipe Recipe
	fitter codec.Fitter // nil when the codec is given
	counts map[string]int
	cut    int
}

func newSurvey(r Recipe) (*survey, error) {
	r = r.withDefaults()
	if r.Length < 1 || r.Length > maxLength {
		return nil, fmt.Errorf("dataset: length %d: want 1 to %d packets", r.Length, maxLength)
	}
	s := &survey{recipe: r, counts: map[string]int{}}
	if learner, ok := r.Codec.(codec.Learner); ok {
		s.fitter = learner.Fitter(r.Length)
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
	s.counts[f.Label]++
	if s.fitter == nil {
		return nil
	}
	return s.fitter.Add(f.Label, s.recipe.Feature.Values(f.Packets[:min(len(f.Packets), s.recipe.Length)]))
}

// result returns the fitted recipe and the classes, sorted, with their counts.
func (s *survey) result() (r Recipe, classes []string, counts []int, err error) {
	if len(s.counts) == 0 {
		return r, nil, nil, errors.New("dataset: no flows")
	}
	r = s.recipe
	if s.fitter != nil {
		if r.Codec, err = s.fitter.Codec(); err != nil {
			return r, nil, nil, fmt.Errorf("dataset: %w", err)
		}
	}
	for label := range s.counts {
		classes = append(classes, label)
	}
	slices.Sort(classes)
	for _, label := range classes {
		counts = append(counts, s.counts[label])
	}
	return r, classes, counts, nil
}
