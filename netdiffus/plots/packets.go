package plots

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Series is a flow's packets as numbers, in their order: signed payload lengths,
// bytes, negative upstream (traffic.SignedLength).
type Series struct {
	Name   string
	Values []float64
}

// The directions' colours: others than those of real and synthetic.
var upColor, downColor = lineColors[3], lineColors[2]

// Packets draws flows packet by packet, as small multiples with one horizontal
// axis and vertical ones of their own: a bar for each packet, up from the line
// for what the server sent and down for what the client sent. The bars of a flow
// that is drawn alone carry their numbers. It fails when there is no packet.
func Packets(title string, flows ...Series) (Figure, error) {
	longest := 0
	for _, f := range flows {
		longest = max(longest, len(f.Values))
	}
	if longest == 0 {
		return Figure{}, fmt.Errorf("plots: packets %q: no packets to draw", title)
	}
	columns := columnsFor(len(flows))
	rows := (len(flows) + columns - 1) / columns
	charts := make([][]*plot.Plot, rows)
	for i, f := range flows {
		chart := newPlot("", "")
		chart.Add(packetBars{f.Values, len(flows) == 1})
		if len(flows) > 1 {
			chart.Add(panelTitle{title: f.Name})
		}
		chart.X.Min, chart.X.Max = 0.5, float64(longest)+0.5
		room := 0.06
		if len(flows) == 1 {
			room = 0.14 // for the numbers
		}
		low, high := span(f.Values)
		chart.Y.Min, chart.Y.Max = low-room*(high-low), high+room*(high-low)
		chart.X.Tick.Marker = wholes{}
		charts[i/columns] = append(charts[i/columns], chart)
	}
	for len(charts[rows-1]) < columns { // Align wants a full table
		charts[rows-1] = append(charts[rows-1], nil)
	}
	keys := []key{{"client to server", upColor}, {"server to client", downColor}}
	fig := Figure{
		Width:  vg.Length(columns)*1.85*vg.Inch + 2*margin + labelRoom,
		Height: vg.Length(rows)*1.35*vg.Inch + headerHeight(title, keys) + labelRoom,
		Alt:    altPackets(title, flows),
	}
	if len(flows) == 1 {
		fig.Width, fig.Height = 5.4*vg.Inch, 2.9*vg.Inch
	}
	fig.paint = func(c draw.Canvas) {
		c = header(c, title, keys)
		acrossBottom(c, "packet")
		upLeft(c, "payload length (bytes)")
		tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: 14, PadY: panelSize + 16, PadTop: panelSize + 7}
		canvases := plot.Align(charts, tiles, draw.Crop(c, labelRoom, 0, labelRoom, 0))
		for i := range flows {
			charts[i/columns][i%columns].Draw(canvases[i/columns][i%columns])
		}
	}
	return fig, nil
}

// span is the range of the values that are finite, 0 included.
func span(values []float64) (low, high float64) {
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low == high {
		return -1, 1
	}
	return low, high
}

// packetBars are the bars of one flow.
type packetBars struct {
	values   []float64
	numbered bool
}

func (b packetBars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	zero := y(0)
	for i, v := range b.values {
		if math.IsNaN(v) || math.IsInf(v, 0) || v == 0 {
			continue
		}
		left, right, end := x(float64(i)+0.6), x(float64(i)+1.4), y(v)
		hue := barColor(v)
		box := []vg.Point{{X: left, Y: zero}, {X: left, Y: end}, {X: right, Y: end}, {X: right, Y: zero}}
		c.FillPolygon(translucent(hue, 0.45), box)
		c.StrokeLines(draw.LineStyle{Color: hue, Width: 1}, append(box, box[0]))
		if b.numbered && len(b.values) <= 16 {
			style := regular(tickSize, ink)
			style.XAlign = draw.XCenter
			at := vg.Point{X: (left + right) / 2, Y: end + 2}
			if v < 0 {
				style.YAlign, at.Y = draw.YTop, end-2
			}
			c.FillText(style, at, number(v, 1))
		}
	}
	c.StrokeLine2(draw.LineStyle{Color: soft, Width: hairline}, c.Min.X, zero, c.Max.X, zero)
}

func barColor(v float64) color.NRGBA {
	if v < 0 {
		return upColor
	}
	return downColor
}

// wholes are ticks at whole numbers from 1.
type wholes struct{}

func (wholes) Ticks(lo, hi float64) []plot.Tick {
	step := max(1, roundStep((hi-lo)/6))
	if step == 2.5 {
		step = 2
	}
	var out []plot.Tick
	if step > 1 {
		out = append(out, plot.Tick{Value: 1, Label: "1"})
	}
	first := step
	if step == 2 {
		first = 4 // 2 is too near to 1
	}
	for v := first; v <= hi; v += step {
		out = append(out, plot.Tick{Value: v, Label: number(v, step)})
	}
	return out
}
