package plots

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Strip is a row of images with a name: one flow's image at several times, say.
type Strip struct {
	Name   string
	Images imaging.Images
}

// Sheet draws a table of images: a strip a row, each column under its heading,
// with a colour bar; values as in [Grid]. All images are of one size. It fails
// when there is no image.
func Sheet(title string, columns []string, strips ...Strip) (Figure, error) {
	var size imaging.Images
	wide := len(columns)
	for _, s := range strips {
		m := s.Images
		wide = max(wide, m.N)
		if m.N == 0 {
			continue
		}
		if size.N == 0 {
			size = m
		}
		if m.H != size.H || m.W != size.W || m.C < 1 {
			return Figure{}, fmt.Errorf("plots: sheet %q: images of %s are %dx%d, others %dx%d", title, s.Name, m.H, m.W, size.H, size.W)
		}
	}
	if size.N == 0 || size.H < 1 || size.W < 1 {
		return Figure{}, fmt.Errorf("plots: sheet %q: no images to draw", title)
	}
	label, heading := regular(labelSize, ink), regular(labelSize, soft)
	label.YAlign, heading.XAlign = draw.YCenter, draw.XCenter
	approximate := sheetSide(wide * len(strips))
	side, names, column := tileSize(size, approximate), vg.Length(0), vg.Length(0)
	for _, s := range strips {
		names = min(max(names, label.Width(s.Name)+8), 150)
	}
	for _, c := range columns {
		column = max(column, heading.Width(c)+6)
	}
	column = max(column, side.X+gutter)
	head := vg.Length(0)
	if len(columns) > 0 {
		head = labelSize + 6
	}
	width := vg.Length(wide)*column - gutter
	height := max(vg.Length(len(strips))*(side.Y+gutter)-gutter, 60)
	return Figure{
		Width:  2*margin + max(names+width+barSpace, bold(titleSize, ink).Width(title)+2),
		Height: headerHeight(title, nil) + head + height,
		Alt:    altSheet(title, columns, strips),
		paint: func(c draw.Canvas) {
			c = header(c, title, nil)
			top, left := c.Max.Y-head, c.Min.X+names
			middle := func(i int) vg.Length { return left + vg.Length(i)*column + (column-gutter)/2 }
			for i, name := range columns {
				c.FillText(heading, vg.Point{X: middle(i), Y: c.Max.Y - labelSize}, name)
			}
			for k, s := range strips {
				y := top - vg.Length(k)*(side.Y+gutter) - side.Y
				c.FillText(label, vg.Point{X: c.Min.X, Y: y + side.Y/2}, shorten(label, s.Name, names-8))
				for i := range wide {
					drawTile(c, middle(i)-side.X/2, y, s.Images, i, approximate)
				}
			}
			colorBar(c, left+width+barGap, top, height)
		},
	}, nil
}

// sheetSide is how high and wide images are on a sheet of so many.
func sheetSide(images int) vg.Length {
	switch {
	case images <= 1:
		return 3.5 * tileSide
	case images <= 4:
		return 2.25 * tileSide
	}
	return tileSide
}
