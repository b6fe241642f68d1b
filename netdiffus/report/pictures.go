package report

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// errNothing is that of a picture which the data have nothing for.
var errNothing = errors.New("nothing to draw")

// pagePicture is a picture of the page, by its name in the template.
type pagePicture struct {
	name string
	draw func(*Report) (plots.Figure, error)
}

// flowPictures are those of flows alone.
var flowPictures = []pagePicture{
	{"pl", (*Report).drawLengths}, {"dir", (*Report).drawDirections}, {"packets", (*Report).drawPackets}, {"images", (*Report).drawImages},
}

// pictures draws the page's pictures.
func (r *Report) pictures(ctx context.Context) (map[string]template.URL, error) {
	out := map[string]template.URL{}
	for _, p := range slices.Concat([]pagePicture{
		{"tstr", (*Report).drawUse},
		{"left", func(r *Report) (plots.Figure, error) { return r.drawDistances(0) }},
		{"right", func(r *Report) (plots.Figure, error) { return r.drawDistances(1) }},
		{"anomaly", (*Report).drawAnomaly}, {"augmentation", (*Report).drawAugmentation}, {"closest", (*Report).drawClosest},
	}, r.subject.pictures) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := p.draw(r)
		if err == nil {
			out[p.name], err = dataURI(f)
		}
		if err != nil && err != errNothing {
			return nil, err
		}
	}
	return out, nil
}

// dataURI is a picture as a PNG inside a URI.
func dataURI(f plots.Figure) (template.URL, error) {
	var b bytes.Buffer
	if err := plots.Encode(&b, "png", f); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil //nolint:gosec // our own bytes
}

// drawUse shows the accuracy of the forest trained on every source.
func (r *Report) drawUse() (plots.Figure, error) {
	var figures []plots.Figure
	for _, s := range r.Sizes {
		f, err := r.dots("Trained on "+s.of(r.many)+", tested on real "+r.many, "accuracy (higher is better)", func(source string) Spread {
			return s.Row(source).Figures["tstr_accuracy"]
		})
		if err != nil {
			return f, err
		}
		figures = append(figures, f)
	}
	return plots.Above(figures...), nil
}

// drawDistances shows one half of the main figures, of every source, at the size of the
// verdict: the page has both halves side by side.
func (r *Report) drawDistances(half int) (plots.Figure, error) {
	s := r.main()
	var drawn []plots.Figure
	for _, f := range r.figuresIn(nil, inPicture) {
		d, err := r.dots(f.title, f.axis(), func(source string) Spread { return s.Row(source).Figures[f.name] })
		switch {
		case err == nil:
			drawn = append(drawn, d)
		case err != errNothing:
			return d, err
		}
	}
	middle := (len(drawn) + 1) / 2
	drawn = [2][]plots.Figure{drawn[:middle], drawn[middle:]}[half]
	if len(drawn) == 0 {
		return plots.Figure{}, errNothing
	}
	return plots.Above(drawn...), nil
}

// axis is the label of an axis with the figure's values.
func (f figure) axis() string {
	label := map[better]string{lower: "lower is better", higher: "higher is better", neither: "neither is better", evenChance: "0.5 is best"}[f.better]
	if f.unit != "" {
		label = f.unit + " (" + label + ")"
	}
	return label
}

// drawAnomaly shows how well classes that were held out are found.
func (r *Report) drawAnomaly() (plots.Figure, error) {
	if r.Anomaly == nil {
		return plots.Figure{}, errNothing
	}
	return r.dots("Held-out classes separated from the others", "area under the ROC curve (higher is better)", func(source string) Spread {
		if i := slices.IndexFunc(r.Anomaly.Rows, func(row anomalyRow) bool { return row.Source == source }); i >= 0 {
			return r.Anomaly.Rows[i].AUC
		}
		return Spread{}
	})
}

// dots shows a figure of every source that has it, each draw as a stroke.
func (r *Report) dots(title, label string, of func(source string) Spread) (plots.Figure, error) {
	kinds := map[kind]plots.DotKind{syntheticKind: plots.Synthetic, realKind: plots.Real}
	var dots []plots.Dot
	for _, source := range r.sources {
		if s := of(source.name); finite(s.Mean()) {
			dots = append(dots, plots.Dot{Name: source.title, Values: s.Values, Kind: kinds[source.kind]})
		}
	}
	if len(dots) == 0 {
		return plots.Figure{}, errNothing
	}
	return plots.Dots(title, label, dots...)
}

// pairs are real and synthetic values of every class that both have, with a figure of
// the class.
func (r *Report) pairs(values quantity, figure, label string) []plots.Pair {
	s := r.main().Row(synthesised)
	var out []plots.Pair
	for c, class := range r.e.classes {
		if !r.e.judged[c] {
			continue
		}
		out = append(out, plots.Pair{
			Title: class, Note: fmt.Sprintf("%s %.2f", label, s.Classes[class][figure].Mean()),
			Real: values(r.e.test[c]), Synthetic: values(r.e.synthetic[c]),
		})
	}
	return out
}

func (r *Report) drawLengths() (plots.Figure, error) {
	return lengthAxis.Panels("Payload length by class, with Hellinger distance H", r.pairs(lengths, "hd_pl", "H")...)
}

func (r *Report) drawDirections() (plots.Figure, error) {
	if r.e.unsigned {
		return plots.Figure{}, errNothing
	}
	return directionAxis.Panels("Direction by class, with Hellinger distance H", r.pairs(directions, "hd_dir", "H")...)
}

// The axes of histograms.
var (
	lengthAxis    = plots.Axis{Label: "payload length (bytes)"}
	directionAxis = plots.Axis{Label: "direction", Categories: []plots.Category{{Value: float64(traffic.Up), Name: "up"}, {Value: float64(traffic.Down), Name: "down"}}}
	timeAxis      = plots.Axis{Label: "ln(1 + µs since the packet before)"} // times span many decades
)

// drawPackets shows how many packets flows have.
func (r *Report) drawPackets() (plots.Figure, error) {
	axis := plots.Axis{Label: "packets a flow", Of: "flows", Bins: r.e.length}
	if r.e.length <= 10 {
		for n := 1; n <= r.e.length; n++ {
			axis.Categories = append(axis.Categories, plots.Category{Value: float64(n), Name: fmt.Sprint(n)})
		}
	}
	return axis.Panels("Packets a flow by class, with total variation TV", r.pairs(packetCounts, "length_tv", "TV")...)
}

// drawAugmentation shows the forest's accuracy over the number of real flows, and
// its spread.
func (r *Report) drawAugmentation() (plots.Figure, error) {
	if len(r.Augmentation) == 0 {
		return plots.Figure{}, errNothing
	}
	lines := make([]plots.Line, len(r.Augmentation[0].Rows))
	for _, a := range r.Augmentation {
		if a.Judge != r.e.forest().name() || a.Added != r.Augmentation[0].Added {
			continue
		}
		for i, row := range a.Rows {
			if lines[i].Name = "alone"; row.Source != alone {
				lines[i].Name = r.sourceNamed(row.Source).key
			}
			lines[i].X = append(lines[i].X, float64(a.Real))
			lines[i].Y = append(lines[i].Y, row.Accuracy.Mean())
			lines[i].Spread = append(lines[i].Spread, row.Accuracy.SD())
		}
	}
	return plots.Chart{XLabel: "real " + r.many + " a class", YLabel: "accuracy on real test " + r.many, Window: 1}.Curve("Few real "+r.many+", alone and with others added", lines...)
}

// drawClosest shows how near flows lie to the training flows.
func (r *Report) drawClosest() (plots.Figure, error) {
	var lines []plots.Line
	for _, s := range append([]source{r.testRecords()}, r.sourcesWith(inClosest)...) {
		cdf := r.Memorisation.Distances[s.name]
		l := plots.Line{Name: s.title}
		for i := range cdf.Distances {
			l.X, l.Y = append(l.X, 100*float64(cdf.Quantiles[i])), append(l.Y, float64(cdf.Distances[i]))
		}
		lines = append(lines, l)
	}
	return plots.Chart{XLabel: "share of " + r.many + " (%)", YLabel: "distance (" + r.unit + ")", Window: 1}.Curve("Distance to the closest training "+r.one, lines...)
}
