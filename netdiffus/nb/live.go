package nb

import (
	"image/png"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/plot/vg"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

// Live is a chart that is redrawn in place while the cell runs, with other figures
// next to it, such as samples of a model in training. It is redrawn at most four times
// a second, and drawing takes at most a tenth of the time. When the cell ends, the
// notebook holds one picture, the last. The methods may be called concurrently.
//
//	live := nb.NewLive("Training", plots.Losses())
//	defer live.Close()
//	for r, err := range train.Run(nb.Context(), …) {
//		nb.Must(err)
//		live.Add("loss", r.Step, r.Loss)
//	}
type Live struct {
	title string
	chart plots.Chart
	place *place

	mu     sync.Mutex
	lines  []plots.Line
	panels []panel
}

// panel is a figure next to the chart.
type panel struct {
	name   string
	figure plots.Figure
}

// NewLive returns a chart, which is shown when it has its first point.
func NewLive(title string, chart plots.Chart) *Live {
	l := &Live{title: title, chart: chart}
	l.place = newPlace(livePause, l.draw)
	return l
}

// Begin sets the points of a curve to those of an earlier run of the cell, so that a
// cell that continues the run, or has nothing left to do, shows the whole curve:
//
//	past := nb.Must1(track.Metrics("runs/first"))["loss"]
//	live.Begin("loss", past.Step, past.Value)
func (l *Live) Begin(curve string, steps, values []float64) {
	n := min(len(steps), len(values))
	l.mu.Lock()
	line := l.line(curve)
	line.X, line.Y = slices.Clone(steps[:n]), slices.Clone(values[:n])
	l.mu.Unlock()
	Must(l.place.changed())
}

// Add adds a point to the curve of that name. A value that is not finite makes a gap.
// If the curve already has points at this step or later ones, they are removed: a run
// that continues from a checkpoint repeats steps.
func (l *Live) Add(curve string, step int, value float64) {
	l.mu.Lock()
	line := l.line(curve)
	n := len(line.X)
	for n > 0 && line.X[n-1] >= float64(step) {
		n--
	}
	line.X, line.Y = append(line.X[:n], float64(step)), append(line.Y[:n], value)
	l.mu.Unlock()
	Must(l.place.changed())
}

// line returns the curve of that name, which it adds if there is none.
func (l *Live) line(curve string) *plots.Line {
	i := slices.IndexFunc(l.lines, func(line plots.Line) bool { return line.Name == curve })
	if i < 0 {
		i = len(l.lines)
		l.lines = append(l.lines, plots.Line{Name: curve})
	}
	return &l.lines[i]
}

// Show places a figure with a title next to the chart. It replaces an earlier figure
// with the same title.
func (l *Live) Show(title string, f plots.Figure) {
	l.mu.Lock()
	if i := slices.IndexFunc(l.panels, func(p panel) bool { return p.name == title }); i >= 0 {
		l.panels[i].figure = f
	} else {
		l.panels = append(l.panels, panel{title, f})
	}
	l.mu.Unlock()
	Must(l.place.changed())
}

// Close draws the chart for the last time. Points added later are not shown.
func (l *Live) Close() { Must(l.place.close()) }

func (l *Live) draw(last bool) (bundle, bool, error) {
	f, ok, err := l.figure()
	if !ok || err != nil {
		return bundle{}, false, err
	}
	effort := png.BestSpeed
	if last {
		effort = png.DefaultCompression
	}
	b, err := figure(f, effort)
	return b, true, err
}

// pageWidth is the largest width that a notebook shows without shrinking it.
const pageWidth = 9.4 * vg.Inch

// figure returns the chart with its panels, next to it if the page is wide enough, or
// else below it.
func (l *Live) figure() (plots.Figure, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parts []plots.Figure
	var lines []plots.Line // copies, because points may be added while they are drawn
	for _, line := range l.lines {
		if l.drawable(line) {
			lines = append(lines, plots.Line{Name: line.Name, X: slices.Clone(line.X), Y: slices.Clone(line.Y)})
		}
	}
	if len(lines) > 0 {
		f, err := l.chart.Curve(l.title, lines...)
		if err != nil {
			return plots.Figure{}, false, err
		}
		parts = append(parts, f)
	}
	width := vg.Length(0)
	for _, p := range l.panels {
		parts = append(parts, plots.Titled(p.name, p.figure))
	}
	for _, f := range parts {
		width += f.Width
	}
	switch {
	case len(parts) == 0:
		return plots.Figure{}, false, nil
	case width <= pageWidth:
		return plots.Beside(parts...), true, nil
	}
	return plots.Above(parts...), true, nil
}

// drawable reports whether the chart can show any point of the line.
func (l *Live) drawable(line plots.Line) bool {
	return slices.ContainsFunc(line.Y, func(v float64) bool {
		return !math.IsNaN(v) && !math.IsInf(v, 0) && (!l.chart.Log || v > 0)
	})
}
