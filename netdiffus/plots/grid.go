package plots

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

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
