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

// Tags of cells, which decide what Check requires of their outputs.
const (
	// PlotTag marks the cells that show a picture: exactly one PNG that is not blank.
	// Every cell that shows a picture must have this tag.
	PlotTag = "plot"
	// stderrTag marks the cells that may write to the standard error.
	stderrTag = "stderr"
)

// smallestPlot is the size in bytes that a picture exceeds unless it is blank.
const smallestPlot = 5000

// Problem is a problem of a notebook.
type Problem struct {
	Cell int // counted from 1; 0 means the whole notebook
	Text string
}

func (p Problem) String() string {
	if p.Cell == 0 {
		return p.Text
	}
	return fmt.Sprintf("cell %d: %s", p.Cell, p.Text)
}

// Check returns the problems of the outputs: errors, text on the standard error,
// missing, blank or untagged pictures, and outputs that are lost when the notebook is
// converted to HTML or opened by someone who does not trust it.
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
			if text := strings.TrimSpace(string(o.Text)); o.Name == "stderr" && text != "" && !c.Has(stderrTag) && !c.failed() {
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
	case c.failed(): // nothing else matters then
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

// failure returns the text of an error. On plain GoNB the value is "exit status 1",
// and the reason is on the standard error or in the traceback.
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

// lasting are the MIME types that remain when a notebook is converted to HTML or
// opened by someone who does not trust it.
var lasting = []string{"image/png", "text/html", "text/markdown", "text/plain"}

// active matches HTML that runs or downloads something.
var active = regexp.MustCompile(`(?i)<\s*(script|iframe|object|embed|link|style|svg)\b|\bon[a-z]+\s*=|\bsrc\s*=\s*["']?\s*(https?:)?//`)

func checkForms(o Output) (problems []string) {
	for kind, v := range o.Data {
		if !slices.Contains(lasting, kind) {
			problems = append(problems, "shows "+kind+", which is not kept everywhere")
		}
		if text, _ := v.(string); kind == "text/html" && active.MatchString(text) {
			problems = append(problems, "shows HTML that runs or downloads something")
		}
	}
	slices.Sort(problems)
	return problems
}

// firstLines returns the first n lines of text that are not blank.
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
