package plots

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Line is a series of points, X rising. Points that are not finite leave a gap.
type Line struct {
	Name string
	X, Y []float64
	// Spread is the uncertainty of each point, up and down, drawn as a bar; nil
	// for none, and as many as the points otherwise.
	Spread []float64
}

// Chart is how curves are drawn. The zero value has linear axes without
// names.
type Chart struct {
	XLabel, YLabel string
	// Log makes the vertical axis logarithmic; values <= 0 then leave a gap.
	Log bool
	// LogX makes the horizontal axis logarithmic; it is for X > 0 alone.
	LogX bool
	// Window is how many points a smoothed line averages over, the raw line
	// staying behind it faintly: 0 means one in 25 of the points, 1 none.
	Window int
	// Height is that of a panel of small multiples, inches; 0 means 1.35.
	Height float64
}

// Losses is the chart of a training curve: losses over steps, on a logarithmic
// axis.
func Losses() Chart { return Chart{XLabel: "training step", YLabel: "loss", Log: true} }

// Curve draws a training curve, as [Losses] has it.
func Curve(title string, lines ...Line) (Figure, error) { return Losses().Curve(title, lines...) }

// Curve draws the lines. It fails when none has a point to draw, when a
// line's X and Y, or its spreads, differ in number, and when an X is not positive on a logarithmic axis.
//
// A few spikes do not flatten the rest: the vertical axis ends a little beyond
// the smoothed lines, and what is higher is cut off there.
func (ch Chart) Curve(title string, lines ...Line) (Figure, error) {
	chart := newPlot(ch.XLabel, ch.YLabel)
	var keys []key
	frame := newFrame()
	for i, l := range lines {
		if len(l.X) != len(l.Y) {
			return Figure{}, fmt.Errorf("plots: curve %q: line %q has %d steps and %d values", title, l.Name, len(l.X), len(l.Y))
		}
		if l.Spread != nil && len(l.Spread) != len(l.Y) {
			return Figure{}, fmt.Errorf("plots: curve %q: line %q has %d values and %d spreads", title, l.Name, len(l.Y), len(l.Spread))
		}
		hue := lineColors[i%len(lineColors)]
		y := ch.drawable(l.Y)
		smoothed := smooth(y, ch.window(len(y)), ch.Log)
		if ch.window(len(y)) > 1 {
			x, raw := thin(l.X, y)
			chart.Add(path{x, raw, draw.LineStyle{Color: translucent(hue, 0.22), Width: 0.7}})
		}
		x, line := thin(l.X, smoothed)
		chart.Add(path{x, line, draw.LineStyle{Color: hue, Width: dataLine}})
		keys = append(keys, key{l.Name, hue})
		frame.add(l.X, y, smoothed)
		for k, s := range l.Spread {
			ends := []float64{y[k] - s, y[k] + s}
			chart.Add(path{[]float64{l.X[k], l.X[k]}, ends, draw.LineStyle{Color: hue, Width: 0.7}})
			frame.add([]float64{l.X[k], l.X[k]}, ch.drawable(ends), ends)
		}
	}
	if frame.empty() {
		return Figure{}, fmt.Errorf("plots: curve %q: no finite values to draw", title)
	}
	chart.X.Min, chart.X.Max, chart.Y.Min, chart.Y.Max = frame.limits(ch.Log)
	if ch.Log {
		chart.Y.Scale = plot.LogScale{}
		chart.Y.Tick.Marker = logTicks{}
	}
	if ch.LogX {
		if !(chart.X.Min > 0) {
			return Figure{}, fmt.Errorf("plots: curve %q: %v is not on a logarithmic axis", title, chart.X.Min)
		}
		chart.X.Scale = plot.LogScale{}
		chart.X.Tick.Marker = logTicks{}
	}
	return Figure{Width: 5.4 * vg.Inch, Height: 3.3 * vg.Inch, Alt: altCurve(title, ch, lines), paint: func(c draw.Canvas) {
		chart.Draw(header(c, title, keys))
	}}, nil
}

func (ch Chart) window(points int) int {
	if ch.Window > 0 {
		return ch.Window
	}
	return max(1, points/25)
}

// drawable returns y with NaN for each value that is not on the axis.
func (ch Chart) drawable(y []float64) []float64 {
	out := slices.Clone(y)
	for i, v := range out {
		if math.IsInf(v, 0) || ch.Log && v <= 0 {
			out[i] = math.NaN()
		}
	}
	return out
}

// smooth returns the mean of the window of points around each point, fewer at
// the ends: the geometric mean on a logarithmic axis, where the arithmetic one
// would follow the spikes. NaNs are left out of the means, and stay.
func smooth(y []float64, window int, log bool) []float64 {
	if window <= 1 {
		return y
	}
	out := make([]float64, len(y))
	total, n := 0.0, 0
	value := func(v float64) float64 {
		if log {
			return math.Log(v)
		}
		return v
	}
	add := func(i int, sign float64) {
		if i >= 0 && i < len(y) && !math.IsNaN(y[i]) {
			total += sign * value(y[i])
			n += int(sign)
		}
	}
	half := window / 2
	for i := range min(half, len(y)) {
		add(i, 1)
	}
	for i := range y {
		add(i+half, 1)
		add(i-half-1, -1)
		switch {
		case math.IsNaN(y[i]) || n == 0:
			out[i] = math.NaN()
		case log:
			out[i] = math.Exp(total / float64(n))
		default:
			out[i] = total / float64(n)
		}
	}
	return out
}

// thin keeps the lowest and highest point of each of 600 stretches of a long
// line: no picture shows more, and an SVG of every step would be megabytes.
func thin(x, y []float64) (tx, ty []float64) {
	const stretches = 600
	if len(x) <= 2*stretches {
		return x, y
	}
	for s := range stretches {
		from, to := s*len(x)/stretches, (s+1)*len(x)/stretches
		lo, hi := from, from
		for i := from; i < to; i++ {
			if y[i] < y[lo] || math.IsNaN(y[lo]) {
				lo = i
			}
			if y[i] > y[hi] || math.IsNaN(y[hi]) {
				hi = i
			}
		}
		for _, i := range slices.Compact([]int{min(lo, hi), max(lo, hi)}) {
			tx, ty = append(tx, x[i]), append(ty, y[i])
		}
	}
	return tx, ty
}
