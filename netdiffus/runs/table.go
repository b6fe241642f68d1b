package runs

// Table is the comparison for a table that people read, as nb.Table shows it: a column a
// run, and below each other the settings in which the runs differ, their steps, the last
// values of their metrics and the figures of their newest reports. How long anything took
// is left out, so that it is the same each time.
func (c *Comparison) Table() (header []string, rows [][]any) {
	header = []string{""}
	step := []any{"step"}
	for _, r := range c.Runs {
		header = append(header, Plain(r.Name))
		step = append(step, r.Step)
	}
	for _, s := range c.Settings {
		row := []any{Plain(s.Name)}
		for _, v := range s.Values {
			row = append(row, Plain(word(v)))
		}
		rows = append(rows, row)
	}
	rows = append(rows, step)
	for _, quantities := range [][]Quantity{c.Metrics, c.Figures} {
		for _, q := range quantities {
			if q.Name == "step_seconds" {
				continue
			}
			row := []any{q.Name}
			for _, v := range q.Values {
				row = append(row, float64(v))
			}
			rows = append(rows, row)
		}
	}
	return header, rows
}
