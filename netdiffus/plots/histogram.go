package plots

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
)

// Axis is what histograms count and into which bins. The zero value counts unnamed
// numbers in 30 bins.
type Axis struct {
	Label string // what the numbers are, with their unit: "payload length (bytes)"
	Of    string // what is counted, in the plural; "" means "packets"
	Bins  int    // bins of equal width over real and synthetic together; 0 means 30, as the reference's plots have
	// Categories, when there are any, are the only values that occur; each
	// gets a pair of bars in place of bins.
	Categories []Category
	// Sides are the names of the two samples where they are not real and synthetic.
	Sides [2]string
}

// Category is a value with a name: 0, "up".
type Category struct {
	Value float64
	Name  string
}

// Pair is a real sample and a synthetic one to be compared, in one histogram.
// Values that are not finite are ignored; either sample may be empty.
type Pair struct {
	Title           string
	Note            string // a few words at the right above the data, such as a distance; "" for none
	Real, Synthetic []float64
}

// Histogram draws both samples as overlaid histograms with common bins, each scaled to
// shares of its own sample, so that their sizes do not matter. It fails when both are
// empty.
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
		noteAtRight(c, p.Note)
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
	m := multiples{title: title, xlabel: a.Label, ylabel: a.ylabel()}
	for _, p := range pairs {
		chart := a.plot(p, edges)
		chart.Add(panelTitle{p.Title, p.Note})
		m.charts = append(m.charts, chart)
	}
	if a.Categories != nil {
		sameHeight(m.charts)
	}
	real, synthetic := a.sides()
	m.keys = []key{{real, realColor}, {synthetic, syntheticColor}}
	f := m.figure()
	f.Alt = a.alt(title, pairs...)
	return f, nil
}

// sides are the names of the two samples.
func (a Axis) sides() (real, synthetic string) {
	return orElse(a.Sides[0], "real"), orElse(a.Sides[1], "synthetic")
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
