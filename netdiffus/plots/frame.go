package plots

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// path is a polyline with gaps, kept inside the data's rectangle.
type path struct {
	x, y []float64
	draw.LineStyle
}

func (l path) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var piece []vg.Point
	flush := func() {
		c.StrokeLines(l.LineStyle, c.ClipLinesXY(piece)...)
		piece = nil
	}
	for i := range l.x {
		if math.IsNaN(l.y[i]) || math.IsNaN(l.x[i]) {
			flush()
			continue
		}
		piece = append(piece, vg.Point{X: x(l.x[i]), Y: y(l.y[i])})
	}
	flush()
	if len(l.x) == 1 { // StrokeLines draws nothing for one point
		c.DrawGlyph(draw.GlyphStyle{Color: l.Color, Radius: 2, Shape: draw.CircleGlyph{}}, vg.Point{X: x(l.x[0]), Y: y(l.y[0])})
	}
}

// frame collects the values that the axes have to span.
type frame struct {
	left, right float64
	raw, lines  []float64 // finite values, of the raw lines and the smoothed ones
}

func newFrame() *frame { return &frame{left: math.Inf(1), right: math.Inf(-1)} }

func (f *frame) add(x, raw, smoothed []float64) {
	for i, v := range raw {
		if math.IsNaN(v) || math.IsNaN(x[i]) {
			continue
		}
		f.left, f.right = min(f.left, x[i]), max(f.right, x[i])
		f.raw, f.lines = append(f.raw, v), append(f.lines, smoothed[i])
	}
}

func (f *frame) empty() bool { return len(f.raw) == 0 }

// limits returns the axes' ends: all of the smoothed lines, and the raw ones
// but for the highest percent and the lowest.
func (f *frame) limits(log bool) (left, right, low, high float64) {
	slices.Sort(f.raw)
	cut := len(f.raw) / 100
	low = min(slices.Min(f.lines), f.raw[cut])
	high = max(slices.Max(f.lines), f.raw[len(f.raw)-1-cut])
	left, right = f.left, f.right
	if left == right {
		left, right = left-0.5, right+0.5
	}
	if log {
		room := max(math.Pow(high/low, 0.04), 1.01)
		return left, right, low / room, high * room
	}
	room := 0.04 * (high - low)
	if room == 0 {
		room = max(0.5*math.Abs(high), 0.5)
	}
	return left, right, low - room, high + room
}
