package report

import (
	"slices"
	"strings"
)

// table is a table of the page.
type table struct {
	Head []head
	Rows []line
}

// titledTable is a table with a caption.
type titledTable struct {
	Title string
	Note  string
	Table table
}

// head is a column's head.
type head struct{ Title, Unit, What, Definition string }

// line is a row: its name, what to know of it, and a cell for each column.
type line struct {
	Name  string
	Note  string
	Kind  kind // its CSS class
	Cells []cell
}

// cell is a figure, an addition in small print, and a mark where it is graded.
type cell struct{ Text, Aside, Mark, Grade string }

// cellOf is a figure with its spread.
func cellOf(s Spread) cell {
	text, aside, _ := strings.Cut(s.String(), " ")
	return cell{Text: strings.Replace(text, "-", "−", 1), Aside: aside}
}

// signedCell is a difference.
func signedCell(s Spread) cell {
	c := cellOf(s)
	if s.Mean() > 0 {
		c.Text = "+" + c.Text
	}
	return c
}

// gainCell is the gain by flows of a source; there is none where none were added.
func gainCell(source string, s Spread) cell {
	if source == alone {
		return cell{}
	}
	return signedCell(s)
}

// lineOf starts the row of a source.
func (s *subject) lineOf(source string) line {
	one := s.sourceNamed(source)
	return line{Name: one.title, Kind: one.kind}
}

// markedLineOf is lineOf, with a note where a baseline or another generator copies.
func (r *Report) markedLineOf(source string) line {
	l := r.lineOf(source)
	if l.Kind.judgedForCopies() && r.copies(source) {
		l.Note = "copies"
	}
	return l
}

// headsOf are the heads of figures.
func headsOf(figures []figure) []head {
	var out []head
	for _, f := range figures {
		out = append(out, head{f.title, f.unit, f.what, f.name + ": docs/metrics.md#" + f.group.doc})
	}
	return out
}

// figureTable is the table of figures of a class, "" for all: a row for each source.
// It has the figures that some source has.
func (r *Report) figureTable(s Size, label string, figures []figure) table {
	figures = slices.DeleteFunc(slices.Clone(figures), func(f figure) bool {
		return !slices.ContainsFunc(s.Rows, func(row Row) bool { return len(row.of(label)[f.name].Values) > 0 })
	})
	t := table{Head: headsOf(figures)}
	for _, row := range s.Rows {
		l := r.markedLineOf(row.Source)
		for _, f := range figures {
			l.Cells = append(l.Cells, r.figureCell(s, row, label, f))
		}
		t.Rows = append(t.Rows, l)
	}
	return t
}

// figureCell is a figure of a row, graded where it is the synthetic flows'.
func (r *Report) figureCell(s Size, row Row, label string, f figure) cell {
	value := row.of(label)[f.name]
	c := cellOf(value)
	if row.Source != synthesised {
		return c
	}
	if label == "" {
		c.Mark, c.Grade = r.grade(s, f).mark()
	}
	if s.Draws == 1 && c.Aside != "" && value.SD() < 1e-12 {
		c.Aside = "one draw" // the same flows each time: "± 0" would claim certainty
	}
	return c
}

// of are the row's figures of a class, "" meaning all.
func (r Row) of(label string) map[string]Spread {
	if label == "" {
		return r.Figures
	}
	return r.Classes[label]
}
