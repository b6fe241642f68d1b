package plots

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// The spaces between images and around the colour bar.
const (
	gutter   = vg.Length(4.5)
	barGap   = vg.Length(12)
	barSpace = barGap + vg.Length(40)
)

// tileSide is the approximate height and width of images where there are many.
const tileSide = vg.Length(40)

// magnify is how many dots of the output a pixel takes, for an image of about that
// height and width: a whole number, so that all its pixels are of one size and their
// edges sharp.
func magnify(m imaging.Images, side vg.Length) int {
	return max(1, int(math.Round(float64(side/pixel)/float64(max(m.H, m.W)))))
}

func tileSize(m imaging.Images, side vg.Length) vg.Point {
	k := vg.Length(magnify(m, side)) * pixel
	return vg.Point{X: vg.Length(m.W) * k, Y: vg.Length(m.H) * k}
}

// drawTile draws image i with its lower left corner at (x, y), moved to the
// nearest dot of the output; nothing where there is no such image.
func drawTile(c draw.Canvas, x, y vg.Length, m imaging.Images, i int, side vg.Length) {
	if i >= m.N {
		return
	}
	k := magnify(m, side)
	colorAt := colorsOf(m, i)
	tile := image.NewRGBA(image.Rect(0, 0, m.W*k, m.H*k))
	for row := range m.H * k {
		for col := range m.W * k {
			tile.Set(col, row, colorAt((row/k)*m.W+col/k))
		}
	}
	size := tileSize(m, side)
	low := vg.Point{X: snap(x), Y: snap(y)}
	c.DrawImage(vg.Rectangle{Min: low, Max: low.Add(size)}, tile)
}

// colorsOf returns a function from the pixels of image i to colours: pictures have
// their own.
func colorsOf(m imaging.Images, i int) func(pixel int) color.Color {
	if !m.Pictures() {
		data := m.At(i)
		return func(pixel int) color.Color { return shade(data[pixel*m.C]) }
	}
	pix := m.Picture(i)
	return func(pixel int) color.Color {
		p := pix[pixel*m.C : (pixel+1)*m.C]
		if m.C < 3 {
			return color.Gray{Y: p[0]}
		}
		return color.RGBA{R: p[0], G: p[1], B: p[2], A: 255}
	}
}

// snap moves to the nearest dot of the output.
func snap(l vg.Length) vg.Length { return vg.Length(math.Round(float64(l/pixel))) * pixel }

// shades are the colours from −1, blue, over 0, near white, to 1, red:
// Moreland's diverging map (2009), which is perceptually uniform and
// readable with every kind of colour vision.
var shades = func() (s [256]color.Color) {
	m := moreland.SmoothBlueRed()
	m.SetMin(-1)
	m.SetMax(1)
	for i := range s {
		c, err := m.At(-1 + 2*float64(i)/float64(len(s)-1))
		if err != nil {
			panic(err) // every value asked for is in the range
		}
		s[i] = c
	}
	return s
}()

func shade(v float64) color.Color {
	if math.IsNaN(v) {
		return soft
	}
	return shades[int(math.Round((min(max(v, -1), 1)+1)/2*float64(len(shades)-1)))]
}

// colorBar draws the scale of shades, its upper left corner at (x, top).
func colorBar(c draw.Canvas, x, top, height vg.Length) {
	const width = 8
	height = min(height, 150)
	y := top - height
	ramp := image.NewRGBA(image.Rect(0, 0, 1, len(shades)))
	for i, s := range shades {
		ramp.Set(0, len(shades)-1-i, s)
	}
	c.DrawImage(vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + width, Y: y + height}}, ramp)
	style := regular(tickSize, soft)
	style.YAlign = draw.YCenter
	for _, v := range []float64{-1, 0, 1} {
		at := y + vg.Length((v+1)/2)*height
		c.FillText(style, vg.Point{X: x + width + 4, Y: at}, number(v, 1))
	}
	name := regular(tickSize, soft)
	name.XAlign, name.YAlign, name.Rotation = draw.XCenter, draw.YTop, math.Pi/2
	c.FillText(name, vg.Point{X: x + width + 20, Y: y + height/2}, "pixel value")
}
