package dataset

import (
	"math"
	"slices"
	"sync"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Plain returns the set with its pictures read back into the images that they
// show, one channel of numbers, and how far their colours lie from the map's on
// average, in units of 8 bits. A set that holds no pictures is returned as it is.
func (s *Set) Plain() (plain *Set, off float64, err error) {
	if err := s.check(); err != nil {
		return nil, 0, err
	}
	if s.Encoding.recipe.Rendering == nil {
		return s, 0, nil
	}
	reader, err := newPictureReader(s.Encoding)
	if err != nil {
		return nil, 0, err
	}
	out := *s
	r := s.Encoding.recipe
	r.Rendering = nil
	if out.Encoding, err = NewEncoding(r); err != nil {
		return nil, 0, err
	}
	out.Images = out.Encoding.NewImages(s.Len())
	for i := range s.Len() {
		copy(out.Images.At(i), reader.open(s.at(i)).image)
	}
	return &out, reader.off / float64(max(s.Len(), 1)), nil
}

// slack returns the largest length, bytes, that is read where a picture has the
// colour of padding, or half of the lengths that have this colour if that is more.
// It is 0 where the images are no pictures, or pictures that cannot be decoded.
func (e *Encoding) slack() int {
	m, ok := e.recipe.Channels[e.lengths].Codec.(codec.MinMax)
	if e.recipe.Record == Series || e.recipe.Rendering == nil || !ok || m.Log || !(m.Min <= 0 && m.Max >= 0) {
		return 0
	}
	pixel := *e.recipe.Rendering
	pixel.Side = 0
	reader, err := pixel.NewReader(1)
	if err != nil {
		return 0
	}
	x, img := make([]float64, 1), make([]float64, 1)
	draw := func(length int) []uint8 {
		if m.Encode("", []float64{float64(length)}, x) != nil {
			return nil // beyond the scale
		}
		imaging.GASF{}.Encode(x, img)
		return pixel.Draw(img, 1).Pix
	}
	padding := draw(0)
	width := 0 // lengths of the same colour, besides 0
	for _, sign := range []int{-1, 1} {
		for n := 1; n < 4096 && slices.Equal(draw(sign*n), padding); n++ {
			width++
		}
	}
	reader.Read(padding, img)
	imaging.GASF{}.Decode(img, x)
	return max(int(math.Abs(math.Round(m.Decode("", x)[0]))), width/2)
}

// pictureReader reads pictures back into images. It is for one goroutine; nil
// reads none.
type pictureReader struct {
	reader *imaging.Reader
	size   int
	image  []float64 // [size,size], nil until it is needed
	off    float64   // sum over the pictures of how far colours lie from the map
}

func newPictureReader(e *Encoding) (*pictureReader, error) {
	if e.recipe.Rendering == nil {
		return nil, nil
	}
	reader, err := e.recipe.Rendering.NewReader(e.Size())
	if err != nil {
		return nil, err
	}
	return &pictureReader{reader: reader, size: e.Size()}, nil
}

// open returns e with the image that its picture shows, valid until the next
// call. Without a picture e is returned as it is.
func (p *pictureReader) open(e encoded) encoded {
	if p == nil || e.picture == nil {
		return e
	}
	if p.image == nil {
		p.image = make([]float64, p.size*p.size)
	}
	p.off += p.reader.Read(e.picture, p.image)
	e.image = p.image
	return e
}

// Loss is what is lost when flows become pictures of 8 bits a pixel: how their
// packets are decoded.
type Loss struct {
	Packets int     `json:"packets"`
	Exact   int     `json:"exact"`        // lengths that are decoded as they were
	Turned  int     `json:"turned"`       // directions that are not; packets of 0 bytes aside
	Mean    float64 `json:"mean_bytes"`   // of the lengths' errors
	Median  float64 `json:"median_bytes"` // the same; of errors beyond 4096, 4096
	Largest int     `json:"largest_bytes"`
}

// LossOf returns the loss that the manifest in the folder dir records; nil where it
// records none.
func LossOf(dir string) (*Loss, error) {
	m, err := readManifest(dir)
	return m.Loss, err
}

// lossCounter gathers a Loss, from several goroutines.
type lossCounter struct {
	mu      sync.Mutex
	loss    Loss
	sum     float64
	byError [4097]int // packets by the error of their length
}

// add counts the packets of the flow r, e being what was read off its picture.
func (c *lossCounter) add(d *decoder, r record, e encoded) {
	if d.pictures == nil {
		return
	}
	got := d.packets(r.label, e)
	directed := d.Holds(traffic.FieldDir)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range got {
		want := r.packets[i]
		wrong := p.Length - want.Length
		if wrong < 0 {
			wrong = -wrong
		}
		c.loss.Packets++
		c.sum += float64(wrong)
		c.loss.Largest = max(c.loss.Largest, wrong)
		c.byError[min(wrong, len(c.byError)-1)]++
		if directed && want.Length > 0 && p.Dir != want.Dir {
			c.loss.Turned++
		}
	}
}

// result is the loss of all packets, nil where none was counted.
func (c *lossCounter) result() *Loss {
	if c.loss.Packets == 0 {
		return nil
	}
	out := c.loss
	out.Exact = c.byError[0]
	out.Mean = math.Round(c.sum/float64(out.Packets)*1e4) / 1e4
	below := 0
	for wrong, n := range c.byError {
		if below += n; 2*below >= out.Packets {
			out.Median = float64(wrong)
			break
		}
	}
	return &out
}

// GridName is the file of a set's folder that shows some of its pictures at
// once. It is not part of the set.
const GridName = "samples.png"
