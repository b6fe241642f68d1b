package runs

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/plots"
)

//go:embed page.gohtml
var pageText string

// pageFuncs are what the templates of pages use.
var pageFuncs = template.FuncMap{
	"plain": Plain, "said": said, "size": size, "when": when, "number": func(v any) string { return number(toFloat(v)) },
	"took":   func(seconds float64) string { return took(time.Duration(seconds * float64(time.Second))) },
	"hashes": shortHashes, "join": strings.Join,
}

func toFloat(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case fmt.Stringer:
		return math.NaN()
	default:
		var f float64
		if _, err := fmt.Sscan(fmt.Sprint(v), &f); err != nil {
			return math.NaN()
		}
		return f
	}
}

// picture is a drawing in a page.
type picture struct {
	Source        template.URL
	Alt           string
	Width, Height int
}

// newPicture draws a figure as SVG within the page. An image runs no scripts, whatever
// names are in it.
func newPicture(f plots.Figure) (picture, error) {
	var b bytes.Buffer
	if err := plots.Encode(&b, "svg", f); err != nil {
		return picture{}, err
	}
	source := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
	return picture{template.URL(source), f.Alt, int(f.Width.Points() * 4 / 3), int(f.Height.Points() * 4 / 3)}, nil
}

// Chart draws a metric of all the runs that have it over their steps, in one chart. It
// fails where none has a finite value of it.
func (c *Comparison) Chart(metric string) (plots.Figure, error) {
	var lines []plots.Line
	low, high := math.Inf(1), math.Inf(-1)
	for i, curves := range c.curves {
		if s, there := curves.Series[metric]; there {
			lines = append(lines, plots.Line{Name: Plain(c.Runs[i].Name), X: s.Step, Y: s.Value})
			for _, v := range s.Value {
				low, high = min(low, v), max(high, v) // a NaN makes both NaN, and the axis linear
			}
		}
	}
	chart := plots.Chart{XLabel: "training step", YLabel: metric, Log: low > 0 && high > 10*low}
	figure, err := chart.Curve(strings.ReplaceAll(metric, "_", " "), lines...)
	if err != nil {
		return figure, fmt.Errorf("runs: %s: %w", metric, err)
	}
	return figure, nil
}

// pictures are the runs' curves, a metric a chart.
func (c *Comparison) pictures() ([]picture, error) {
	all := map[string]bool{}
	var list []picture
	for _, curves := range c.curves {
		for _, name := range MainMetrics(curves.Series, 4) {
			all[name] = true
		}
	}
	for _, name := range append(append([]string{}, mainMetrics...), "validation_copies") {
		if !all[name] {
			continue
		}
		figure, err := c.Chart(name)
		if err != nil {
			continue // no finite value
		}
		p, err := newPicture(figure)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// cell is one of a table of figures.
type cell struct {
	Text, Baseline string
	Best           bool
}

// Cells are the quantity's values for the page.
func (q Quantity) Cells() []cell {
	var cells []cell
	for i, v := range q.Values {
		c := cell{Text: number(float64(v)), Best: i == q.winner()}
		if q.SD != nil {
			c.Text = withSD(Figure{v, q.SD[i]})
			if c.Text != "" && q.Baselines[i] != "" {
				c.Baseline = q.Baselines[i] + " " + number(float64(q.Best[i]))
			}
		}
		cells = append(cells, c)
	}
	return cells
}

// HTML is the comparison as one page that needs nothing else.
func (c *Comparison) HTML() ([]byte, error) {
	pictures, err := c.pictures()
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	return render("compare", struct {
		*Comparison
		Pictures []picture
	}{c, pictures})
}

func render(name string, data any) ([]byte, error) {
	t, err := template.New("page").Funcs(pageFuncs).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	return visible(b.Bytes()), nil
}

// visible is a text of lines with each line as Plain has it.
func visible(text []byte) []byte {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = Plain(line)
	}
	return []byte(strings.Join(lines, "\n"))
}
