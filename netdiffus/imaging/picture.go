package imaging

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"sync"
)

// Picture is one picture of 8 bits a pixel.
type Picture struct {
	W, H, C int     // C is 1 (gray) or 3 (red, green, blue)
	Pix     []uint8 // [H,W,C]
}

// MaxSide is the largest width and height of a picture that is read.
const MaxSide = 16384

// pictureMemory bounds what a picture takes while it is read, on top of four
// times its file's size: a file's first bytes can claim any size.
const pictureMemory = 32 << 20

// large keeps more than one large picture at a time out of memory, however many
// goroutines read.
var large sync.Mutex

// ReadPNG reads a picture from a file of so many bytes: gray, colours or a
// palette, 1 to 16 bits, interlaced or not. Of 16 bits the upper 8 are taken;
// transparency is left out, as PIL's conversion to RGB leaves it out.
func ReadPNG(r io.ReadSeeker, size int64) (Picture, error) {
	c, err := png.DecodeConfig(r)
	if err != nil {
		return Picture{}, pngError(err)
	}
	need := int64(c.Width) * int64(c.Height) * pixelBytes(c.ColorModel)
	switch {
	case c.Width < 1 || c.Height < 1:
		return Picture{}, fmt.Errorf("a picture of %d x %d pixels", c.Width, c.Height)
	case c.Width > MaxSide || c.Height > MaxSide || need > pictureMemory+4*size:
		return Picture{}, fmt.Errorf("a file of %d bytes that claims %d x %d pixels: too large to be read", size, c.Width, c.Height)
	}
	if need > 4<<20 {
		large.Lock()
		defer large.Unlock()
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Picture{}, err
	}
	img, err := png.Decode(bufio.NewReaderSize(r, 16<<10))
	if err != nil {
		return Picture{}, pngError(err)
	}
	return pictureOf(img), nil
}

// pixelBytes is what the decoder takes for a pixel.
func pixelBytes(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBAModel, color.NRGBAModel:
		return 4
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	return 3 // a palette: 1 for the decoder, 3 for us
}

// pngError words the errors of package png for readers of this one's.
func pngError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the PNG file is truncated")
	}
	return fmt.Errorf("not a PNG file that can be read: %w", err)
}

// pictureOf copies what the decoder made.
func pictureOf(img image.Image) Picture {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	p := Picture{W: w, H: h, C: 3}
	rows := func(pix []uint8, stride, each int, at ...int) {
		p.C = len(at)
		p.Pix = make([]uint8, w*h*p.C)
		for y := range h {
			for x := range w {
				for c, offset := range at {
					p.Pix[(y*w+x)*p.C+c] = pix[y*stride+x*each+offset]
				}
			}
		}
	}
	switch m := img.(type) {
	case *image.Gray:
		rows(m.Pix, m.Stride, 1, 0)
	case *image.Gray16:
		rows(m.Pix, m.Stride, 2, 0)
	case *image.RGBA: // opaque
		rows(m.Pix, m.Stride, 4, 0, 1, 2)
	case *image.NRGBA:
		rows(m.Pix, m.Stride, 4, 0, 1, 2)
	case *image.RGBA64: // opaque
		rows(m.Pix, m.Stride, 8, 0, 2, 4)
	case *image.NRGBA64:
		rows(m.Pix, m.Stride, 8, 0, 2, 4)
	case *image.Paletted:
		var colors [256][3]uint8
		for i, c := range m.Palette {
			colors[i] = plain(c)
		}
		p.Pix = make([]uint8, 0, w*h*3)
		for y := range h {
			for _, i := range m.Pix[y*m.Stride : y*m.Stride+w] {
				p.Pix = append(p.Pix, colors[i][:]...)
			}
		}
	}
	return p
}

// WritePNG writes the picture as an 8-bit PNG, gray or RGB.
func (p Picture) WritePNG(w io.Writer) error {
	var img image.Image
	if p.C == 1 {
		img = &image.Gray{Pix: p.Pix, Stride: p.W, Rect: image.Rect(0, 0, p.W, p.H)}
	} else {
		m := image.NewNRGBA(image.Rect(0, 0, p.W, p.H))
		for i := range p.W * p.H {
			copy(m.Pix[4*i:], p.Pix[3*i:3*i+3])
			m.Pix[4*i+3] = 255
		}
		img = m
	}
	return png.Encode(w, img)
}

// Square returns the picture with size x size pixels, as guided-diffusion's
// loader makes them (guided_diffusion/image_datasets.py, center_crop_arr):
// halved by means as long as both sides stay as large, resized by PIL's bicubic
// filter until the shorter side fits, and the middle cut out.
func (p Picture) Square(size int) Picture {
	for min(p.W, p.H) >= 2*size {
		p = p.resize(p.W/2, p.H/2, box)
	}
	scale := float64(size) / float64(min(p.W, p.H))
	p = p.resize(int(math.RoundToEven(float64(p.W)*scale)), int(math.RoundToEven(float64(p.H)*scale)), bicubic)
	if p.W == size && p.H == size {
		return p
	}
	left, top := (p.W-size)/2, (p.H-size)/2
	out := Picture{W: size, H: size, C: p.C, Pix: make([]uint8, 0, size*size*p.C)}
	for y := range size {
		row := ((top+y)*p.W + left) * p.C
		out.Pix = append(out.Pix, p.Pix[row:row+size*p.C]...)
	}
	return out
}

// Channels returns the picture with 3 channels, or 1. A gray picture of 3 has
// the gray in each; a coloured one of 1 has the luma of ITU-R 601-2, as PIL.
func (p Picture) Channels(c int) Picture {
	if c == p.C {
		return p
	}
	out := Picture{W: p.W, H: p.H, C: c, Pix: make([]uint8, 0, p.W*p.H*c)}
	if c == 1 {
		for i := 0; i < len(p.Pix); i += 3 {
			luma := 19595*uint32(p.Pix[i]) + 38470*uint32(p.Pix[i+1]) + 7471*uint32(p.Pix[i+2]) + 0x8000
			out.Pix = append(out.Pix, uint8(luma>>16))
		}
		return out
	}
	for _, g := range p.Pix {
		out.Pix = append(out.Pix, g, g, g)
	}
	return out
}

// plain is a colour's 8-bit red, green and blue, its transparency left out.
func plain(c color.Color) [3]uint8 {
	if n, ok := c.(color.NRGBA); ok {
		return [3]uint8{n.R, n.G, n.B}
	}
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return [3]uint8{n.R, n.G, n.B}
}
