package report

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/metric"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/series"
)

// SeriesComparison is real and synthetic series, class by class, for pictures and a table
// of distances. Its distances are the figures of [RunSeries], of all the series there are.
type SeriesComparison struct {
	*reference // the real series are its test series
	synthetic  sample
	overall    map[string]float64
	byClass    []map[string]float64
}

// CompareSeries compares series of the same channels and as many bins. Distances are in
// units of the standard deviation over the real series. Classes that only one side has
// are kept, and have no distance.
func CompareSeries(real, synthetic []series.Series) (*SeriesComparison, error) {
	r, err := newSeriesReference([]string{"real", "synthetic"}, real, synthetic)
	if err != nil {
		return nil, err
	}
	if len(synthetic) == 0 {
		return nil, fmt.Errorf("report: no synthetic series")
	}
	c := &SeriesComparison{reference: r}
	for _, list := range [][]series.Series{real, synthetic} {
		for _, s := range list {
			r.classes = append(r.classes, s.Label)
		}
	}
	slices.Sort(r.classes)
	r.classes = slices.Compact(r.classes)
	byClass := func(list []series.Series) sample {
		s := make(sample, len(r.classes))
		for _, one := range r.labelled(list) {
			at, _ := slices.BinarySearch(r.classes, one.label)
			s[at] = append(s[at], one.record)
		}
		return s
	}
	r.train, r.test, c.synthetic = make(sample, len(r.classes)), byClass(real), byClass(synthetic)
	r.silent = hasZeros(r.test)
	for i := range r.classes {
		r.judged = append(r.judged, len(r.test[i]) > 0 && len(c.synthetic[i]) > 0)
	}
	c.overall, c.byClass = draw{reference: r, sample: c.synthetic}.measure(c.compared())
	return c, nil
}

// hasZeros reports whether a value is 0.
func hasZeros(s sample) bool {
	return slices.ContainsFunc(slices.Concat(s...), func(one record) bool { return slices.Contains(one.values, 0) })
}

// compared are the figures of the table: those that need no training series.
func (c *SeriesComparison) compared() []figure {
	var out []figure
	for _, name := range []string{"w1_place", "ks_place", "autocorrelation", "spectrum", "cross_correlation", "silence_tv", "w1_total"} {
		if f := c.figureNamed(name); c.has(f.needs) {
			out = append(out, f)
		}
	}
	return out
}

// Save writes all pictures and the table of distances into the folder dir, as
// [Comparison.Save] does. Pictures of several channels have the channel in their name.
func (c *SeriesComparison) Save(ctx context.Context, dir string, o PlotOptions) error {
	var a album
	for _, p := range c.panels(c.synthetic, c.byClass, o.Bins) {
		f, err := p.draw()
		if err != errNothing {
			a.add(p.name, f, err)
		}
	}
	if len(o.Loss) > 0 {
		f, err := lossCurve(o.Loss)
		a.add("loss", f, err)
	}
	if a.failed != nil {
		return a.failed
	}
	return savePictures(ctx, dir, a.pictures, cmp.Or(o.Format, "png"), c.saveTable)
}

// Traces draws some real series of a channel above synthetic ones, a panel a class, as Save
// does. It fails for a channel that there is not, and for series of one bin.
func (c *SeriesComparison) Traces(channel string) (plots.Figure, error) {
	k := slices.Index(c.channels, channel)
	if k < 0 {
		return plots.Figure{}, fmt.Errorf("report: no channel %q: there are %q", channel, c.channels)
	}
	for _, p := range c.panels(c.synthetic, c.byClass, 0) {
		if p.kind == "traces" {
			if k == 0 {
				return p.draw()
			}
			k--
		}
	}
	return plots.Figure{}, fmt.Errorf("report: the series of channel %q are of one bin: there is no line to draw", channel)
}

// seriesPictures are the page's pictures of series alone: of the first channel.
var seriesPictures = []pagePicture{
	{"traces", panelOf("traces")}, {"values", panelOf("values")},
	{"autocorrelation", panelOf("autocorrelation")}, {"spectra", panelOf("spectra")},
}

// panelOf draws the picture of that name, of every channel above each other.
func panelOf(name string) func(*Report) (plots.Figure, error) {
	return func(r *Report) (plots.Figure, error) {
		classes := make([]map[string]float64, len(r.e.classes))
		for c, label := range r.e.classes {
			classes[c] = map[string]float64{}
			for figure, s := range r.main().Row(synthesised).Classes[label] {
				classes[c][figure] = s.Mean()
			}
		}
		var all []plots.Figure
		for _, p := range r.e.panels(r.e.synthetic, classes, 0) {
			if p.kind != name {
				continue
			}
			f, err := p.draw()
			if err != nil {
				return f, err
			}
			all = append(all, f)
		}
		return plots.Above(all...), nil
	}
}

// tracesEach is how many series of a class and side are drawn.
const tracesEach = 3

// seriesPanels is a picture with a panel for each class.
type seriesPanels struct {
	kind, name string // "traces"; with the channel where there are several
	draw       func() (plots.Figure, error)
}

// panels are the pictures of test series and synthetic ones: some of the series, their
// values, autocorrelations and spectra, of each channel, with the figures of the classes
// as notes.
func (r *reference) panels(synthetic sample, figures []map[string]float64, bins int) []seriesPanels {
	var out []seriesPanels
	files := fileNames(r.channels)
	for k, channel := range r.channels {
		unit, of, suffix := r.units[k], "", ""
		if len(r.channels) > 1 {
			of, suffix = " of "+channel, "_"+files[k]
		}
		label := channel
		if unit != "" && !strings.Contains(strings.ToLower(channel), strings.ToLower(unit)) {
			label += " (" + unit + ")"
		}
		contrasts := func(figure, note string, x []float64, lines func(records []record) [][]float64) []plots.Contrast {
			var panels []plots.Contrast
			for c, class := range r.classes {
				p := plots.Contrast{Title: class, X: x, Real: lines(r.test[c]), Synthetic: lines(synthetic[c])}
				if v, some := figures[c][figure]; some && finite(v) {
					p.Note = fmt.Sprintf("%s %.3f", note, v)
				}
				panels = append(panels, p)
			}
			return panels
		}
		values := func(records []record) [][]float64 {
			rows := r.channelRows(records, k)
			out := make([][]float64, len(rows))
			for i, x := range rows {
				for _, v := range x {
					out[i] = append(out[i], v*r.deviations[k])
				}
			}
			return out
		}
		axis, x := "bin", make([]float64, r.length)
		for j := range x {
			if x[j] = float64(j); r.width > 0 {
				axis, x[j] = "seconds", float64(j)*r.width.Seconds()
			}
		}
		add := func(kind string, draw func() (plots.Figure, error)) {
			out = append(out, seriesPanels{kind, kind + suffix, draw})
		}
		add("traces", func() (plots.Figure, error) {
			if r.length < 2 {
				return plots.Figure{}, errNothing
			}
			some := func(records []record) [][]float64 { return values(records[:min(tracesEach, len(records))]) }
			return plots.Chart{XLabel: axis, YLabel: label, Height: 1.9}.Stacked("Some series"+of+" by class, real above synthetic", contrasts("", "", x, some)...)
		})
		add("values", func() (plots.Figure, error) {
			var pairs []plots.Pair
			for c, class := range r.classes {
				if len(r.test[c])+len(synthetic[c]) == 0 {
					continue
				}
				p := plots.Pair{Title: class, Real: slices.Concat(values(r.test[c])...), Synthetic: slices.Concat(values(synthetic[c])...)}
				if v, some := figures[c]["ks_place"]; some && finite(v) {
					p.Note = fmt.Sprintf("KS %.3f", v)
				}
				pairs = append(pairs, p)
			}
			return plots.Axis{Label: label, Of: "values", Bins: bins}.Panels("Values"+of+" by class, with KS by place", pairs...)
		})
		lags := lagsOf(r.length)
		add("autocorrelation", func() (plots.Figure, error) {
			x := make([]float64, lags+1)
			for j := range x {
				x[j] = float64(j)
			}
			return orNothing(plots.Chart{XLabel: "lag (bins)", YLabel: "autocorrelation"}.Overlaid("Autocorrelation"+of+" by class, with the mean gap",
				contrasts("autocorrelation", "gap", x, func(records []record) [][]float64 {
					mean := metric.MeanAutocorrelation(r.channelRows(records, k), lags)
					if mean == nil {
						return nil
					}
					return [][]float64{append([]float64{1}, mean...)}
				})...))
		})
		add("spectra", func() (plots.Figure, error) {
			x := make([]float64, r.length/2)
			for j := range x {
				x[j] = float64(j + 1)
			}
			return orNothing(plots.Chart{XLabel: "frequency (cycles a series)", YLabel: "power", Log: true}.Overlaid("Mean power spectra"+of+" by class, with the spectral distance",
				contrasts("spectrum", "distance", x, func(records []record) [][]float64 {
					if len(records) == 0 || len(x) == 0 {
						return nil
					}
					return [][]float64{metric.MeanSpectrum(r.channelRows(records, k))}
				})...))
		})
	}
	return out
}

// orNothing turns the error of a picture without a value to draw, of series that do not
// vary, into errNothing.
func orNothing(f plots.Figure, err error) (plots.Figure, error) {
	if err != nil {
		return f, errNothing
	}
	return f, nil
}

// rows ranges over the table: the mean of the classes, then every class.
func (c *SeriesComparison) rows(yield func(label string, real, synthetic int, values []number)) {
	valuesOf := func(figures map[string]float64) []number {
		var out []number
		for _, f := range c.compared() {
			v, ok := figures[f.name]
			if !ok {
				v = math.NaN()
			}
			out = append(out, number(v))
		}
		return out
	}
	yield("", c.test.flows(), c.synthetic.flows(), valuesOf(c.overall))
	for i, class := range c.classes {
		yield(class, len(c.test[i]), len(c.synthetic[i]), valuesOf(c.byClass[i]))
	}
}

// Print writes the table of distances for people.
func (c *SeriesComparison) Print(w io.Writer) error {
	var b strings.Builder
	width := 16
	for _, class := range c.classes {
		width = max(width, min(40, utf8.RuneCountInString(printable(class))))
	}
	fmt.Fprintf(&b, "%-*s %9s %9s", width, "", "real", "synthetic")
	for _, f := range c.compared() {
		fmt.Fprintf(&b, " %*s", max(9, utf8.RuneCountInString(f.title)), f.title)
	}
	b.WriteByte('\n')
	c.rows(func(label string, real, synthetic int, values []number) {
		name := printable(label)
		if label == "" {
			name = "mean of classes"
		}
		fmt.Fprintf(&b, "%s%s %9d %9d", name, strings.Repeat(" ", max(0, width-utf8.RuneCountInString(name))), real, synthetic)
		for i, f := range c.compared() {
			fmt.Fprintf(&b, " %*s", max(9, utf8.RuneCountInString(f.title)), values[i].fixed())
		}
		b.WriteByte('\n')
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// saveTable writes the table as distances.json and distances.csv.
func (c *SeriesComparison) saveTable(dir string) error {
	head := []string{"scope", "class", "real_series", "synthetic_series"}
	for _, f := range c.compared() {
		head = append(head, f.name)
	}
	records := [][]string{head}
	var classes []map[string]any
	mean := map[string]any{}
	c.rows(func(label string, real, synthetic int, values []number) {
		scope, object := "class", map[string]any{"class": label, "real_series": real, "synthetic_series": synthetic}
		if label == "" {
			scope = "mean"
			delete(object, "class")
		}
		line := []string{scope, label, strconv.Itoa(real), strconv.Itoa(synthetic)}
		for i, f := range c.compared() {
			object[f.name] = values[i]
			line = append(line, strings.Replace(values[i].json(), "null", "", 1))
		}
		records = append(records, line)
		if label == "" {
			mean = object
			return
		}
		classes = append(classes, object)
	})
	text, err := json.MarshalIndent(map[string]any{"mean_of_class": mean, "classes": classes}, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, "distances.json"), append(text, '\n')); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(records); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, "distances.csv"), b.Bytes())
}
