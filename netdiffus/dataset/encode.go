package dataset

import (
	"math"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// encoded is the image of one flow or series and what the image does not hold.
type encoded struct {
	image   []float64 // [size,size,C]
	picture []uint8   // [H,W,C], its picture, where the encoding has a rendering
	remainder
}

// encoder makes images by a fitted encoding. It is for one goroutine; an
// encoded's image is valid until the next call.
type encoder struct {
	*Encoding
	codes []float64 // [SeriesLength]
	plane []float64 // [size,size]
	image []float64 // [size,size,C]
}

func newEncoder(e *Encoding) *encoder {
	h, w := e.Shape()
	pixels := h * w
	return &encoder{
		Encoding: e,
		codes:    make([]float64, e.SeriesLength()),
		plane:    make([]float64, pixels),
		image:    make([]float64, pixels*len(e.recipe.Channels)),
	}
}

// from encodes what came in.
func (e *encoder) from(s source) (encoded, error) {
	r, err := s.record(e.Encoding)
	if err != nil {
		return encoded{}, err
	}
	return e.encode(r)
}

func (e *encoder) encode(r record) (encoded, error) {
	channels := e.recipe.Channels
	for i, c := range channels {
		if err := c.Codec.Encode(r.label, r.values[i], e.codes); err != nil {
			return encoded{}, e.atChannel(c, err)
		}
		e.recipe.Image.Encode(e.codes, e.plane)
		imaging.SetChannel(e.image, e.plane, i, len(channels))
	}
	out := encoded{image: e.image, remainder: r.remainder}
	if e.recipe.Rendering != nil {
		out.picture = e.recipe.Rendering.Draw(e.image, e.Size()).Pix
	}
	return out, nil
}

// decoder reads images by an encoding that is decodable. It is for one goroutine.
type decoder struct {
	*Encoding
	inverter imaging.Inverter
	codes    []float64      // [SeriesLength]
	plane    []float64      // one channel of an image
	narrow   []float64      // an image in float32 precision
	pictures *pictureReader // nil without a rendering
	slack    int            // see Encoding.slack
}

func newDecoder(e *Encoding) (*decoder, error) {
	inverter, err := e.decodable()
	if err != nil {
		return nil, err
	}
	d := &decoder{Encoding: e, inverter: inverter, codes: make([]float64, e.SeriesLength()), slack: e.slack()}
	d.pictures, err = newPictureReader(e)
	return d, err
}

// values returns each channel's values at all places of the image, [C] of
// [SeriesLength]. Padding is decoded in the lengths' channel of flows alone: series
// have none.
func (d *decoder) values(class string, image []float64) [][]float64 {
	channels := d.recipe.Channels
	out := make([][]float64, len(channels))
	for i, c := range channels {
		d.plane = imaging.Channel(d.plane, image, i, len(channels))
		d.inverter.Decode(d.plane, d.codes)
		if alive, ok := c.Codec.(codec.AliveDecoder); ok && (i != d.lengths || d.recipe.Record == Series) {
			out[i] = alive.DecodeAlive(class, d.codes)
		} else {
			out[i] = c.Codec.Decode(class, d.codes)
		}
	}
	return out
}

// restore sets in p, of one to SeriesLength packets, what the image's channels
// show, and returns their values, [C] of [SeriesLength].
func (d *decoder) restore(class string, image []float64, p []traffic.Packet) [][]float64 {
	values := d.values(class, image)
	for i, c := range d.recipe.Channels {
		c.Feature.Restore(values[i][:len(p)], p)
	}
	return values
}

// packets returns the packets of an image whose number of them is known.
func (d *decoder) packets(class string, e encoded) []traffic.Packet {
	p := make([]traffic.Packet, e.length)
	d.restore(class, e.image, p)
	e.remainder.restore(p)
	return p
}

// drawn returns the packets of an image whose number of them is unknown: those
// that are not padding.
func (d *decoder) drawn(class string, e encoded) []traffic.Packet {
	p := make([]traffic.Packet, d.SeriesLength())
	d.restore(class, e.image, p)
	if !d.Holds(traffic.FieldLength) {
		return p // no channel distinguishes padding
	}
	n := 0
	for _, packet := range p {
		if packet.Length > d.slack {
			p[n] = packet
			n++
		}
	}
	if p = p[:n]; n > 0 {
		p[0].IAT = 0
	}
	return p
}

// padded returns SeriesLength packets, padding included, as the reference reads
// them: see Set.PaddedFlows.
func (d *decoder) padded(class string, e encoded) []traffic.Packet {
	p := make([]traffic.Packet, d.SeriesLength())
	v := d.restore(class, e.image, p)[d.lengths]
	for i := range p {
		if p[i].Length <= d.slack {
			p[i].Length = 0
		}
		if p[i].Length == 0 && v[i] >= 0 && !d.direction {
			p[i].Dir = traffic.Down
		}
	}
	p[0].IAT = 0
	return p
}

// inFloat32 is e with its image rounded to float32, valid until the next call.
func (d *decoder) inFloat32(e encoded) encoded {
	d.narrow = d.narrow[:0]
	for _, pixel := range e.image {
		d.narrow = append(d.narrow, float64(float32(pixel)))
	}
	e.image = d.narrow
	return e
}

// verifyFlow reports whether the flow r comes back from e exactly, as far as the
// features distinguish flows: first from the image as it is, then from the image
// in float32. Inter-arrival times are real numbers, which scales and bins round:
// they are left out, and off is how far they are from what they were, the mean
// difference of ln(1+microseconds) over the packets.
func (d *decoder) verifyFlow(r record, e encoded) (exact64, exact32 bool, off float64) {
	want := make([]traffic.Packet, e.length)
	for i, c := range d.recipe.Channels {
		c.Feature.Restore(r.values[i], want)
	}
	e.remainder.restore(want)
	exact64, off = same(d.packets(r.label, e), want)
	exact32, _ = same(d.packets(r.label, d.inFloat32(e)), want)
	return exact64, exact32, off
}

// verifySeries reports whether the series r comes back from e, and counts its errors
// by channel.
func (d *decoder) verifySeries(r record, e encoded, by []precision) (exact64, exact32 bool) {
	got64 := d.values(r.label, e.image)
	got32 := d.values(r.label, d.inFloat32(e).image)
	exact64, exact32 = true, true
	for i, want := range r.values {
		in64, in32 := by[i].add(want, got64[i], got32[i])
		exact64, exact32 = exact64 && in64, exact32 && in32
	}
	return exact64, exact32
}

// same reports whether packets are equal but for their times, and how far these
// are apart.
func same(a, b []traffic.Packet) (equal bool, off float64) {
	equal = len(a) == len(b)
	for i := range min(len(a), len(b)) {
		equal = equal && a[i].Length == b[i].Length && a[i].Dir == b[i].Dir
		off += math.Abs(math.Log1p(a[i].IAT)-math.Log1p(b[i].IAT)) / float64(len(b))
	}
	return equal, off
}
