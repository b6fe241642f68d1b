package report

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

// Names of the files that Write writes.
const (
	JSONName = "metrics.json"
	HTMLName = "report.html"
)

//go:embed page.gohtml
var pageText string

// Write puts metrics.json and report.html into the folder dir, over earlier
// ones. Each appears whole or not at all.
func (r *Report) Write(ctx context.Context, dir string) error {
	text, err := r.JSON()
	if err != nil {
		return err
	}
	page, err := r.HTML(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, JSONName), text); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, HTMLName), page)
}

// JSON is the report for machines.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.Marshal(r)
	return append(text, '\n'), err
}

// HTML is the report for people: one page without scripts, its pictures in it.
func (r *Report) HTML(ctx context.Context) ([]byte, error) {
	figures, err := r.pictures(ctx)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"share": func(n number) string { return fmt.Sprintf("%.1f %%", 100*float64(n)) },
		"join":  func(s []string) string { return strings.Join(s, ", ") },
	}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, page{r, figures})
	return b.Bytes(), err
}

// page is what the template shows.
type page struct {
	*Report
	figures map[string]template.URL
}

// Picture is a figure as a data URI, "" where there is none of that name.
func (p page) Picture(name string) template.URL { return p.figures[name] }

// dataURI is a figure as a PNG inside a URI.
func dataURI(f plots.Figure) (template.URL, error) {
	var b bytes.Buffer
	if err := plots.Encode(&b, "png", f); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil //nolint:gosec // our own bytes
}

// Main is the size that the verdict is on.
func (p page) Main() Size { return p.main() }

// Others are the other sizes.
func (p page) Others() []Size {
	main := p.main()
	return slices.DeleteFunc(slices.Clone(p.Sizes), func(s Size) bool { return s.PerClass == main.PerClass && s.All == main.All })
}

// LastSeed is the largest seed.
func (p page) LastSeed() int { return p.Settings.Seeds - 1 }

// Table is a table of the page.
type Table struct {
	Head []Head
	Rows []Line
}

// Head is a column's head.
type Head struct{ Title, Unit, What string }

// Line is a row: its name, and a cell for each column.
type Line struct {
	Name  string
	Kind  string // its CSS class: "synthetic", "real", "ceiling" or ""
	Cells []Cell
}

// Cell is a figure, what stands small behind it, and a mark where it is graded.
type Cell struct{ Text, Aside, Mark, Grade string }

// cellOf is a figure with its spread.
func cellOf(s Spread) Cell {
	text, aside, _ := strings.Cut(s.String(), " ")
	return Cell{Text: strings.Replace(text, "-", "−", 1), Aside: aside}
}

// title is a source's name for people.
func (p page) title(source string) string {
	if source == AllReal {
		return "all training flows"
	}
	for _, s := range p.e.sources {
		if s.name == source {
			return s.title
		}
	}
	return source
}

func kind(source string) string {
	switch source {
	case Synthesised:
		return "synthetic"
	case RealSubset:
		return "real"
	case AllReal, "test":
		return "ceiling"
	}
	return ""
}

// Figures is the table of some figures over all classes: synthetic flows, the
// four baselines, all real flows.
func (p page) Figures(s Size, names ...string) Table { return p.figuresOf(s, "", names) }

// figuresOf is the table of a class, "" meaning all. It has the figures that some
// source has.
func (p page) figuresOf(s Size, label string, names []string) Table {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !slices.ContainsFunc(s.Rows, func(row Row) bool { return len(row.of(label)[name].Values) > 0 })
	})
	t := Table{Head: heads(names)}
	for _, row := range s.Rows {
		line := Line{Name: p.title(row.Source), Kind: kind(row.Source)}
		for _, name := range names {
			cell := cellOf(row.of(label)[name])
			if row.Source == Synthesised {
				if label == "" {
					cell.Mark, cell.Grade = s.grade(name).mark()
				}
				if s.Draws == 1 && cell.Aside != "" && row.of(label)[name].SD() < 1e-12 {
					cell.Aside = "one draw" // the same each time: a spread of 0 would say that it is known
				}
			}
			line.Cells = append(line.Cells, cell)
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

// of are the row's figures of a class, "" meaning all.
func (r Row) of(label string) map[string]Spread {
	if label == "" {
		return r.Figures
	}
	return r.Classes[label]
}

// Distances are the tables of one size, of all classes or of one. A table without
// columns is of what there is none of.
type Distances struct {
	Size  Size
	Label string // "" for all classes
	// Pooled are of the packets of all classes together.
	Structure, Lengths, Directions, Exact, Pooled, PooledDirections, Times, Images Table
}

// Distances makes the tables of a size.
func (p page) Distances(s Size) Distances { return p.distancesOf(s, "") }

func (p page) distancesOf(s Size, label string) Distances {
	table := func(names ...string) Table { return p.figuresOf(s, label, names) }
	return Distances{
		Size: s, Label: label,
		Structure:        table("length_tv", "first_tv", "bigram_js", "trigram_js", "autocorrelation", "frechet", "mmd"),
		Lengths:          table("hd_pl", "js_pl", "tv_pl", "w1_pl", "ks_pl", "seen"),
		Directions:       table("hd_dir", "js_dir", "tv_dir", "w1_dir", "ks_dir"),
		Exact:            table("tv_pl_exact", "js_pl_exact", "bigram_js_exact", "trigram_js_exact", "duplicates", "near_duplicates"),
		Pooled:           table("hd_pl_all", "js_pl_all", "tv_pl_all", "w1_pl_all", "ks_pl_all"),
		PooledDirections: table("hd_dir_all", "js_dir_all", "tv_dir_all", "w1_dir_all", "ks_dir_all"),
		Times:            table("tstr_iat_accuracy", "tstr_iat_f1", "hd_iat", "js_iat", "tv_iat", "w1_iat", "ks_iat", "w1_duration", "ks_duration"),
		Images:           table("inconsistency", "holes"),
	}
}

// OfClass is everything about a class.
type OfClass struct {
	Class
	Distances   Distances
	First, Runs Table
}

// EachClass has everything about every class that there are test flows of.
func (p page) EachClass() []OfClass {
	var out []OfClass
	for _, class := range p.Classes {
		if shares, some := p.ClassShares[class.Label]; some {
			out = append(out, OfClass{class, p.distancesOf(p.main(), class.Label), p.first(shares), p.runs(shares)})
		}
	}
	return out
}

func heads(names []string) []Head {
	var out []Head
	for _, name := range names {
		e := catalogue[name]
		out = append(out, Head{e.Title, e.Unit, e.What})
	}
	return out
}

// mark is how the page shows a grade: in shape as well as in colour.
func (g grade) mark() (mark, class string) {
	switch g {
	case asReal:
		return "●", "good"
	case asChain:
		return "◐", "fair"
	case worseThanChain:
		return "○", "bad"
	}
	return "", ""
}

// Judged is the classification by a further judge.
func (p page) Judged(s Size) []NamedTable {
	var out []NamedTable
	for _, j := range p.e.Judges {
		t := Table{Head: heads([]string{"tstr_accuracy", "tstr_f1", "trts_accuracy", "trts_f1"})}
		for i := range t.Head {
			t.Head[i].What = strings.Replace(t.Head[i].What, "forest", "classifier", 1)
		}
		for _, row := range s.Rows {
			line := Line{Name: p.title(row.Source), Kind: kind(row.Source)}
			for _, name := range []string{"tstr_accuracy", "tstr_f1", "trts_accuracy", "trts_f1"} {
				line.Cells = append(line.Cells, cellOf(row.Figures[prefix(j)+name]))
			}
			t.Rows = append(t.Rows, line)
		}
		out = append(out, NamedTable{j.Title, t})
	}
	return out
}

// NamedTable is a table with a caption.
type NamedTable struct {
	Title string
	Table Table
}

// PerClass is the table of every class: the synthetic flows' figure, and small
// behind it that of as many real flows.
func (p page) PerClass(s Size, names ...string) Table {
	names = slices.DeleteFunc(names, func(name string) bool { return len(s.Row(RealSubset).Figures[name].Values) == 0 })
	t := Table{Head: heads(names)}
	for _, class := range p.Classes {
		line := Line{Name: class.Label}
		for _, name := range names {
			figure := func(source string) string { return digits(s.Row(source).Classes[class.Label][name].Mean()) }
			line.Cells = append(line.Cells, Cell{Text: figure(Synthesised), Aside: figure(RealSubset)})
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}

// First is the table of first packets, of all classes.
func (p page) First() Table { return p.first(p.Shares) }

func (p page) first(s Shares) Table {
	var columns []Share
	var heads []Head
	for _, f := range s.FirstPackets {
		way := "down"
		if f.Up {
			way = "up"
		}
		if p.Settings.Unsigned {
			way = ""
		}
		heads, columns = append(heads, Head{Title: fmt.Sprint(f.Length), Unit: way}), append(columns, f.Share)
	}
	return p.shares(heads, columns)
}

// Runs is the table of how many packets flows have, of all classes.
func (p page) Runs() Table { return p.runs(p.Shares) }

func (p page) runs(s Shares) Table {
	var columns []Share
	var heads []Head
	for _, l := range s.Lengths {
		title := fmt.Sprint(l.From)
		if l.To > l.From {
			title = fmt.Sprintf("%d–%d", l.From, l.To)
		}
		heads, columns = append(heads, Head{Title: title}), append(columns, l.Share)
	}
	return p.shares(heads, columns)
}

// shares is a table with a row for each source, and one for the test flows.
func (p page) shares(heads []Head, columns []Share) Table {
	t := Table{Head: heads}
	for _, s := range p.e.sources {
		line := Line{Name: s.title, Kind: kind(s.name)}
		for _, c := range columns {
			line.Cells = append(line.Cells, cellOf(c.Shares[s.name]))
		}
		t.Rows = append(t.Rows, line)
	}
	test := Line{Name: "real test flows", Kind: "ceiling"}
	for _, c := range columns {
		test.Cells = append(test.Cells, Cell{Text: fmt.Sprintf("%.3f", float64(c.Test))})
	}
	t.Rows = append(t.Rows, test)
	return t
}

// Augment are the tables of the augmentation, one a classifier and score: a row
// for what was added, and for each number of real flows the score and the gain.
func (p page) Augment() []NamedTable {
	var out []NamedTable
	for _, j := range p.e.taskJudges() {
		for _, score := range []struct {
			name string
			of   func(Augmenter) (value, gain Spread)
		}{
			{"accuracy", func(a Augmenter) (value, gain Spread) { return a.Accuracy, a.Gain }},
			{"macro F1", func(a Augmenter) (value, gain Spread) { return a.MacroF1, a.GainF1 }},
		} {
			var t Table
			for _, a := range p.Augmentation {
				if a.Judge != j.name() {
					continue
				}
				t.Head = append(t.Head, Head{Title: fmt.Sprint(a.Real, " real")}, Head{Title: "gain"})
				if t.Rows == nil {
					t.Rows = make([]Line, len(a.Rows))
				}
				for i, row := range a.Rows {
					value, gain := score.of(row)
					line := &t.Rows[i]
					if line.Name, line.Kind = "real alone", ""; row.Source != Alone {
						line.Name, line.Kind = "+ "+p.added(row.Source), kind(row.Source)
					}
					line.Cells = append(line.Cells, cellOf(value), gainOf(row.Source, gain))
				}
			}
			out = append(out, NamedTable{capital(j.Title) + ": " + score.name, t})
		}
	}
	return out
}

// added is a source's name for people, where its flows are added to real ones.
func (p page) added(source string) string {
	if source == RealSubset {
		return "more real"
	}
	return p.title(source)
}

// gainOf is a gain; without anything added there is none.
func gainOf(source string, s Spread) Cell {
	if source == Alone {
		return Cell{}
	}
	return signed(s)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// signed is a difference.
func signed(s Spread) Cell {
	c := cellOf(s)
	if s.Mean() > 0 {
		c.Text = "+" + c.Text
	}
	return c
}

// Fingers are the tables of the fingerprinting, one a classifier.
func (p page) Fingers() []NamedTable {
	var out []NamedTable
	for _, j := range p.e.taskJudges() {
		t := Table{Head: []Head{{Title: "accuracy"}, {Title: "gain", What: "over the real flows alone"}, {Title: "macro F1"}}}
		for _, row := range p.Fingerprint.Rows {
			if row.Judge != j.name() {
				continue
			}
			name := fmt.Sprintf("%d %s", row.Added, p.added(row.Source))
			switch {
			case row.Source == Alone:
				name = "real alone"
			case row.Real:
				name = "real + " + name
			}
			t.Rows = append(t.Rows, Line{Name: name, Kind: kind(row.Source), Cells: []Cell{cellOf(row.Accuracy), gainOf(row.Source, row.Gain), cellOf(row.MacroF1)}})
		}
		out = append(out, NamedTable{capital(j.Title), t})
	}
	return out
}

// Alarms is the table of the anomaly detection.
func (p page) Alarms() Table {
	t := Table{Head: []Head{{Title: "ROC AUC"}, {Title: "found at 1 % false alarms"}}}
	for _, row := range p.Anomaly.Rows {
		t.Rows = append(t.Rows, Line{Name: p.title(row.Source), Kind: kind(row.Source), Cells: []Cell{cellOf(row.AUC), cellOf(row.Detection)}})
	}
	return t
}

// Memory is the table of the memorisation.
func (p page) Memory() Table {
	t := Table{Head: []Head{
		{"exact copies", "", "of a training flow of the class"},
		{"near copies", "", "within 8 bytes a packet, exact ones too"},
		{"closest record", "bytes", "mean distance to the nearest training flow, a packet"},
		{"to train", "bytes", "the same, of as many training flows as there are test flows"},
		{"to test", "bytes", "mean distance to the nearest test flow"},
		{"nearer to train", "", "share nearer to these training flows than to the test flows: 0.5 is even"},
		{"attack AUC", "", "membership inference, 0.5 is guessing"},
		{"attack AUC, distinct", "", "among flows that no other real flow equals"},
	}}
	for _, row := range slices.Concat(p.Memorisation.Rows, []MemoryRow{p.Memorisation.HeldOut}) {
		line := Line{Name: p.title(row.Source), Kind: kind(row.Source)}
		if row.Source == "test" {
			line.Name = "real test flows"
		}
		for _, s := range []Spread{row.Exact, row.Near, row.Closest, row.ToTrain, row.ToTest, row.Closer, row.Attack, row.AttackNew} {
			line.Cells = append(line.Cells, cellOf(s))
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}
