package sweep

import (
	"encoding/csv"
	"io"
	"strconv"
)

// WriteCSV writes a line for each result, in the order in which they came.
func WriteCSV(w io.Writer, s Spec, measure string, results []Result) error {
	out := csv.NewWriter(w)
	head := []string{"trial", "steps", measure, "seconds", "error"}
	for _, p := range s.Space {
		head = append(head, p.Name)
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, r := range results {
		value := strconv.FormatFloat(r.Value, 'g', -1, 64)
		if r.Error != "" {
			value = ""
		}
		row := []string{strconv.Itoa(r.Trial + 1), strconv.Itoa(r.Steps), value, strconv.FormatFloat(r.Seconds, 'f', 1, 64), r.Error}
		for _, p := range s.Space {
			row = append(row, word(r.Point[p.Name]))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
