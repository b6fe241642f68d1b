package plots

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Dot is a number with its spread, on a line of its own.
type Dot struct {
	Name   string
	Values []float64 // one a repetition; those that are not finite are ignored
	Kind   DotKind
}

// DotKind is whose the figure is.
type DotKind int

// The kinds: they differ in colour.
const (
	Baseline  DotKind = iota // grey
	Real                     // blue
	Synthetic                // orange
)

func (k DotKind) color() color.NRGBA {
	return map[DotKind]color.NRGBA{Baseline: {R: 120, G: 120, B: 120, A: 255}, Real: realColor, Synthetic: syntheticColor}[k]
}

// Dots draws numbers below one another on a common axis: the mean as a dot and as
// digits at the right, every repetition as a stroke. It fails when
// there is no finite value.
func Dots(title, xlabel string, dots ...Dot) (Figure, error) {
	const line, names, numbers = 19, 112, 34 // points
	chart := newPlot(xlabel, "")
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, d := range dots {
		for _, v := range d.Values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if !(lo <= hi) {
		return Figure{}, fmt.Errorf("plots: dots %q: no finite values to draw", title)
	}
	pad := max((hi-lo)*0.06, 1e-3*math.Abs(hi), 1e-9)
	chart.X.Min, chart.X.Max = lo-pad, hi+pad
	chart.Y.Min, chart.Y.Max = -0.5, float64(len(dots))-0.5
	chart.HideY()
	height := vg.Length(line*len(dots)) + 34
	return Figure{Width: 5.4 * vg.Inch, Height: height + headerHeight(title, nil), Alt: altDots(title, xlabel, dots), paint: func(c draw.Canvas) {
		c = header(c, title, nil)
		area := draw.Crop(c, names, -numbers, 0, 0)
		chart.Draw(area)
		data := chart.DataCanvas(area)
		x, y := chart.Transforms(&data)
		for _, t := range chart.X.Tick.Marker.Ticks(chart.X.Min, chart.X.Max) {
			data.StrokeLine2(draw.LineStyle{Color: rule, Width: hairline}, x(t.Value), data.Min.Y, x(t.Value), data.Max.Y)
		}
		for i, d := range dots {
			drawDot(c, data, x, y(float64(len(dots)-1-i)), d)
		}
	}}, nil
}

// drawDot draws one line at a height.
func drawDot(c, data draw.Canvas, x func(float64) vg.Length, height vg.Length, d Dot) {
	hue := d.Kind.color()
	name := regular(labelSize, soft)
	if d.Kind == Synthetic {
		name = bold(labelSize, ink)
	}
	name.YAlign = draw.YCenter
	c.FillText(name, vg.Point{X: c.Min.X, Y: height}, shorten(name, d.Name, data.Min.X-c.Min.X-6))
	mean, n := 0.0, 0.0
	for _, v := range d.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		mean += v
		n++
		data.StrokeLine2(draw.LineStyle{Color: translucent(hue, 0.6), Width: 1}, x(v), height-5, x(v), height+5)
	}
	if n == 0 {
		return
	}
	mean /= n
	data.DrawGlyph(draw.GlyphStyle{Color: hue, Radius: 3.4, Shape: draw.CircleGlyph{}}, vg.Point{X: x(mean), Y: height})
	number := name
	number.XAlign = draw.XRight
	c.FillText(number, vg.Point{X: c.Max.X, Y: height}, fmt.Sprintf("%.3f", mean))
}
