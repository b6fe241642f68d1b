package plots

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// This file describes figures in words (Figure.Alt): how many values there are, their
// range, where a curve begins and ends.

func altCurve(title string, ch Chart, lines []Line) string {
	var b strings.Builder
	b.WriteString(named(title, "curves"))
	if ch.XLabel != "" || ch.YLabel != "" {
		fmt.Fprintf(&b, " (%s over %s)", orElse(ch.YLabel, "values"), orElse(ch.XLabel, "places"))
	}
	for _, l := range lines {
		first, last := -1, -1
		for i, v := range ch.drawable(l.Y) {
			if !math.IsNaN(v) {
				if first < 0 {
					first = i
				}
				last = i
			}
		}
		if first < 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s: from %s at %s to %s at %s", orElse(l.Name, "a curve"),
			brief(l.Y[first]), brief(l.X[first]), brief(l.Y[last]), brief(l.X[last]))
	}
	return b.String()
}

func altContrast(title, kind string, panels []Contrast) string {
	var b strings.Builder
	b.WriteString(named(title, kind))
	for _, p := range panels {
		low, high := p.span(Chart{})
		fmt.Fprintf(&b, "\n%s: %d real and %d synthetic, values from %s to %s", orElse(p.Title, "a panel"), len(p.Real), len(p.Synthetic), brief(low), brief(high))
		if p.Note != "" {
			b.WriteString("; " + p.Note)
		}
	}
	return b.String()
}

func (a Axis) alt(title string, pairs ...Pair) string {
	var b strings.Builder
	b.WriteString(named(title, "histograms") + " of " + orElse(a.Label, "values"))
	for _, p := range pairs {
		b.WriteString("\n")
		if len(pairs) > 1 || p.Title != title {
			b.WriteString(p.Title + ": ")
		}
		var samples []string
		real, synthetic := a.sides()
		for _, s := range []struct {
			name   string
			values []float64
		}{{real, p.Real}, {synthetic, p.Synthetic}} {
			if len(s.values) > 0 {
				samples = append(samples, s.name+" "+a.altSample(s.values))
			}
		}
		b.WriteString(strings.Join(samples, "; "))
		if p.Note != "" {
			b.WriteString("; " + p.Note)
		}
	}
	return b.String()
}

// altSample is the number of values and their range, or the shares of the categories.
func (a Axis) altSample(values []float64) string {
	if a.Categories != nil {
		var parts []string
		for i, share := range a.tally(values) {
			parts = append(parts, fmt.Sprintf("%s %.1f %%", a.Categories[i].Name, share))
		}
		return strings.Join(parts, ", ")
	}
	var finite []float64
	sum := 0.0
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			finite = append(finite, v)
			sum += v
		}
	}
	if len(finite) == 0 {
		return "no finite values"
	}
	return fmt.Sprintf("%s values, mean %s, from %s to %s",
		count(len(values)), brief(sum/float64(len(finite))), brief(slices.Min(finite)), brief(slices.Max(finite)))
}

func altDots(title, xlabel string, dots []Dot) string {
	lines := []string{named(title, "means") + " of " + orElse(xlabel, "values")}
	for _, d := range dots {
		sum, n := 0.0, 0
		for _, v := range d.Values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				sum += v
				n++
			}
		}
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%s: %.3f", d.Name, sum/float64(n)))
		}
	}
	return strings.Join(lines, "\n")
}

func altCompare(title string, n int, rows []Row) string {
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return fmt.Sprintf("%s: up to %d images a class, real and synthetic, of %s", orElse(title, "images"), n, strings.Join(names, ", "))
}

func altSheet(title string, columns []string, strips []Strip) string {
	var names []string
	for _, s := range strips {
		names = append(names, orElse(s.Name, "a row")+fmt.Sprintf(" (%d)", s.Images.N))
	}
	text := orElse(title, "images") + ": rows " + strings.Join(names, ", ")
	if len(columns) > 0 {
		text += "; columns " + strings.Join(columns, ", ")
	}
	return text
}

// altPackets gives the packets of a few flows in full.
func altPackets(title string, flows []Series) string {
	lines := []string{named(title, "packets") + " by payload length, negative from the client"}
	for _, f := range flows {
		var values []string
		for _, v := range f.Values[:min(len(f.Values), 16)] {
			values = append(values, brief(v))
		}
		if len(f.Values) > 16 {
			values = append(values, "…")
		}
		lines = append(lines, orElse(f.Name, "a flow")+": "+strings.Join(values, ", "))
	}
	return strings.Join(lines, "\n")
}

// altPage is the descriptions of the figures on one page.
func altPage(figures []Figure) string {
	var parts []string
	for _, f := range figures {
		if f.Alt != "" {
			parts = append(parts, f.Alt)
		}
	}
	return strings.Join(parts, "\n")
}

// named begins a description: the title and the kind of figure.
func named(title, kind string) string {
	if title == "" {
		return kind
	}
	return title + ": " + kind
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// brief writes v with four significant digits, whole numbers in full.
func brief(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strings.Replace(strconv.FormatFloat(v, 'f', -1, 64), "-", "−", 1)
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', 4, 64), "-", "−", 1)
}

// altParallel gives the best line in full.
func altParallel(title string, higher bool, axes []ParallelAxis, lines [][]float64, order []int) string {
	last := len(axes) - 1
	best := lines[order[len(order)-1]]
	which := "lowest"
	if higher {
		which = "highest"
	}
	text := fmt.Sprintf("%s of %d lines over %d axes; the %s %s is %s, at", named(title, "parallel coordinates"), len(lines), len(axes), which, axes[last].Name, brief(best[last]))
	for k, a := range axes[:last] {
		value := brief(best[k])
		if i := int(best[k]); a.Words != nil && i >= 0 && i < len(a.Words) {
			value = a.Words[i]
		}
		text += fmt.Sprintf(" %s %s", a.Name, value)
	}
	return text
}
