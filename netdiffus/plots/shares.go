package plots

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// plot returns the pair's chart, without labels.
func (a Axis) plot(p Pair, edges []float64) *plot.Plot {
	chart := newPlot("", "")
	var real, synthetic []float64
	if a.Categories != nil {
		real, synthetic = a.tally(p.Real), a.tally(p.Synthetic)
		chart.Add(
			bars{real, -1, realColor},
			bars{synthetic, +1, syntheticColor},
		)
		chart.X.Tick.Marker = categories(a.Categories)
		chart.X.Tick.LineStyle.Color = color.Transparent // the marks' room without the marks
		chart.X.Min, chart.X.Max = -0.5, float64(len(a.Categories))-0.5
	} else {
		real, synthetic = shares(metric.Count(p.Real, edges)), shares(metric.Count(p.Synthetic, edges))
		for _, s := range []struct {
			sample []float64
			steps
		}{{p.Real, steps{edges, real, realColor}}, {p.Synthetic, steps{edges, synthetic, syntheticColor}}} {
			if len(s.sample) > 0 {
				chart.Add(s.steps)
			}
		}
		chart.X.Min, chart.X.Max = edges[0], edges[len(edges)-1]
	}
	chart.Y.Min = 0
	for _, v := range append(real, synthetic...) {
		chart.Y.Max = max(chart.Y.Max, 1.04*v)
	}
	if !(chart.Y.Max > 0) { // only values that are not finite
		chart.Y.Max = 100
	}
	return chart
}

// tally returns the share of x that each category has.
func (a Axis) tally(x []float64) []float64 {
	counts := make([]float64, len(a.Categories))
	for _, v := range x {
		for i, c := range a.Categories {
			if v == c.Value {
				counts[i]++
			}
		}
	}
	return shares(counts)
}

// shares turns counts into percentages of their sum, in place.
func shares(counts []float64) []float64 {
	total := 0.0
	for _, n := range counts {
		total += n
	}
	for i := range counts {
		if total > 0 {
			counts[i] *= 100 / total
		}
	}
	return counts
}

// steps is a histogram drawn as one outline over a translucent area, so that
// both of a pair can be seen.
type steps struct {
	edges, height []float64
	color         color.NRGBA
}

func (s steps) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var outline []vg.Point
	for i, h := range s.height {
		outline = append(outline,
			vg.Point{X: x(s.edges[i]), Y: y(h)},
			vg.Point{X: x(s.edges[i+1]), Y: y(h)})
	}
	foot := y(0)
	area := append([]vg.Point{{X: outline[0].X, Y: foot}}, outline...)
	area = append(area, vg.Point{X: outline[len(outline)-1].X, Y: foot})
	c.FillPolygon(translucent(s.color, 0.28), area)
	c.StrokeLines(draw.LineStyle{Color: s.color, Width: 1}, area)
}

// bars are one sample's share of each category, left (side −1) or right (+1)
// of the category's mark.
type bars struct {
	height []float64
	side   float64
	color  color.NRGBA
}

func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	const width, gap = 0.32, 0.02
	x, y := p.Transforms(&c)
	for i, h := range b.height {
		near, far := x(float64(i)+b.side*gap), x(float64(i)+b.side*(gap+width))
		box := []vg.Point{{X: near, Y: y(0)}, {X: near, Y: y(h)}, {X: far, Y: y(h)}, {X: far, Y: y(0)}}
		c.FillPolygon(translucent(b.color, 0.45), box)
		c.StrokeLines(draw.LineStyle{Color: b.color, Width: 1}, append(box, box[0]))
	}
}
