package jupyter

import "strings"

// coalesce joins pieces of printed text that follow one another in a cell's
// output. Kernels cut text where it happens to arrive in pieces, so this is
// needed for outputs that are the same in each run. (What nbclient offers for it
// also moves text up across the tables and pictures between.) A carriage return
// starts the line anew, as on a terminal, so that a progress line leaves its
// last state.
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

// overwrite carries out the carriage returns in text.
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
