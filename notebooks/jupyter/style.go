package jupyter

import (
	"fmt"
	"strings"
)

// longest is how many lines a cell may have, blank ones apart: a reader takes in
// about ten.
const longest = 24

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
		lines := 0
		for line := range strings.Lines(string(c.Source)) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
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
