package plots

import (
	"cmp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// multiples are charts of one size in rows (small multiples), which share their axes'
// labels.
type multiples struct {
	title          string
	keys           []key
	xlabel, ylabel string
	charts         []*plot.Plot
	height         float64 // of a chart, inches; 0 means 1.35
}

// figure draws the charts, each 1.85 by 1.35 inches unless it has a height of its own.
func (m multiples) figure() Figure {
	columns := columnsFor(len(m.charts))
	rows := (len(m.charts) + columns - 1) / columns
	return Figure{
		Width:  vg.Length(columns)*1.85*vg.Inch + 2*margin + labelRoom,
		Height: vg.Length(rows)*vg.Length(cmp.Or(m.height, 1.35))*vg.Inch + headerHeight(m.title, m.keys) + labelRoom,
		paint:  m.paint,
	}
}

func (m multiples) paint(c draw.Canvas) {
	columns := columnsFor(len(m.charts))
	var grid [][]*plot.Plot
	for i, chart := range m.charts {
		if i%columns == 0 {
			grid = append(grid, make([]*plot.Plot, columns)) // Align needs a full table
		}
		grid[i/columns][i%columns] = chart
	}
	c = header(c, m.title, m.keys)
	labelBelow(c, m.xlabel)
	labelLeft(c, m.ylabel)
	tiles := draw.Tiles{Rows: len(grid), Cols: columns, PadX: 14, PadY: panelSize + 16, PadTop: panelSize + 7}
	canvases := plot.Align(grid, tiles, draw.Crop(c, labelRoom, 0, labelRoom, 0))
	for i, chart := range m.charts {
		chart.Draw(canvases[i/columns][i%columns])
	}
}

// columnsFor returns how many panels of n go side by side: up to five, as many
// as leave the fewest places of the last row empty.
func columnsFor(n int) int {
	if n <= 5 {
		return n
	}
	best, empty := 0, n
	for columns := 5; columns >= 3; columns-- {
		if e := (columns - n%columns) % columns; e < empty {
			best, empty = columns, e
		}
	}
	return best
}

// sameHeight gives all charts the vertical axis of the highest.
func sameHeight(charts []*plot.Plot) {
	top := 0.0
	for _, chart := range charts {
		top = max(top, chart.Y.Max)
	}
	for _, chart := range charts {
		chart.Y.Max = top
	}
}

// panelTitle is the name of a panel of small multiples, above its data: the title at
// the left, the note at the right.
type panelTitle struct{ title, note string }

func (t panelTitle) Plot(c draw.Canvas, _ *plot.Plot) {
	name, note := bold(panelSize, ink), regular(tickSize-0.5, soft)
	y := c.Max.Y + 4
	noteWidth := note.Width(t.note)
	c.FillText(name, vg.Point{X: c.Min.X, Y: y}, shorten(name, t.title, c.Max.X-c.Min.X-noteWidth-4))
	c.FillText(note, vg.Point{X: c.Max.X - noteWidth, Y: y}, t.note)
}
