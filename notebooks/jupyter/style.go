package jupyter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The largest number of lines of a cell, without blank ones, and of columns of a line,
// with four per tab.
const (
	maxLines   = 24
	maxColumns = 120
)

// Style returns the deviations from the form that all notebooks share: a first cell
// with the goal, the time, and what is read and written; short cells; an exercise.
func (n *Notebook) Style() (problems []Problem) {
	top := ""
	if len(n.Cells) > 0 && n.Cells[0].Type == "markdown" {
		top = string(n.Cells[0].Source)
	}
	if !strings.HasPrefix(top, "# ") {
		problems = append(problems, Problem{1, "does not begin with a title"})
	}
	for _, word := range []string{"Goal", "Time", "Reads", "Writes"} {
		if !strings.Contains(top, word) {
			problems = append(problems, Problem{1, "does not say the notebook's " + strings.ToLower(word)})
		}
	}
	exercise := false
	for i, c := range n.Cells {
		lines, columns := 0, 0
		for line := range strings.Lines(string(c.Source)) {
			line = strings.ReplaceAll(strings.TrimRight(line, " \r\n"), "\t", "    ")
			if line != "" {
				lines++
			}
			columns = max(columns, utf8.RuneCountInString(line))
		}
		if c.Type == "code" && columns > maxColumns {
			problems = append(problems, Problem{i + 1, fmt.Sprintf("has a line of %d columns, want at most %d", columns, maxColumns)})
		}
		if c.Type == "code" && lines > maxLines {
			problems = append(problems, Problem{i + 1, fmt.Sprintf("has %d lines of code, want at most %d", lines, maxLines)})
		}
		exercise = exercise || c.Type == "markdown" && strings.Contains(string(c.Source), "Exercise")
	}
	if !exercise {
		problems = append(problems, Problem{0, "has no exercise"})
	}
	return problems
}
