package plots

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Series is the packets of a flow as numbers, in their order: signed payload lengths,
// bytes, negative upstream (traffic.SignedLength).
type Series struct {
	Name   string
	Values []float64
}

// The directions' colours, different from those of real and synthetic.
var upColor, downColor = lineColors[3], lineColors[2]

// Packets draws flows packet by packet, as small multiples with one horizontal
// axis and vertical axes of their own: a bar for each packet, up from the line
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
	m := multiples{
		title: title, keys: []key{{"client to server", upColor}, {"server to client", downColor}},
		xlabel: "packet", ylabel: "payload length (bytes)",
	}
	for _, f := range flows {
		m.charts = append(m.charts, packetChart(f, longest, len(flows) == 1))
	}
	fig := m.figure()
	fig.Alt = altPackets(title, flows)
	if len(flows) == 1 {
		fig.Width, fig.Height = 5.4*vg.Inch, 2.9*vg.Inch
	}
	return fig, nil
}

// packetChart is the chart of one flow, with room for so many packets.
func packetChart(f Series, longest int, alone bool) *plot.Plot {
	chart := newPlot("", "")
	chart.Add(packetBars{f.Values, alone})
	room := 0.14 // for the numbers
	if !alone {
		chart.Add(panelTitle{title: f.Name})
		room = 0.06
	}
	chart.X.Min, chart.X.Max = 0.5, float64(longest)+0.5
	low, high := span(f.Values)
	chart.Y.Min, chart.Y.Max = low-room*(high-low), high+room*(high-low)
	chart.X.Tick.Marker = integerTicks{}
	return chart
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

// integerTicks are ticks at whole numbers from 1.
type integerTicks struct{}

func (integerTicks) Ticks(lo, hi float64) []plot.Tick {
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
