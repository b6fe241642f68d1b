package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
)

// Contrast is a panel with lines of real data and of synthetic ones, such as some traces
// of a class or its mean spectra. The values of a line stand at X.
type Contrast struct {
	Title, Note     string // left and right above the panel
	X               []float64
	Real, Synthetic [][]float64
}

// Overlaid draws panels with the real lines and the synthetic ones over each other, as
// small multiples. Each has axes of its own. It fails where there is no finite value to
// draw, and on lines of other lengths than X.
func (ch Chart) Overlaid(title string, panels ...Contrast) (Figure, error) {
	return ch.contrast(title, "lines", panels, func(p Contrast) *plot.Plot {
		chart := newPlot("", "")
		low, high := p.span(ch)
		for _, side := range []struct {
			lines [][]float64
			hue   color.NRGBA
		}{{p.Real, realColor}, {p.Synthetic, syntheticColor}} {
			for _, y := range side.lines {
				chart.Add(path{p.X, ch.drawable(y), draw.LineStyle{Color: side.hue, Width: dataLine}})
			}
		}
		chart.Y.Min, chart.Y.Max = low, high
		if ch.Log {
			chart.Y.Scale, chart.Y.Tick.Marker = plot.LogScale{}, logTicks{}
		}
		return chart
	})
}

// Stacked draws panels with the real lines above the synthetic ones, in each panel on
// one scale, as small multiples.
func (ch Chart) Stacked(title string, panels ...Contrast) (Figure, error) {
	return ch.contrast(title, "traces", panels, func(p Contrast) *plot.Plot {
		chart := newPlot("", "")
		low, high := p.span(Chart{})
		shift := 1.08 * (high - low) // of the real lines
		for _, side := range []struct {
			lines [][]float64
			hue   color.NRGBA
			up    float64
		}{{p.Synthetic, syntheticColor, 0}, {p.Real, realColor, shift}} {
			for _, y := range side.lines {
				raised := ch.drawable(y)
				for i := range raised {
					raised[i] += side.up
				}
				chart.Add(path{p.X, raised, draw.LineStyle{Color: translucent(side.hue, 0.75), Width: 0.8}})
			}
		}
		chart.Y.Min, chart.Y.Max = low, high+shift
		chart.Y.Tick.Marker = stackedTicks{low, high, shift}
		return chart
	})
}

// contrast puts panels on one page.
func (ch Chart) contrast(title, kind string, panels []Contrast, of func(Contrast) *plot.Plot) (Figure, error) {
	m := multiples{
		title: title, keys: []key{{"real", realColor}, {"synthetic", syntheticColor}},
		xlabel: ch.XLabel, ylabel: ch.YLabel, height: ch.Height,
	}
	for _, p := range panels {
		for _, y := range append(append([][]float64{}, p.Real...), p.Synthetic...) {
			if len(y) != len(p.X) {
				return Figure{}, fmt.Errorf("plots: %s %q: a line of %d values at %d places", kind, cmp.Or(p.Title, title), len(y), len(p.X))
			}
		}
		if low, _ := p.span(ch); math.IsNaN(low) {
			continue // nothing finite
		}
		chart := of(p)
		chart.Add(panelTitle{p.Title, p.Note})
		chart.X.Min, chart.X.Max = p.X[0], p.X[len(p.X)-1]
		m.charts = append(m.charts, chart)
	}
	if len(m.charts) == 0 {
		return Figure{}, fmt.Errorf("plots: %s %q: no finite values to draw", kind, title)
	}
	f := m.figure()
	f.Alt = altContrast(title, kind, panels)
	return f, nil
}

// span is the range of a panel's values that can be drawn, NaN of none.
func (p Contrast) span(ch Chart) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, side := range [][][]float64{p.Real, p.Synthetic} {
		for _, y := range side {
			for _, v := range ch.drawable(y) {
				if !math.IsNaN(v) {
					low, high = min(low, v), max(high, v)
				}
			}
		}
	}
	switch {
	case low > high || len(p.X) == 0:
		return math.NaN(), math.NaN()
	case low < high:
		return low, high
	case ch.Log:
		return low / 2, low * 2
	}
	return low - 1, high + 1
}

// stackedTicks label the same values in both halves of a panel.
type stackedTicks struct{ low, high, shift float64 }

func (t stackedTicks) Ticks(float64, float64) []plot.Tick {
	var out []plot.Tick
	step := roundStep((t.high - t.low) / 2) // two or three in each half
	for i := math.Ceil(t.low/step - 1e-9); i*step <= t.high+step*1e-9; i++ {
		label := number(i*step, step)
		out = append(out, plot.Tick{Value: i * step, Label: label}, plot.Tick{Value: i*step + t.shift, Label: label})
	}
	return out
}
