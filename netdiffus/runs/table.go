package runs

import "strings"

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

// Table is a list of runs for a table that people read, as nb.Table shows it: a row a run,
// with its name and the fields asked for, by their names as in a Condition. "differs" has
// the settings that differ from the preset.
func Table(list []*Run, fields ...string) (header []string, rows [][]any) {
	header = append([]string{"run"}, fields...)
	for _, r := range list {
		row := []any{Plain(r.Name)}
		for _, name := range fields {
			values, _ := NewFields(r).Get(name)
			switch {
			case name == "differs":
				var differs []string
				for _, d := range r.Differs {
					differs = append(differs, Plain(d.Name+" "+said(d.Value)))
				}
				row = append(row, strings.Join(differs, ", "))
			case len(values) == 1 && values[0].IsNumber:
				row = append(row, values[0].Number)
			default:
				row = append(row, Plain(fieldText(r, name)))
			}
		}
		rows = append(rows, row)
	}
	return header, rows
}
