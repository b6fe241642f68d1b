// Package plots draws the project's figures: histograms of real against
// synthetic traffic, training curves, and grids of images.
//
// Every function returns a [Figure]. [Save] writes it as PNG or SVG; [Above] and
// [Beside] combine figures on a page. Fonts, colours and spacing are in one file,
// style.go. Real data are blue and
// synthetic ones orange everywhere, a pair that colour-blind readers can
// distinguish.
package plots

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// dpi is the resolution of images: twice a screen's, so that text stays sharp
// in a notebook and on paper. pixel is the length of one of its dots.
const (
	dpi   = 192
	pixel = vg.Inch / dpi
)

// Figure is a drawing of a given size. The zero Figure is empty.
type Figure struct {
	Width, Height vg.Length
	Alt           string            // describes it in words, for those who cannot see it
	paint         func(draw.Canvas) // onto a canvas of that size; nil paints nothing
}

// Draw paints the figure onto the canvas's rectangle, whose size should be the
// figure's.
func (f Figure) Draw(c draw.Canvas) {
	if f.paint != nil {
		f.paint(c)
	}
}

// Image returns the figure as pixels, 192 to the inch, on white.
func (f Figure) Image() image.Image { return f.pixels(dpi) }

func (f Figure) pixels(dpi int) image.Image {
	c := vgimg.NewWith(vgimg.UseWH(f.Width, f.Height), vgimg.UseDPI(dpi))
	f.Draw(draw.New(c))
	return c.Image()
}

// Formats returns the names of the formats that figures can be written in.
func Formats() []string { return []string{"png", "svg"} }

// Encode writes the figure in a format, "png" or "svg".
func Encode(w io.Writer, format string, f Figure) error {
	switch format {
	case "png":
		return png.Encode(w, f.Image())
	case "svg":
		return encodeSVG(w, f)
	}
	return fmt.Errorf("plots: unknown format %q, want one of %s", format, strings.Join(Formats(), ", "))
}

// encodeSVG writes text as text: fonts are named, not embedded, which would
// make each file 400 KiB. A viewer without Liberation Sans takes Arial, whose
// letters have the same widths, or its own sans-serif.
func encodeSVG(w io.Writer, f Figure) error {
	c := vgsvg.New(f.Width, f.Height)
	f.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(),
		[]byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")))
	return err
}

// Save writes the figure to a file, whole or not at all, in the format that
// its name ends with: .png or .svg.
func Save(path string, f Figure) error {
	var b bytes.Buffer
	format := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	if err := Encode(&b, format, f); err != nil {
		return fmt.Errorf("plots: %s: %w", path, err)
	}
	return atomicfile.WriteFile(path, b.Bytes())
}

// Above stacks figures from top to bottom, their left edges in line.
func Above(figures ...Figure) Figure {
	var page Figure
	for _, f := range figures {
		page.Width = max(page.Width, f.Width)
		page.Height += f.Height
	}
	page.Alt = altPage(figures)
	page.paint = func(c draw.Canvas) {
		top := c.Max.Y
		for _, f := range figures {
			f.Draw(within(c, c.Min.X, top-f.Height, f.Width, f.Height))
			top -= f.Height
		}
	}
	return page
}

// Beside puts figures next to each other from left to right, their upper edges
// in line.
func Beside(figures ...Figure) Figure {
	var page Figure
	for _, f := range figures {
		page.Width += f.Width
		page.Height = max(page.Height, f.Height)
	}
	page.Alt = altPage(figures)
	page.paint = func(c draw.Canvas) {
		left := c.Min.X
		for _, f := range figures {
			f.Draw(within(c, left, c.Max.Y-f.Height, f.Width, f.Height))
			left += f.Width
		}
	}
	return page
}

// Titled puts a title above a figure that has none, such as a [Grid].
func Titled(title string, f Figure) Figure {
	const room = margin + titleSize + 1 // the figure's own margin is below
	return Figure{Width: f.Width, Height: f.Height + room, Alt: named(title, f.Alt), paint: func(c draw.Canvas) {
		header(c, title, nil)
		f.Draw(within(c, c.Min.X, c.Min.Y, f.Width, f.Height))
	}}
}

// within is the part of c with its lower left corner at (x, y).
func within(c draw.Canvas, x, y, width, height vg.Length) draw.Canvas {
	return draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: x, Y: y},
		Max: vg.Point{X: x + width, Y: y + height},
	}}
}
