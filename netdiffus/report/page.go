package report

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/privacy"
)

// Names of the files that Write writes.
const (
	jsonName = "metrics.json"
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
	if err := atomicfile.WriteFile(filepath.Join(dir, jsonName), text); err != nil {
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
	pictures, err := r.pictures(ctx)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return r.render(pictures)
}

// render is HTML with these pictures.
func (r *Report) render(pictures map[string]template.URL) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"capitalize": capitalize,
		"share":      func(n number) string { return fmt.Sprintf("%.1f %%", 100*float64(n)) },
		"join":       func(s []string) string { return strings.Join(s, ", ") },
	}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, page{r, pictures})
	return b.Bytes(), err
}

// page is what the template shows.
type page struct {
	*Report
	pictures map[string]template.URL
}

// Picture is a picture as a data URI, "" where there is none of that name.
func (p page) Picture(name string) template.URL { return p.pictures[name] }

// Many and One are what the records are called; OfSeries is whether they are series.
func (p page) Many() string   { return p.many }
func (p page) One() string    { return p.one }
func (p page) OfSeries() bool { return p.recordName == ofSeries.recordName }

// OtherGenerators are the titles of their rows.
func (p page) OtherGenerators() []string {
	var names []string
	for _, s := range p.sources {
		if s.kind == otherKind {
			names = append(names, s.title)
		}
	}
	return names
}

// ShadowCount is how many shadow models an attack has.
func (p page) ShadowCount() int { return privacy.Shadows }

// CountOf names a size.
func (p page) CountOf(s Size) string { return s.of(p.many) }

// Added are the numbers of records a class that augmentation adds.
func (p page) Added() string {
	var out []string
	for _, n := range p.e.addedSizes() {
		out = append(out, fmt.Sprint(slices.Max(n)))
	}
	return strings.Join(out, " and ")
}

// Main is the size that the verdict is on.
func (p page) Main() Size { return p.main() }

// Others are the other sizes.
func (p page) Others() []Size {
	main := p.mainIndex()
	return slices.Concat(p.Sizes[:main], p.Sizes[main+1:])
}

// LastSeed is the largest seed.
func (p page) LastSeed() int { return p.Settings.Seeds - 1 }

// classPage is everything about one class.
type classPage struct {
	class
	Distances   distancePage
	First, Runs table // of flows
}

// EachClass has everything about every class that there are test flows of.
func (p page) EachClass() []classPage {
	var out []classPage
	for _, class := range p.Classes {
		if class.Test == 0 {
			continue
		}
		one := classPage{class: class, Distances: p.distancesOf(p.main(), class.Label)}
		if s, some := p.ClassShares[class.Label]; some {
			one.First, one.Runs = p.firstTable(s), p.lengthTable(s)
		}
		out = append(out, one)
	}
	return out
}

// distancePage is the tables of one size, of all classes or of one.
type distancePage struct {
	Count  string // the size in words
	Label  string // "" for all classes
	Open   []titledTable
	Folded []titledTable
}

// Distances are the tables of a size.
func (p page) Distances(s Size) distancePage { return p.distancesOf(s, "") }

func (p page) distancesOf(s Size, label string) distancePage {
	d := distancePage{Count: p.CountOf(s), Label: label}
	for _, g := range p.groups {
		t := titledTable{Title: g.title, Note: g.note, Table: p.figureTable(s, label, p.figuresIn(g, 0))}
		switch {
		case len(t.Table.Head) == 0: // no source has any
		case g.folded:
			d.Folded = append(d.Folded, t)
		default:
			d.Open = append(d.Open, t)
		}
	}
	return d
}
