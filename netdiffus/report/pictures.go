package report

import (
	"context"
	"fmt"
	"html/template"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// pictures draws the page's figures, by the names that the template asks for.
func (r *Report) pictures(ctx context.Context) (map[string]template.URL, error) {
	out := map[string]template.URL{}
	for _, p := range []struct {
		name string
		draw func() (plots.Figure, bool, error)
	}{
		{"tstr", r.drawUse}, {"values", r.distances("hd_pl", "hd_dir", "length_tv")},
		{"structure", r.distances("bigram_js", "trigram_js", "autocorrelation")}, {"anomaly", r.drawAnomaly}, {"pl", r.drawLengths}, {"dir", r.drawDirections}, {"packets", r.drawPackets},
		{"images", r.drawImages}, {"augmentation", r.drawAugmentation}, {"closest", r.drawClosest},
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, some, err := p.draw()
		if err == nil && some {
			out[p.name], err = dataURI(f)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// drawUse shows what classifiers make of every source.
func (r *Report) drawUse() (plots.Figure, bool, error) {
	var figures []plots.Figure
	for _, s := range r.Sizes {
		f, some, err := r.dots("Trained on "+s.of()+", tested on real flows", "accuracy (higher is better)", func(source string) Spread {
			return s.Row(source).Figures["tstr_accuracy"]
		})
		if err != nil || !some {
			return f, false, err
		}
		figures = append(figures, f)
	}
	return plots.Above(figures...), true, nil
}

// distances draws figures of every source at the size of the verdict.
func (r *Report) distances(names ...string) func() (plots.Figure, bool, error) {
	return func() (plots.Figure, bool, error) {
		s := r.main()
		var figures []plots.Figure
		for _, name := range names {
			label := "lower is better"
			if unit := catalogue[name].Unit; unit != "" {
				label = unit + " (" + label + ")"
			}
			f, some, err := r.dots(catalogue[name].Title, label, func(source string) Spread { return s.Row(source).Figures[name] })
			if err != nil {
				return f, false, err
			}
			if some {
				figures = append(figures, f)
			}
		}
		if len(figures) == 0 {
			return plots.Figure{}, false, nil
		}
		return plots.Above(figures...), true, nil
	}
}

// drawAnomaly shows how well classes that were held out are found.
func (r *Report) drawAnomaly() (plots.Figure, bool, error) {
	if r.Anomaly == nil {
		return plots.Figure{}, false, nil
	}
	return r.dots("Held-out classes told from the others", "area under the ROC curve (higher is better)", func(source string) Spread {
		i := slices.IndexFunc(r.Anomaly.Rows, func(row AnomalyRow) bool { return row.Source == source })
		return r.Anomaly.Rows[i].AUC
	})
}

// dots shows a figure of every source that has it, each draw as a stroke.
func (r *Report) dots(title, label string, of func(source string) Spread) (plots.Figure, bool, error) {
	var dots []plots.Dot
	for _, source := range r.e.sources {
		s := of(source.name)
		if !finite(s.Mean()) {
			continue
		}
		d := plots.Dot{Name: source.title, Values: s.Values}
		switch source.name {
		case Synthesised:
			d.Kind = plots.Synthetic
		case RealSubset:
			d.Kind = plots.Real
		}
		dots = append(dots, d)
	}
	if len(dots) == 0 {
		return plots.Figure{}, false, nil
	}
	f, err := plots.Dots(title, label, dots...)
	return f, err == nil, err
}

// pairs are real and synthetic values of every class that both have.
func (r *Report) pairs(values func([][]float64) []float64, figure, label string) []plots.Pair {
	s := r.main().Row(Synthesised)
	var out []plots.Pair
	for c, label2 := range r.e.classes {
		real, synthetic := r.e.test[c], r.e.synthetic[c]
		if len(real) == 0 || len(synthetic) == 0 {
			continue
		}
		out = append(out, plots.Pair{
			Title: label2, Note: fmt.Sprintf("%s %.2f", label, s.Classes[label2][figure].Mean()),
			Real: values(real), Synthetic: values(synthetic),
		})
	}
	return out
}

func (r *Report) drawLengths() (plots.Figure, bool, error) {
	f, err := plots.Axis{Label: "payload length (bytes)"}.Panels("Payload length by class, with Hellinger distance H", r.pairs(lengths, "hd_pl", "H")...)
	return f, true, err
}

func (r *Report) drawDirections() (plots.Figure, bool, error) {
	if r.e.unsigned {
		return plots.Figure{}, false, nil
	}
	axis := plots.Axis{Label: "direction", Categories: []plots.Category{{Value: float64(traffic.Up), Name: "up"}, {Value: float64(traffic.Down), Name: "down"}}}
	f, err := axis.Panels("Direction by class, with Hellinger distance H", r.pairs(directions, "hd_dir", "H")...)
	return f, true, err
}

// drawPackets shows how many packets flows have.
func (r *Report) drawPackets() (plots.Figure, bool, error) {
	count := func(rows [][]float64) []float64 {
		n := make([]float64, len(rows))
		for i, row := range rows {
			n[i] = float64(len(packets(row)))
		}
		return n
	}
	axis := plots.Axis{Label: "packets a flow", Of: "flows", Bins: r.e.Length}
	if r.e.Length <= 10 {
		for n := 1; n <= r.e.Length; n++ {
			axis.Categories = append(axis.Categories, plots.Category{Value: float64(n), Name: fmt.Sprint(n)})
		}
	}
	f, err := axis.Panels("Packets a flow by class, with total variation TV", r.pairs(count, "length_tv", "TV")...)
	return f, true, err
}

// imagesEach is how many images of a class and side are shown.
const imagesEach = 6

// drawImages shows synthetic images beside those of test flows, made by the
// same recipe.
func (r *Report) drawImages() (plots.Figure, bool, error) {
	set := r.e.set
	if set == nil || set.Len() == 0 {
		return plots.Figure{}, false, nil
	}
	first := set.Images.Plane(0) // of several channels
	x := make([]float64, set.Recipe.Length)
	var rows []plots.Row
	for c, label := range set.Classes {
		row := plots.Row{Name: label, Real: imaging.New(0, set.Images.H, set.Images.W, 1), Synthetic: imaging.New(0, set.Images.H, set.Images.W, 1)}
		for i := range set.Len() {
			if set.Labels[i] == c && row.Synthetic.N < imagesEach {
				row.Synthetic.Append(first.At(i))
			}
		}
		for _, f := range r.e.testFlows[label] {
			if row.Real.N == imagesEach {
				break
			}
			values := set.Recipe.Feature.Values(f.Packets[:min(len(f.Packets), len(x))])
			if set.Recipe.Codec.Encode(label, values, x) != nil {
				continue // a value that the codec, fitted to the training flows, cannot hold
			}
			img := make([]float64, set.Images.H*set.Images.W)
			set.Recipe.Image.Encode(x, img)
			row.Real.Append(img)
		}
		if row.Synthetic.N > 0 {
			rows = append(rows, row)
		}
	}
	f, err := plots.Compare("Images of real test flows and synthetic ones", imagesEach, rows...)
	return f, err == nil, err
}

// drawAugmentation shows the forest's accuracy over the number of real flows, and
// its spread.
func (r *Report) drawAugmentation() (plots.Figure, bool, error) {
	if len(r.Augmentation) == 0 {
		return plots.Figure{}, false, nil
	}
	// Names as short as the key has room for.
	names := map[string]string{Alone: "alone", Synthesised: "synthetic", RealSubset: "real", Markov1: "Markov 1", Markov2: "Markov 2", Independent: "independent"}
	lines := make([]plots.Line, len(r.Augmentation[0].Rows))
	for _, a := range r.Augmentation {
		if a.Judge != r.e.forest().name() {
			continue
		}
		for i, row := range a.Rows {
			lines[i].Name = names[row.Source]
			lines[i].X = append(lines[i].X, float64(a.Real))
			lines[i].Y = append(lines[i].Y, row.Accuracy.Mean())
			lines[i].Spread = append(lines[i].Spread, row.Accuracy.SD())
		}
	}
	f, err := plots.Chart{XLabel: "real flows a class", YLabel: "accuracy on real test flows", Window: 1}.Curve("Few real flows, alone and with others added", lines...)
	return f, true, err
}

// drawClosest shows how near flows lie to the training flows.
func (r *Report) drawClosest() (plots.Figure, bool, error) {
	var lines []plots.Line
	for _, c := range []struct{ source, name string }{{"test", "real test flows"}, {Synthesised, "synthetic"}, {Markov1, "Markov, order 1"}, {Markov2, "Markov, order 2"}} {
		cdf := r.Memorisation.Distances[c.source]
		l := plots.Line{Name: c.name}
		for i := range cdf.Bytes {
			l.X, l.Y = append(l.X, 100*float64(cdf.Quantiles[i])), append(l.Y, float64(cdf.Bytes[i]))
		}
		lines = append(lines, l)
	}
	f, err := plots.Chart{XLabel: "share of flows (%)", YLabel: "distance (bytes a packet)", Window: 1}.Curve("Distance to the closest training flow", lines...)
	return f, true, err
}
