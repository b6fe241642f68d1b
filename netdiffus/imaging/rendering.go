package imaging

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Rendering describes how an encoder's image of n x n numbers in [−1,1] becomes a
// picture of 8 bits a pixel, the form in which NetDiffus first stored GASF
// images: resized by a bicubic filter, then corrected by gamma, then coloured.
//
// A picture holds numbers to a 256th of their range only, so that the packets
// decoded from it are not exact.
type Rendering struct {
	// Color is "jet" (RGB: matplotlib's map of that name) or "gray". Empty is
	// for pictures that somebody else made in an unknown way, which cannot be
	// decoded.
	Color string `json:"color,omitempty"`
	// Side is the picture's height and width in pixels; 0 means the image's.
	Side int `json:"side,omitempty"`
	// Depth is the number of channels; 0 means 3 for "jet", 1 for "gray". A gray
	// picture may have its gray in all of 3, as guided-diffusion reads it.
	Depth int `json:"depth,omitempty"`
	// Gamma is the power that numbers, as shares of their range in [0,1], are
	// raised to; 0 means 1.
	Gamma float64 `json:"gamma,omitempty"`
	// Stretch colours every image from its own least number to its own greatest,
	// as the original did, instead of from −1 to 1. The picture then no longer
	// holds the level of the numbers and cannot be decoded.
	Stretch bool `json:"stretch,omitempty"`
}

// Validate reports what is wrong with r.
func (r Rendering) Validate() error {
	switch {
	case r.Color != "" && r.Color != "jet" && r.Color != "gray":
		return fmt.Errorf("imaging: unknown colours %q: want jet or gray", r.Color)
	case r.Side < 0 || r.Side > MaxSide:
		return fmt.Errorf("imaging: a picture of %d pixels: want 1 to %d, or 0 for the image's own size", r.Side, MaxSide)
	case r.Depth != 0 && r.Depth != 1 && r.Depth != 3 || r.Color == "jet" && r.Depth == 1:
		return fmt.Errorf("imaging: a picture of %d channels: want 3, or 1 for gray", r.Depth)
	case math.IsNaN(r.Gamma) || r.Gamma < 0 || r.Gamma != 0 && (r.Gamma < 0.01 || r.Gamma > 100):
		return fmt.Errorf("imaging: gamma %v: want 0.01 to 100", r.Gamma)
	}
	return nil
}

// Size is the height and width of the picture of an n x n image.
func (r Rendering) Size(n int) int {
	if r.Side == 0 {
		return n
	}
	return r.Side
}

// Channels is the picture's number of channels.
func (r Rendering) Channels() int {
	switch {
	case r.Depth != 0:
		return r.Depth
	case r.Color == "gray":
		return 1
	}
	return 3
}

// Invertible returns why the pictures of n x n images cannot be decoded; nil if
// they can.
func (r Rendering) Invertible(n int) error {
	switch {
	case r.Color == "":
		return errors.New("imaging: how the pictures were coloured is unknown: want jet or gray")
	case r.Stretch:
		return errors.New("imaging: pictures stretched to their own range cannot be decoded, since they do not hold the numbers' level")
	case r.Size(n) < n:
		return fmt.Errorf("imaging: pictures of %d pixels cannot be decoded into images of %d", r.Size(n), n)
	case r.Size(n) > n && (r.Size(n) > maxResized || n > maxResized/4):
		return fmt.Errorf("imaging: pictures of %d pixels resized from %d are too large to be read back: want at most %d and %d", r.Size(n), n, maxResized, maxResized/4)
	}
	return nil
}

// maxResized is the side of the largest resized picture that is read back, which
// takes memory in proportion to its square and time to its cube.
const maxResized = 2048

// Draw returns the picture of img, [n,n] in [−1,1].
func (r Rendering) Draw(img []float64, n int) Picture {
	checkSquare("Rendering.Draw", n, len(img))
	side := r.Size(n)
	p := Picture{W: side, H: side, C: r.Channels(), Pix: make([]uint8, 0, side*side*r.Channels())}
	low, high := -1.0, 1.0
	numbers := resizeNumbers(img, n, side, bicubic)
	if r.Stretch {
		low, high = extent(numbers)
	}
	for _, v := range numbers {
		u := (v - low) / (high - low) // NaN where all numbers are one: black, as matplotlib paints it
		if r.Gamma != 0 && r.Gamma != 1 {
			u = math.Pow(min(max(u, 0), 1), r.Gamma)
		}
		switch {
		case math.IsNaN(u):
			p.Pix = append(p.Pix, make([]uint8, p.C)...)
		case r.Color == "jet":
			p.Pix = append(p.Pix, jet[jetIndex(u)][:]...)
		default:
			for range p.C {
				p.Pix = append(p.Pix, uint8(min(max(u, 0), 1)*255)) // cut, as the reference does
			}
		}
	}
	return p
}

// extent returns the least and the greatest number.
func extent(numbers []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range numbers {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// Reader reads pictures of a rendering back into images. It is for one
// goroutine.
type Reader struct {
	r          Rendering
	n          int
	widen      *mat.Dense // [side,n]; nil where the sizes are one
	narrow     *mat.Dense // [n,side], its least-squares inverse
	pixels     *mat.Dense // [side,side]
	lost, held []bool     // pixels at the lower end, at the upper
}

// NewReader returns a Reader of pictures of n x n images. It fails where these
// cannot be decoded; see Invertible.
func (r Rendering) NewReader(n int) (*Reader, error) {
	if err := r.Invertible(n); err != nil {
		return nil, err
	}
	side := r.Size(n)
	d := &Reader{r: r, n: n}
	if side == n {
		return d, nil
	}
	d.pixels, d.lost, d.held = mat.NewDense(side, side, nil), make([]bool, side*side), make([]bool, side*side)
	d.widen = mat.NewDense(side, n, nil)
	for i, t := range bicubic.taps(n, side) {
		for j, w := range t.weights {
			d.widen.Set(i, t.from+j, w)
		}
	}
	unit := mat.NewDense(side, side, nil)
	for i := range side {
		unit.Set(i, i, 1)
	}
	d.narrow = mat.NewDense(n, side, nil)
	var qr mat.QR
	qr.Factorize(d.widen)
	if err := qr.SolveTo(d.narrow, false, unit); err != nil {
		return nil, fmt.Errorf("imaging: resizing %d to %d cannot be undone: %w", n, side, err)
	}
	return d, nil
}

// rounds bounds how often Read corrects the pixels that resizing drove out of
// the range.
const rounds = 30

// Read writes into img, [n,n], the image that the picture pix, [side,side,C],
// shows: every pixel's number by the nearest colour of the map, and of a resized
// picture the image whose resizing comes nearest to all pixels (least squares).
// Resizing overshoots at edges, and what left the range was cut to its ends: such
// a pixel is only a bound of the number, which Read takes it for. It returns how
// far the colours lie from the map, on average, in units of 8 bits.
func (d *Reader) Read(pix []uint8, img []float64) (off float64) {
	side, c := d.r.Size(d.n), d.r.Channels()
	if len(pix) != side*side*c {
		panic(sizeError("Reader.Read", len(pix), side*side*c))
	}
	checkSquare("Reader.Read", d.n, len(img))
	numbers := img
	if d.widen != nil {
		numbers = d.pixels.RawMatrix().Data
	}
	for i := range numbers {
		u, distance := d.r.value(pix[i*c : (i+1)*c])
		off += distance
		if d.widen != nil {
			d.lost[i], d.held[i] = u == 0, u == 1
		}
		if d.r.Gamma != 0 && d.r.Gamma != 1 {
			u = math.Pow(u, 1/d.r.Gamma)
		}
		numbers[i] = 2*u - 1
	}
	if d.widen != nil {
		d.shrink(img)
	}
	return off / float64(len(numbers))
}

// shrink writes into img, [n,n], the image whose resizing comes nearest to
// d.pixels, of which those at the ends of the range are bounds.
func (d *Reader) shrink(img []float64) {
	out := mat.NewDense(d.n, d.n, img)
	var half, again mat.Dense
	for round := range rounds {
		half.Mul(d.narrow, d.pixels)
		out.Mul(&half, d.narrow.T())
		half.Reset()
		if round == rounds-1 {
			break
		}
		half.Mul(d.widen, out)
		again.Mul(&half, d.widen.T())
		half.Reset()
		if d.release(again.RawMatrix().Data) < 1e-4 {
			break
		}
	}
	for i, v := range img {
		img[i] = min(max(v, -1), 1)
	}
}

// release moves the pixels that are bounds to the numbers beyond them, and returns
// by how much at most.
func (d *Reader) release(numbers []float64) (moved float64) {
	pixels := d.pixels.RawMatrix().Data
	for i, v := range numbers {
		if d.held[i] && v > 1 || d.lost[i] && v < -1 {
			moved = max(moved, math.Abs(v-pixels[i]))
			pixels[i] = v
		}
	}
	return moved
}

// value is the share of the range that a pixel shows, and how far it lies from
// the map's colours.
func (r Rendering) value(pixel []uint8) (u, distance float64) {
	if r.Color == "jet" {
		return unjet([3]uint8(pixel))
	}
	gray := float64(pixel[0])
	if len(pixel) == 3 {
		gray = (float64(pixel[0]) + float64(pixel[1]) + float64(pixel[2])) / 3
		for _, v := range pixel {
			distance += (float64(v) - gray) * (float64(v) - gray)
		}
	}
	if gray > 0 && gray < 255 {
		gray += 0.5 // the middle of those that are cut to it
	}
	return gray / 255, math.Sqrt(distance)
}

// Guess returns the rendering that all of some pictures of n x n pixels may be
// of, by their colours: jet, gray, or unknown. Where every one of several has
// both ends of the map, they were stretched.
func Guess(pictures ...Picture) Rendering {
	gray, onMap := len(pictures) > 0, len(pictures) > 0
	seen, ends := 0, 0
	for _, p := range pictures {
		if !slices.ContainsFunc(p.Pix, func(v uint8) bool { return v != 0 }) {
			continue // black is what has no number: matplotlib paints it where a stretched image has no range
		}
		seen++
		g := p.guess()
		gray, onMap = gray && g.gray, onMap && g.onMap
		if g.ends {
			ends++
		}
	}
	stretched := seen > 1 && ends == seen
	switch {
	case onMap:
		return Rendering{Color: "jet", Stretch: stretched}
	case gray:
		return Rendering{Color: "gray", Stretch: stretched}
	}
	return Rendering{}
}

// guess is what one picture's colours show.
type guess struct {
	gray, onMap bool // all pixels are gray, or colours of jet
	ends        bool // both ends of a map are there
}

func (p Picture) guess() guess {
	if p.C == 1 {
		return guess{gray: true, ends: slices.Contains(p.Pix, 0) && slices.Contains(p.Pix, 255)}
	}
	g := guess{gray: true, onMap: true}
	low, high := false, false
	for i := 0; i < len(p.Pix); i += 3 {
		c := [3]uint8(p.Pix[i : i+3])
		low = low || c == jet[0] || c == [3]uint8{}
		high = high || c == jet[255] || c == [3]uint8{255, 255, 255}
		g.gray = g.gray && c[0] == c[1] && c[1] == c[2]
		_, known := jetCodes[c]
		g.onMap = g.onMap && known
	}
	g.ends = low && high
	return g
}
