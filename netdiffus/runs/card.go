package runs

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

//go:embed card.gomd
var cardText string

// CardOptions are what a model card says that a run directory does not know.
type CardOptions struct {
	Title   string // "" means the run's name
	Licence string // of the data and the model; "" says that none is stated
	Data    string // what the data are, who recorded them, with whose consent
	Use     string // what the model is meant for
	Limits  string // further limits, beside those that the figures show
}

// card is what the templates show.
type card struct {
	*Run
	CardOptions
	Classes []Class
	Report  *Report
	Figures []cardFigure
	Memory  []cardFigure
	Command string
	Limits  []string // hides the option, which is one of them
}

// cardFigure is a line of the card's tables.
type cardFigure struct{ Name, Value, Best, Real string }

// memoryFigures are the figures on copies and membership that a card has.
var memoryFigures = []string{"exact_duplicates", "near_duplicates", "closest_record_mean", "closer_to_train", "membership_auc", "membership_auc_distinct"}

// newCard gathers what the card says.
func (r *Run) newCard(o CardOptions) card {
	c := card{Run: r, CardOptions: o, Report: r.Latest()}
	if c.Title == "" {
		c.Title = r.Name
	}
	if n := len(r.Sessions); n > 0 {
		var words []string
		for _, w := range r.Sessions[0].Command {
			words = append(words, command.Quote(w))
		}
		c.Command = strings.Join(words, " ")
	}
	if c.Report != nil {
		c.Classes = c.Report.Classes
		for _, f := range comparedFigures {
			if got, ok := c.Report.Figure(f.name); ok && f.better != 0 {
				line := cardFigure{Name: f.name, Value: withSD(got)}
				if best, from := c.Report.baseline(f.name, f.better); from != "" {
					line.Best = number(best) + " (" + from + ")"
				}
				line.Real = c.Report.of("real", f.name)
				c.Figures = append(c.Figures, line)
			}
		}
		for _, name := range memoryFigures {
			line := cardFigure{Name: name}
			for _, row := range c.Report.Memory {
				f, there := row.Figures[name]
				switch {
				case !there:
				case row.Source == synthetic:
					line.Value = withSD(f)
				case row.Source == "test":
					line.Real = withSD(f)
				}
			}
			if line.Value != "" {
				c.Memory = append(c.Memory, line)
			}
		}
	}
	c.Limits = r.limits(c.Report)
	if o.Limits != "" {
		c.Limits = append(c.Limits, o.Limits)
	}
	return c
}

// of is a figure of one source.
func (r *Report) of(source, figure string) string {
	for _, row := range r.Rows {
		if f, there := row.Figures[figure]; there && row.Source == source {
			return withSD(f)
		}
	}
	return ""
}

// limits are what the directory shows that a user of the model must know.
func (r *Run) limits(report *Report) []string {
	limits := []string{
		"Synthetic flows are no proof of privacy: rare values may be copied from single flows of the training data.",
		"The model makes the packets' lengths and directions (and, where the data had them, times) of the first packets of a flow; it makes no payload and no addresses.",
	}
	if length := r.Settings["image.side"]; length != "" {
		limits = append(limits, "A flow has at most "+length+" packets (the side of the images).")
	}
	switch {
	case report == nil:
		limits = append(limits, "Nothing was measured of flows drawn from this model: nobody knows how good they are.")
	default:
		if report.seenTest() {
			limits = append(limits, "The report tests on the flows that were trained on, so that its figures are too good: evaluate with flows that were not.")
		}
		if report.Leaks {
			limits = append(limits, "The report finds that training flows leak: "+report.Verdict)
		}
		lacking := slices.DeleteFunc(slices.Clone(report.Classes), func(c Class) bool { return c.Synthetic > 0 })
		for _, c := range lacking {
			limits = append(limits, fmt.Sprintf("There are no synthetic flows of class %s in the report.", Plain(c.Label)))
		}
		if f, ok := report.Figure("tstr_accuracy"); ok {
			if best, from := report.baseline("tstr_accuracy", +1); from != "" && float64(f.Mean) < best {
				limits = append(limits, fmt.Sprintf("For training a classifier %s, which costs nothing, is better: %s against %s.", from, number(best), number(float64(f.Mean))))
			}
		}
	}
	for _, p := range r.Problems {
		limits = append(limits, "Of the run directory: "+p+".")
	}
	if r.State != Finished {
		limits = append(limits, fmt.Sprintf("The training is not complete: the run is %s at step %d.", r.State, r.Step))
	}
	return limits
}

// Card is the run's model card in Markdown and as an HTML page that needs nothing else:
// data, settings, figures beside their baselines, memorisation, limits, and how to repeat
// it.
func (r *Run) Card(o CardOptions) (markdown, page []byte, err error) {
	c := r.newCard(o)
	t, err := texttemplate.New("card").Funcs(texttemplate.FuncMap{
		"md": inMarkdown, "said": said, "size": size, "when": when, "code": inCode,
		"took": func(seconds float64) string { return took(time.Duration(seconds * float64(time.Second))) },
	}).Parse(cardText)
	if err != nil {
		return nil, nil, fmt.Errorf("runs: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, c); err != nil {
		return nil, nil, fmt.Errorf("runs: %w", err)
	}
	page, err = render("card", c)
	return visible(b.Bytes()), page, err
}

// inMarkdown is text within a line or a table's cell of Markdown, of which nothing is
// taken for markup.
func inMarkdown(text string) string {
	var b strings.Builder
	for _, r := range Plain(text) {
		switch r {
		case '&':
			b.WriteString("&amp;")
			continue
		case '<':
			b.WriteString("&lt;")
			continue
		case '>':
			b.WriteString("&gt;")
			continue
		}
		if strings.ContainsRune("\\`*_{}[]()#+!|~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// inCode is text between backquotes.
func inCode(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(Plain(text), "`", "'"), "|", "\\|")
}
