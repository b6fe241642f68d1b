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
	for _, s := range r.Sizes {
		t := r.figureTable(s, "", r.figuresIn(nil, inSummary))
		fmt.Fprintf(&b, "\n%s\n%-26s", s.of(r.many), "")
		for _, h := range t.Head {
			fmt.Fprintf(&b, "%*s", summaryWidth(h), h.Title)
		}
		b.WriteByte('\n')
		for _, line := range t.Rows {
			fmt.Fprintf(&b, "  %-24s", strings.TrimSuffix(line.Name+", "+line.Note, ", "))
			for i, c := range line.Cells {
				text := strings.TrimSpace(c.Text + " " + c.Aside)
				fmt.Fprintf(&b, "%s%s", strings.Repeat(" ", max(1, summaryWidth(t.Head[i])-utf8.RuneCountInString(text))), text)
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summaryWidth is that of a column of the summary.
func summaryWidth(h head) int { return max(16, utf8.RuneCountInString(h.Title)+2) }
