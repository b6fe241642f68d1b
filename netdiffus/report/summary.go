package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Summary writes the verdict and the main figures as text, for a terminal.
func (r *Report) Summary(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Verdict.Headline)
	for _, p := range r.Verdict.Points {
		fmt.Fprintf(&b, "  - %s\n", p)
	}
	for _, in := range r.Inputs {
		if in.Drawn != nil {
			fmt.Fprintf(&b, "judged on a part of the %s %s: %v\n", in.who(), r.many, *in.Drawn)
		}
	}
	for _, s := range r.Sizes {
		writeTable(&b, s.of(r.many), r.figureTable(s, "", r.figuresIn(nil, inSummary)))
	}
	if p := r.Privacy; p != nil {
		fmt.Fprintf(&b, "\n%s\n", p.Head)
		for _, point := range p.Points {
			fmt.Fprintf(&b, "  - %s\n", point)
		}
		writeTable(&b, fmt.Sprintf("attacks on %d training %s and as many never seen", p.Attacked, r.many), r.attackTable(true))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTable writes a table for a terminal.
func writeTable(b *strings.Builder, title string, t table) {
	text := func(c cell) string { return strings.TrimSpace(c.Text + " " + c.Aside) }
	fmt.Fprintf(b, "\n%s\n%-26s", title, "")
	widths := make([]int, len(t.Head))
	for i, h := range t.Head {
		widths[i] = max(16, utf8.RuneCountInString(h.Title)+2)
		for _, line := range t.Rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(text(line.Cells[i]))+2)
		}
		fmt.Fprintf(b, "%*s", widths[i], h.Title)
	}
	b.WriteByte('\n')
	for _, line := range t.Rows {
		fmt.Fprintf(b, "  %-24s", strings.TrimSuffix(line.Name+", "+line.Note, ", "))
		for i, c := range line.Cells {
			fmt.Fprintf(b, "%s%s", strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text(c))), text(c))
		}
		b.WriteByte('\n')
	}
}
