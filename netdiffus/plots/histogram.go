package plots

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// Axis says what histograms count and into which bins. The zero value counts
// unnamed numbers in 30 bins.
type Axis struct {
	Label string // what the numbers are, with their unit: "payload length (bytes)"
	Of    string // what is counted, in the plural; "" means "packets"
	Bins  int    // bins of equal width over real and synthetic together; 0 means 30, as the reference's plots have
	// Categories, when there are any, are the only values that occur; each
	// gets a pair of bars in place of bins.
	Categories []Category
	// Sides name the two samples where they are not real and synthetic.
	Sides [2]string
}

// Category is a value with a name: 0, "up".
type Category struct {
	Value float64
	Name  string
}

// Pair is a real sample and a synthetic one to be compared, in one histogram.
// Values that are not finite are passed over; either sample may be empty.
type Pair struct {
	Title           string
	Note            string // a few words at the right above the data, such as a distance; "" for none
	Real, Synthetic []float64
}

// Histogram draws both samples as overlaid histograms with 30 common bins, each
// scaled to shares of its own sample, so that their sizes do not matter. It
// fails when both are empty.
func Histogram(title, xlabel string, real, synthetic []float64) (Figure, error) {
	return Axis{Label: xlabel}.Histogram(Pair{Title: title, Real: real, Synthetic: synthetic})
}

// Histogram draws one pair. It fails when both samples are empty.
func (a Axis) Histogram(p Pair) (Figure, error) {
	if err := a.check(p); err != nil {
		return Figure{}, err
	}
	chart := a.plot(p, a.edges(p))
	chart.X.Label.Text = a.Label
	chart.Y.Label.Text = a.ylabel()
	var keys []key
	real, synthetic := a.sides()
	for _, s := range []struct {
		name   string
		values []float64
		color  color.NRGBA
	}{{real, p.Real, realColor}, {synthetic, p.Synthetic, syntheticColor}} {
		if len(s.values) > 0 || a.Sides == [2]string{} {
			keys = append(keys, key{fmt.Sprintf("%s (%s)", s.name, count(len(s.values))), s.color})
		}
	}
	return Figure{Width: 5.4 * vg.Inch, Height: 3.3 * vg.Inch, Alt: a.alt(p.Title, p), paint: func(c draw.Canvas) {
		c = header(c, p.Title, keys)
		aside(c, p.Note)
		chart.Draw(c)
	}}, nil
}

// Panels draws many pairs on one page as small multiples, in the order given.
// All share the bins and the horizontal axis; the vertical ones differ, except
// those of categories. It fails when there is no pair, or one of which both
// samples are empty.
func (a Axis) Panels(title string, pairs ...Pair) (Figure, error) {
	if len(pairs) == 0 {
		return Figure{}, fmt.Errorf("plots: panels %q: nothing to draw", title)
	}
	for _, p := range pairs {
		if err := a.check(p); err != nil {
			return Figure{}, err
		}
	}
	edges := a.edges(pairs...)
	columns := columnsFor(len(pairs))
	rows := (len(pairs) + columns - 1) / columns
	charts := make([][]*plot.Plot, rows)
	for i, p := range pairs {
		chart := a.plot(p, edges)
		chart.Add(panelTitle{p.Title, p.Note})
		charts[i/columns] = append(charts[i/columns], chart)
	}
	if a.Categories != nil {
		level(charts)
	}
	for len(charts[rows-1]) < columns { // Align wants a full table
		charts[rows-1] = append(charts[rows-1], nil)
	}
	real, synthetic := a.sides()
	keys := []key{{real, realColor}, {synthetic, syntheticColor}}
	return Figure{
		Width:  vg.Length(columns)*1.85*vg.Inch + 2*margin + labelRoom,
		Height: vg.Length(rows)*1.35*vg.Inch + headerHeight(title, keys) + labelRoom,
		Alt:    a.alt(title, pairs...),
		paint: func(c draw.Canvas) {
			c = header(c, title, keys)
			acrossBottom(c, a.Label)
			upLeft(c, a.ylabel())
			tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: 14, PadY: panelSize + 16, PadTop: panelSize + 7}
			canvases := plot.Align(charts, tiles, draw.Crop(c, labelRoom, 0, labelRoom, 0))
			for i := range pairs {
				charts[i/columns][i%columns].Draw(canvases[i/columns][i%columns])
			}
		},
	}, nil
}

// sides are the names of the two samples.
func (a Axis) sides() (real, synthetic string) {
	return orElse(a.Sides[0], "real"), orElse(a.Sides[1], "synthetic")
}

// level gives all charts the highest one's vertical axis.
func level(charts [][]*plot.Plot) {
	top := 0.0
	for _, row := range charts {
		for _, chart := range row {
			top = max(top, chart.Y.Max)
		}
	}
	for _, row := range charts {
		for _, chart := range row {
			chart.Y.Max = top
		}
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

// edges returns the bins that all pairs share.
func (a Axis) edges(pairs ...Pair) []float64 {
	if a.Categories != nil {
		return nil
	}
	bins := a.Bins
	if bins <= 0 {
		bins = 30
	}
	var samples [][]float64
	for _, p := range pairs {
		samples = append(samples, p.Real, p.Synthetic)
	}
	return metric.Edges(bins, samples...)
}

func (a Axis) ylabel() string {
	if a.Of == "" {
		return "share of packets (%)"
	}
	return "share of " + a.Of + " (%)"
}

func (a Axis) check(p Pair) error {
	if len(p.Real) == 0 && len(p.Synthetic) == 0 {
		return fmt.Errorf("plots: histogram %q: both samples are empty", p.Title)
	}
	return nil
}
