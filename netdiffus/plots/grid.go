package plots

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Row is a class's line in a comparison of images.
type Row struct {
	Name            string
	Real, Synthetic imaging.Images
}

// Grid draws the first n images, columns to a row, with a colour bar. n <= 0
// means all of them, columns <= 0 as many as make a square. Values are in
// [−1,1], others are drawn as the nearer end, and NaN as grey; of several
// channels the first is shown. Pictures are shown in their own colours, without
// a bar. It fails when there is no image.
func Grid(images imaging.Images, n, columns int) (Figure, error) {
	if n <= 0 || n > images.N {
		n = images.N
	}
	if n == 0 || images.H < 1 || images.W < 1 || images.C < 1 {
		return Figure{}, fmt.Errorf("plots: grid: no images to draw (%d of %dx%dx%d)", images.N, images.H, images.W, images.C)
	}
	if columns <= 0 {
		columns = int(math.Ceil(math.Sqrt(float64(n))))
	}
	columns = min(columns, n)
	rows := (n + columns - 1) / columns
	side := tileSize(images, tileSide)
	width := vg.Length(columns)*(side.X+gutter) - gutter
	height := vg.Length(rows)*(side.Y+gutter) - gutter
	return Figure{
		Width:  width + barSpace + 2*margin,
		Height: max(height, 60) + 2*margin,
		Alt:    fmt.Sprintf("%s images of %dx%d, %d to a row", count(n), images.H, images.W, columns),
		paint: func(c draw.Canvas) {
			c = header(c, "", nil)
			for i := range n {
				x := c.Min.X + vg.Length(i%columns)*(side.X+gutter)
				y := c.Max.Y - vg.Length(i/columns)*(side.Y+gutter) - side.Y
				drawTile(c, x, y, images, i, tileSide)
			}
			if !images.Pictures() {
				colorBar(c, c.Min.X+width+barGap, c.Max.Y, max(height, 60))
			}
		},
	}, nil
}

// Compare draws n real images beside n synthetic ones for each class, with a
// colour bar; values as in [Grid]. A row with fewer is left empty there, and a
// side without any image is left out. All images are of one size. It fails when
// there is no image.
func Compare(title string, n int, rows ...Row) (Figure, error) {
	blocks, err := blocksOf(rows)
	if err != nil {
		return Figure{}, fmt.Errorf("plots: compare %q: %w", title, err)
	}
	if n < 1 || len(blocks) == 0 {
		return Figure{}, fmt.Errorf("plots: compare %q: no images to draw", title)
	}
	label := regular(labelSize, ink)
	label.YAlign = draw.YCenter
	names := vg.Length(0)
	for _, r := range rows {
		names = min(max(names, label.Width(r.Name)), 110)
	}
	const between, headings = vg.Length(16), vg.Length(labelSize + 6)
	side := tileSize(blocks[0].size, tileSide)
	width := vg.Length(n)*(side.X+gutter) - gutter + between // of a block
	height := max(vg.Length(len(rows))*(side.Y+gutter)-gutter, 60)
	return Figure{
		Width:  2*margin + names + 8 + vg.Length(len(blocks))*width - between + barSpace,
		Height: headerHeight(title, nil) + headings + height,
		Alt:    altCompare(title, n, rows),
		paint: func(c draw.Canvas) {
			c = header(c, title, nil)
			top := c.Max.Y - headings
			for k, r := range rows {
				y := top - vg.Length(k)*(side.Y+gutter) - side.Y
				c.FillText(label, vg.Point{X: c.Min.X, Y: y + side.Y/2}, shorten(label, r.Name, names))
			}
			x := c.Min.X + names + 8
			for _, b := range blocks {
				c.FillText(bold(labelSize, b.color), vg.Point{X: x, Y: c.Max.Y - labelSize}, b.name)
				for k, m := range b.images {
					y := top - vg.Length(k)*(side.Y+gutter) - side.Y
					for i := range n {
						drawTile(c, x+vg.Length(i)*(side.X+gutter), y, m, i, tileSide)
					}
				}
				x += width
			}
			if !blocks[0].size.Pictures() {
				colorBar(c, x-between+barGap, top, height)
			}
		},
	}, nil
}

// block is one side of a comparison: its images, class after class.
type block struct {
	key
	size   imaging.Images // one that is not empty
	images []imaging.Images
}

// blocksOf returns the sides that have any image, real first.
func blocksOf(rows []Row) ([]block, error) {
	real, synthetic := block{key: key{"real", realColor}}, block{key: key{"synthetic", syntheticColor}}
	for _, r := range rows {
		real.images = append(real.images, r.Real)
		synthetic.images = append(synthetic.images, r.Synthetic)
	}
	var blocks []block
	for _, b := range []block{real, synthetic} {
		for i, m := range b.images {
			if m.N == 0 {
				continue
			}
			if b.size.N == 0 {
				b.size = m
				blocks = append(blocks, b)
			}
			if first := blocks[0].size; m.H != first.H || m.W != first.W || m.C < 1 {
				return nil, fmt.Errorf("%s images of %s are %dx%d, others %dx%d", b.name, rows[i].Name, m.H, m.W, first.H, first.W)
			}
		}
	}
	return blocks, nil
}

// The spaces between images and around the colour bar.
const (
	gutter   = vg.Length(4.5)
	barGap   = vg.Length(12)
	barSpace = barGap + vg.Length(40)
)

// tileSide is about how high and wide images are where there are many.
const tileSide = vg.Length(40)

// magnify is how many dots of the output one pixel of an image takes that is to
// be about so high and wide: a whole number, so that all its pixels are of one
// size and their edges sharp.
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

// colorsOf tells the colour of each pixel of image i: pictures have their own.
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

func snap(l vg.Length) vg.Length { return vg.Length(math.Round(float64(l/pixel))) * pixel }

// shades are the colours from −1, blue, over 0, near white, to 1, red:
// Moreland's diverging map (2009), which is even to the eye and kind to the
// colour-blind.
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
