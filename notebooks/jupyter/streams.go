package jupyter

import "strings"

// coalesce joins consecutive pieces of printed text in a cell's outputs, so that the
// outputs are the same in each run: where a kernel divides text depends on when it
// arrives. (nbclient's own function for this moves text past the tables and pictures
// between.) A carriage return overwrites the line, as on a terminal, so that only the
// last state of a progress line remains.
func (n *Notebook) coalesce() {
	for i := range n.Cells {
		var joined []Output
		for _, o := range n.Cells[i].Outputs {
			if last := len(joined) - 1; o.Type == "stream" && last >= 0 && joined[last].Type == "stream" && joined[last].Name == o.Name {
				joined[last].Text += o.Text
				continue
			}
			joined = append(joined, o)
		}
		for j, o := range joined {
			if o.Type == "stream" {
				joined[j].Text = Text(overwrite(string(o.Text)))
			}
		}
		n.Cells[i].Outputs = joined
	}
}

// overwrite applies the carriage returns in text.
func overwrite(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var b strings.Builder
	for line := range strings.Lines(text) {
		body, end := strings.CutSuffix(line, "\n")
		var shown []rune
		for _, piece := range strings.Split(body, "\r") {
			letters := []rune(piece)
			if len(letters) < len(shown) {
				letters = append(letters, shown[len(letters):]...)
			}
			shown = letters
		}
		b.WriteString(string(shown))
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
