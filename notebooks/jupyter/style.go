package jupyter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A cell has at most so many lines, blank ones apart (a reader takes in about
// ten), and they so many columns (a page shows about as many), a tab being four.
const (
	longest = 24
	widest  = 120
)

// Style looks for what the notebooks have in common: a first cell that says the
// goal, the time, and what is read and written; cells that fit a thought; an
// exercise at the end with the value to expect.
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
		if c.Type == "code" && columns > widest {
			problems = append(problems, Problem{i + 1, fmt.Sprintf("has a line of %d columns, want at most %d", columns, widest)})
		}
		if c.Type == "code" && lines > longest {
			problems = append(problems, Problem{i + 1, fmt.Sprintf("has %d lines of code, want at most %d", lines, longest)})
		}
		exercise = exercise || c.Type == "markdown" && strings.Contains(string(c.Source), "Exercise")
	}
	if !exercise {
		problems = append(problems, Problem{0, "has no exercise"})
	}
	return problems
}
