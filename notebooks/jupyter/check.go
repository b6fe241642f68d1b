package jupyter

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"regexp"
	"slices"
	"strings"
)

// Tags that say what is asked of a cell's outputs.
const (
	// PlotTag marks the cells that show a picture: exactly one PNG that is
	// worth looking at. Every cell that shows one must have it.
	PlotTag = "plot"
	// StderrTag marks the cells that may write to the standard error.
	StderrTag = "stderr"
)

// smallestPlot is the size that a picture exceeds unless it is blank, bytes.
const smallestPlot = 5000

// quiet are lines of the standard error that mean nothing: none so far.
var quiet []*regexp.Regexp

// Problem is something wrong with a notebook.
type Problem struct {
	Cell int // counted from 1; 0 means the notebook
	Text string
}

func (p Problem) String() string {
	if p.Cell == 0 {
		return p.Text
	}
	return fmt.Sprintf("cell %d: %s", p.Cell, p.Text)
}

// Check looks for what is wrong with the outputs: errors, words on the standard
// error, missing, blank or unmarked pictures, and forms of output that do not
// outlive the page they were made for.
func (n *Notebook) Check() []Problem {
	var problems []Problem
	for i, c := range n.Cells {
		for _, text := range c.check() {
			problems = append(problems, Problem{i + 1, text})
		}
	}
	return problems
}

func (c Cell) check() (problems []string) {
	if c.Type != "code" {
		return nil
	}
	var pictures []string // base64
	for _, o := range c.Outputs {
		switch o.Type {
		case "error":
			problems = append(problems, "fails: "+c.failure(o))
		case "stream":
			if text := loud(string(o.Text)); o.Name == "stderr" && text != "" && !c.Has(StderrTag) && !c.failed() {
				problems = append(problems, "writes to the standard error: "+firstLines(text, 3))
			}
		default:
			if picture, ok := o.Data["image/png"].(string); ok {
				pictures = append(pictures, picture)
			}
			problems = append(problems, checkForms(o)...)
		}
	}
	switch {
	case c.failed(): // the failure says enough
	case len(pictures) > 0 && !c.Has(PlotTag):
		problems = append(problems, "shows a picture and lacks the tag "+PlotTag)
	case c.Has(PlotTag) && len(pictures) != 1:
		problems = append(problems, fmt.Sprintf("shows %d pictures, want 1", len(pictures)))
	case c.Has(PlotTag):
		if text := checkPicture(pictures[0]); text != "" {
			problems = append(problems, text)
		}
	}
	return problems
}

func (c Cell) failed() bool {
	return slices.ContainsFunc(c.Outputs, func(o Output) bool { return o.Type == "error" })
}

// failure is what an error says. GoNB's own is "exit status 1"; the reason is in
// what the cell wrote before, or in a page that shows what did not compile.
func (c Cell) failure(e Output) string {
	var parts []string
	for _, o := range c.Outputs {
		if o.Type == "stream" && o.Name == "stderr" {
			parts = append(parts, string(o.Text))
		}
	}
	parts = append(parts, e.EValue)
	for _, line := range e.Traceback {
		parts = append(parts, colours.ReplaceAllString(line, ""))
	}
	return firstLines(strings.Join(parts, "\n"), 12)
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// loud is text without the lines that mean nothing.
func loud(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(quiet, func(r *regexp.Regexp) bool { return r.MatchString(line) }) {
			b.WriteString(line)
		}
	}
	return strings.TrimSpace(b.String())
}

func checkPicture(encoded string) string {
	b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\n", ""))
	if err != nil {
		return "its picture is not base64: " + err.Error()
	}
	if len(b) <= smallestPlot {
		return fmt.Sprintf("its picture has %d bytes, as a blank one has; want more than %d", len(b), smallestPlot)
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		return "its picture does not decode: " + err.Error()
	}
	return ""
}

// lasting are the forms of output that survive a conversion to HTML and being
// opened by someone who does not trust the notebook.
var lasting = []string{"image/png", "text/html", "text/markdown", "text/plain"}

// active matches what a page would run or fetch.
var active = regexp.MustCompile(`(?i)<\s*(script|iframe|object|embed|link|style|svg)\b|\bon[a-z]+\s*=|\bsrc\s*=\s*["']?\s*(https?:)?//`)

func checkForms(o Output) (problems []string) {
	for kind, v := range o.Data {
		if !slices.Contains(lasting, kind) {
			problems = append(problems, "shows "+kind+", which does not survive everywhere")
		}
		if text, _ := v.(string); kind == "text/html" && active.MatchString(text) {
			problems = append(problems, "shows HTML that runs or fetches something")
		}
	}
	slices.Sort(problems)
	return problems
}

// firstLines is the text's first n lines that are not blank.
func firstLines(text string, n int) string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) > n {
		kept = append(kept[:n], "…")
	}
	return strings.Join(kept, "\n")
}
