package plots

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// Row is a class's line in a comparison of images.
type Row struct {
	Name            string
	Real, Synthetic imaging.Images
}

// Compare draws n real images and n synthetic ones side by side for each class, with a
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
