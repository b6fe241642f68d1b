package plots

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ParallelAxis is one axis of parallel coordinates.
type ParallelAxis struct {
	Name  string
	Words []string // names of the values 0, 1, 2, …; nil for numbers
	Log   bool     // logarithmic; all values must be above 0
}

// Parallel draws parallel coordinates: each line crosses every axis at its value there,
// and lines[i][k] is line i's value at axis k. The last axis is the one of interest: the
// best line by it is orange, the others are the darker the better; higher says which is
// better. It fails where there is no line, or one has another number of values than there
// are axes or a value that is not finite.
func Parallel(title string, higher bool, axes []ParallelAxis, lines [][]float64) (Figure, error) {
	if len(lines) == 0 || len(axes) < 2 {
		return Figure{}, fmt.Errorf("plots: parallel %q: %d lines over %d axes: want one line and two axes at least", title, len(lines), len(axes))
	}
	low, high := make([]float64, len(axes)), make([]float64, len(axes))
	for k, a := range axes {
		low[k], high[k] = math.Inf(1), math.Inf(-1)
		for i, l := range lines {
			if len(l) != len(axes) {
				return Figure{}, fmt.Errorf("plots: parallel %q: line %d has %d values, want %d", title, i, len(l), len(axes))
			}
			if math.IsNaN(l[k]) || math.IsInf(l[k], 0) || a.Log && l[k] <= 0 {
				return Figure{}, fmt.Errorf("plots: parallel %q: line %d has the value %v on the axis %s", title, i, l[k], a.Name)
			}
			low[k], high[k] = min(low[k], l[k]), max(high[k], l[k])
		}
		if a.Words != nil {
			low[k], high[k] = 0, float64(len(a.Words)-1)
		}
	}
	last := len(axes) - 1
	order := make([]int, len(lines)) // the worst first, so that the best is drawn over it
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		d := lines[i][last] - lines[j][last]
		if !higher {
			d = -d
		}
		switch {
		case d < 0:
			return -1
		case d > 0:
			return 1
		}
		return j - i // of equal ones the first is the best
	})
	// place is where a value is on its axis, from 0 to 1.
	place := func(k int, v float64) float64 {
		from, to := low[k], high[k]
		if axes[k].Log {
			v, from, to = math.Log(v), math.Log(from), math.Log(to)
		}
		if to <= from {
			return 0.5
		}
		return (v - from) / (to - from)
	}
	const between, height = 1.25 * vg.Inch, 2.4 * vg.Inch
	f := Figure{
		Width:  vg.Length(last)*between + 2*margin + 1.3*vg.Inch,
		Height: height + headerHeight(title, nil) + 42,
		Alt:    altParallel(title, higher, axes, lines, order),
	}
	f.paint = func(c draw.Canvas) {
		c = header(c, title, nil)
		area := draw.Crop(c, 0.55*vg.Inch, -0.75*vg.Inch, 6, -30)
		at := func(k int, v float64) vg.Point {
			return vg.Point{
				X: area.Min.X + (area.Max.X-area.Min.X)*vg.Length(k)/vg.Length(last),
				Y: area.Min.Y + (area.Max.Y-area.Min.Y)*vg.Length(place(k, v)),
			}
		}
		for rank, i := range order {
			style := draw.LineStyle{Color: translucent(realColor, 0.15+0.6*float64(rank)/float64(len(order))), Width: 1}
			if rank == len(order)-1 {
				style = draw.LineStyle{Color: syntheticColor, Width: 2}
			}
			points := make([]vg.Point, len(axes))
			for k, v := range lines[i] {
				points[k] = at(k, v)
			}
			c.StrokeLines(style, points)
		}
		for k, a := range axes {
			x := at(k, low[k]).X
			c.StrokeLine2(draw.LineStyle{Color: soft, Width: hairline}, x, area.Min.Y, x, area.Max.Y)
			name := bold(labelSize, ink)
			name.XAlign = draw.XCenter
			// Names alternate in height: the names of settings are long.
			c.FillText(name, vg.Point{X: x, Y: area.Max.Y + 5 + vg.Length(k%2)*12}, shorten(name, a.Name, 1.9*between))
			label := regular(tickSize, soft)
			label.YAlign = draw.YCenter
			ticks := map[float64]string{low[k]: fmt.Sprintf("%.4g", low[k]), high[k]: fmt.Sprintf("%.4g", high[k])}
			if a.Words != nil {
				clear(ticks)
				for i, w := range a.Words {
					ticks[float64(i)] = w
				}
			}
			for v, text := range ticks {
				p := at(k, v)
				c.FillText(label, vg.Point{X: p.X + 4, Y: p.Y}, shorten(label, text, between-8))
			}
		}
	}
	return f, nil
}
