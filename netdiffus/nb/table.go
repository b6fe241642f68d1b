package nb

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Table shows rows below a header. Floating-point numbers have four significant
// digits; for others, pass text made by fmt.Sprintf. Columns of numbers, also of
// numbers in text, are aligned to the right.
func Table(header []string, rows [][]any) {
	if !Here() {
		return
	}
	t := newTable(header, rows)
	mustShow(bundle{data: map[protocol.MIMEType]any{
		protocol.MIMETextHTML:  t.html(),
		protocol.MIMETextPlain: t.text(),
	}})
}

// table holds rows of text, all as long as the header.
type table struct {
	header []string
	rows   [][]string
	right  []bool // whether each column holds numbers
}

func newTable(header []string, rows [][]any) table {
	columns := len(header)
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	t := table{header: make([]string, columns), right: make([]bool, columns)}
	copy(t.header, header)
	for _, row := range rows {
		cells := make([]string, columns)
		for i, v := range row {
			cells[i] = cell(v)
		}
		t.rows = append(t.rows, cells)
	}
	for i := range t.right {
		for _, row := range t.rows {
			if row[i] == "" || row[i] == missing {
				continue
			}
			if t.right[i] = numeric(row[i]); !t.right[i] {
				break
			}
		}
	}
	return t
}

// missing stands for a number that does not exist.
const missing = "–"

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return float(v)
	case float32:
		return float(float64(v))
	}
	return fmt.Sprint(v)
}

func float(v float64) string {
	switch {
	case math.IsNaN(v):
		return missing
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case math.Abs(v) >= 1000 && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// numeric reports whether s is one number, perhaps with a unit or an uncertainty:
// "12", "1,448", "93.7 %", "0.882 ± 0.006".
func numeric(s string) bool {
	words := strings.Fields(s)
	for i, word := range words {
		if one := i == 0 || words[i-1] == "±"; isNumber(word) != one {
			return false
		}
	}
	return len(words) > 0
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(strings.NewReplacer(",", "", "−", "-", "%", "").Replace(s), 64)
	return err == nil
}

// html returns the table without classes and ids, so that it looks right everywhere
// and passes every sanitizer.
func (t table) html() string {
	var b strings.Builder
	line := func(kind string, cells []string) {
		b.WriteString("<tr>")
		for i, s := range cells {
			align := "left"
			if t.right[i] {
				align = "right"
			}
			fmt.Fprintf(&b, `<%s style="text-align: %s">%s</%s>`, kind, align, html.EscapeString(s), kind)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("<table>\n<thead>\n")
	line("th", t.header)
	b.WriteString("</thead>\n<tbody>\n")
	for _, row := range t.rows {
		line("td", row)
	}
	b.WriteString("</tbody>\n</table>")
	return b.String()
}

// text returns the table as text for a monospaced font.
func (t table) text() string {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, s := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(s))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		var l strings.Builder
		for i, s := range cells {
			if i > 0 {
				l.WriteString("  ")
			}
			room := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(s))
			if t.right[i] {
				l.WriteString(room + s)
			} else {
				l.WriteString(s + room)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(t.header)
	rules := make([]string, len(widths))
	for i, w := range widths {
		rules[i] = strings.Repeat("-", w)
	}
	line(rules)
	for _, row := range t.rows {
		line(row)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
