package plots

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The colours. Data take them in this order from Okabe and Ito's set (2008),
// which readers with every kind of colour vision can distinguish. They are
// color.NRGBA: with color.RGBA a translucent colour must be premultiplied, and
// {0, 114, 178, 90} would draw another one.
var (
	realColor      = color.NRGBA{R: 0, G: 114, B: 178, A: 255}
	syntheticColor = color.NRGBA{R: 213, G: 94, B: 0, A: 255}
	lineColors     = []color.NRGBA{
		realColor, syntheticColor,
		{R: 0, G: 158, B: 115, A: 255},
		{R: 204, G: 121, B: 167, A: 255},
		{R: 230, G: 159, B: 0, A: 255},
		{R: 86, G: 180, B: 233, A: 255},
	}

	ink  = color.NRGBA{R: 34, G: 34, B: 34, A: 255}    // titles
	soft = color.NRGBA{R: 85, G: 85, B: 85, A: 255}    // labels, numbers, axes
	rule = color.NRGBA{R: 228, G: 228, B: 228, A: 255} // the grid behind the data
)

// The sizes, in points.
const (
	titleSize = 12
	labelSize = 9.5
	tickSize  = 8.5
	panelSize = 9 // titles of small multiples

	margin    = vg.Length(9)
	hairline  = vg.Length(0.6)
	dataLine  = vg.Length(1.4)
	labelsGap = vg.Length(4)
	labelRoom = vg.Length(labelSize + 5) // for an axis label that small multiples share
)

// translucent is c with an opacity: alpha 0 is invisible, 1 opaque.
func translucent(c color.NRGBA, alpha float64) color.NRGBA {
	c.A = uint8(math.Round(255 * alpha))
	return c
}

// textStyle is Liberation Sans, its point at the left end of the baseline.
func textStyle(size float64, c color.Color, weight xfont.Weight) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: vg.Length(size)},
		Handler: plot.DefaultTextHandler,
		XAlign:  text.XLeft,
		YAlign:  text.YBottom,
	}
}

func regular(size float64, c color.Color) text.Style { return textStyle(size, c, xfont.WeightNormal) }
func bold(size float64, c color.Color) text.Style    { return textStyle(size, c, xfont.WeightBold) }

// newPlot returns an empty plot in the package's style.
func newPlot(xlabel, ylabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the canvas is white, and a panel's background would cover its neighbours
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = regular(labelSize, soft).Font
		a.Label.TextStyle.Color = soft
		a.Label.Padding = labelsGap
		a.Tick.Label.Font = regular(tickSize, soft).Font
		a.Tick.Label.Color = soft
		a.Tick.LineStyle = draw.LineStyle{Color: soft, Width: hairline}
		a.Tick.Length = 3
		a.Tick.Marker = ticks{}
		a.LineStyle = draw.LineStyle{Color: soft, Width: hairline}
		a.Padding = 0
	}
	p.X.Label.Text, p.Y.Label.Text = xlabel, ylabel
	// The grid lines suffice: no axis line and no tick marks at the left.
	p.Y.LineStyle.Width = 0
	p.Y.Tick.LineStyle.Width = 0
	p.Y.Tick.Length = 2
	p.Add(rules{})
	return p
}

// rules are the grid: a light line across for each labelled tick of Y.
type rules struct{}

func (rules) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if at := y(t.Value); !t.IsMinor() && c.ContainsY(at) {
			c.StrokeLine2(draw.LineStyle{Color: rule, Width: hairline}, c.Min.X, at, c.Max.X, at)
		}
	}
}

// key is one entry of a legend: a swatch and its name.
type key struct {
	name  string
	color color.NRGBA
}

// header writes the title with the legend under it at the top of c, and returns
// the canvas that is left for the data.
func header(c draw.Canvas, title string, keys []key) draw.Canvas {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	if title != "" {
		style := bold(titleSize, ink)
		c.Max.Y -= titleSize
		c.FillText(style, vg.Point{X: c.Min.X, Y: c.Max.Y}, shorten(style, title, c.Max.X-c.Min.X))
		c.Max.Y -= 7
	}
	if len(keys) > 0 {
		c.Max.Y -= labelSize
		x := c.Min.X
		for _, k := range keys {
			x = drawKey(c, x, c.Max.Y, k)
		}
		c.Max.Y -= 7
	}
	return c
}

// noteAtRight writes a note at the right of the legend that header drew above c.
func noteAtRight(c draw.Canvas, note string) {
	style := regular(labelSize, soft)
	style.XAlign = draw.XRight
	c.FillText(style, vg.Point{X: c.Max.X, Y: c.Max.Y + 6}, note)
}

// headerHeight is what header takes from the top, with the margin below.
func headerHeight(title string, keys []key) vg.Length {
	h := 2 * margin
	if title != "" {
		h += titleSize + 7
	}
	if len(keys) > 0 {
		h += labelSize + 7
	}
	return h
}

// drawKey draws one entry of a legend at (x, y) and returns where the next one
// starts.
func drawKey(c draw.Canvas, x, y vg.Length, k key) vg.Length {
	const side = 8
	style := regular(labelSize, soft)
	box := []vg.Point{{X: x, Y: y}, {X: x, Y: y + side}, {X: x + side, Y: y + side}, {X: x + side, Y: y}}
	c.FillPolygon(translucent(k.color, 0.45), box)
	c.StrokeLines(draw.LineStyle{Color: k.color, Width: 1}, append(box, box[0]))
	c.FillText(style, vg.Point{X: x + side + 4, Y: y - 1}, k.name)
	return x + side + 4 + style.Width(k.name) + 16
}

// labelBelow writes a label in the middle of c's lower edge.
func labelBelow(c draw.Canvas, label string) {
	style := regular(labelSize, soft)
	style.XAlign = draw.XCenter
	c.FillText(style, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: c.Min.Y}, label)
}

// labelLeft writes a label along c's left edge, upwards.
func labelLeft(c draw.Canvas, label string) {
	style := regular(labelSize, soft)
	style.XAlign, style.YAlign, style.Rotation = draw.XCenter, draw.YTop, math.Pi/2
	c.FillText(style, vg.Point{X: c.Min.X, Y: (c.Min.Y + c.Max.Y) / 2}, label)
}

// shorten cuts s to a width, with an ellipsis where something is missing.
func shorten(style text.Style, s string, width vg.Length) string {
	if style.Width(s) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && style.Width(string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return strings.TrimSpace(string(r)) + "…"
}

// count writes a whole number with thin groups of thousands: 13,043.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
