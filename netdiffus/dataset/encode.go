package dataset

import (
	"errors"
	"fmt"
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// encoded is one flow's image and what the image does not hold.
type encoded struct {
	image    []float64 // [size,size,C]
	picture  []uint8   // [H,W,C], its picture, where the recipe has a rendering
	length   int       // packets in the image
	zeroDown []int     // see Set.zeroDown
}

// encoder makes images by a fitted recipe. It is for one goroutine; an
// encoded's image is valid until the next call.
type encoder struct {
	Recipe
	channels []Channel
	codes    []float64 // [Length]
	plane    []float64 // [size,size]
	image    []float64 // [size,size,C]
}

func newEncoder(r Recipe) *encoder {
	size := r.Image.Size(r.Length)
	e := &encoder{Recipe: r, channels: r.Channels(), codes: make([]float64, r.Length), plane: make([]float64, size*size)}
	e.image = make([]float64, size*size*len(e.channels))
	return e
}

func (e *encoder) encode(f traffic.Flow) (encoded, error) {
	if err := e.checkTimes(f); err != nil {
		return encoded{}, err
	}
	packets := f.Packets[:min(len(f.Packets), e.Length)]
	for i, c := range e.channels {
		if err := c.Codec.Encode(f.Label, c.Feature.Values(packets), e.codes); err != nil {
			return encoded{}, e.atChannel(c, err)
		}
		e.Image.Encode(e.codes, e.plane)
		imaging.SetChannel(e.image, e.plane, i, len(e.channels))
	}
	out := encoded{image: e.image, length: len(packets)}
	if e.Rendering != nil {
		out.picture = e.Rendering.Draw(e.image, e.Image.Size(e.Length)).Pix
	}
	if e.has(traffic.SignedLength{}) && !e.has(Direction{}) {
		for i, p := range packets {
			if p.Length == 0 && p.Dir == traffic.Down {
				out.zeroDown = append(out.zeroDown, i)
			}
		}
	}
	return out, nil
}

// checkTimes tells whether the flow has the times that the recipe draws.
func (r Recipe) checkTimes(f traffic.Flow) error {
	if r.Timed() && !f.Timed {
		return errors.New("a flow without inter-arrival times, which the images are to hold (leave the feature inter_arrival out, or read captures or a file with the column IAT)")
	}
	return nil
}

// atChannel says which of several channels err is about.
func (r Recipe) atChannel(c Channel, err error) error {
	if err == nil || len(r.More) == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", c.Feature.Name(), err)
}

// decoder reads images by a recipe that has a way back. It is for one
// goroutine.
type decoder struct {
	Recipe
	channels []Channel
	inverter imaging.Inverter
	codes    []float64      // [Length]
	plane    []float64      // one channel of an image
	narrow   []float64      // an image in float32 precision
	pictures *pictureReader // nil without a rendering
	slack    int            // see Recipe.Slack
}

func newDecoder(r Recipe) (*decoder, error) {
	inverter, err := r.inverter()
	if err != nil {
		return nil, err
	}
	d := &decoder{Recipe: r, channels: r.Channels(), inverter: inverter, codes: make([]float64, r.Length)}
	d.pictures, err = newPictureReader(r)
	d.slack = r.Slack()
	return d, err
}

// values returns each channel's feature at all Length places of the image, [C]
// of [Length]. Only the channel that tells lengths is read with padding.
func (d *decoder) values(class string, image []float64) [][]float64 {
	out := make([][]float64, len(d.channels))
	for i, c := range d.channels {
		d.plane = imaging.Channel(d.plane, image, i, len(d.channels))
		d.inverter.Decode(d.plane, d.codes)
		if alive, ok := c.Codec.(codec.AliveDecoder); ok && i != d.lengthChannel() {
			out[i] = alive.DecodeAlive(class, d.codes)
		} else {
			out[i] = c.Codec.Decode(class, d.codes)
		}
	}
	return out
}

// restore sets in p, one to Length packets, what the image's channels show, and
// returns their values, [C] of [Length].
func (d *decoder) restore(class string, image []float64, p []traffic.Packet) [][]float64 {
	values := d.values(class, image)
	for i, c := range d.channels {
		c.Feature.Restore(values[i][:len(p)], p)
	}
	return values
}

// packets returns the packets of an image whose number of them is known.
func (d *decoder) packets(class string, e encoded) []traffic.Packet {
	p := make([]traffic.Packet, e.length)
	d.restore(class, e.image, p)
	for _, i := range e.zeroDown {
		p[i].Dir = traffic.Down
	}
	return p
}

// came tells whether the flow comes back from e exactly, as far as the
// features tell flows apart: first from the image as it is, then from the image
// in float32. Inter-arrival times are real numbers, which scales and bins round:
// they are left out, and off is how far they are from what they were, the mean
// difference of ln(1+microseconds) over the packets.
func (d *decoder) came(f traffic.Flow, e encoded) (exact64, exact32 bool, off float64) {
	want := make([]traffic.Packet, e.length)
	for _, c := range d.channels {
		c.Feature.Restore(c.Feature.Values(f.Packets[:e.length]), want)
	}
	for _, i := range e.zeroDown {
		want[i].Dir = traffic.Down
	}
	exact64, off = same(d.packets(f.Label, e), want)
	d.narrow = d.narrow[:0]
	for _, pixel := range e.image {
		d.narrow = append(d.narrow, float64(float32(pixel)))
	}
	e.image = d.narrow
	exact32, _ = same(d.packets(f.Label, e), want)
	return exact64, exact32, off
}

// same tells whether packets are equal but for their times, and how far these
// are apart.
func same(a, b []traffic.Packet) (equal bool, off float64) {
	equal = len(a) == len(b)
	for i := range min(len(a), len(b)) {
		equal = equal && a[i].Length == b[i].Length && a[i].Dir == b[i].Dir
		off += math.Abs(math.Log1p(a[i].IAT)-math.Log1p(b[i].IAT)) / float64(len(b))
	}
	return equal, off
}
