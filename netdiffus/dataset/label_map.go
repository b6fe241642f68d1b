package dataset

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ReadLabelMap reads label,index rows, with a header or without, as in the
// reference's label_map.csv, into names in the order of the index.
func ReadLabelMap(r io.Reader) ([]string, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = 2
	var names []string
	var seen []bool
	for first := true; ; first = false {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(0)
		i, err := strconv.Atoi(strings.TrimSpace(row[1]))
		switch {
		case err != nil && first:
			continue // the header
		case err != nil || i < 0 || i > 1e6:
			return nil, fmt.Errorf("line %d: index %q, want a number from 0 on", line, row[1])
		}
		for len(names) <= i {
			names, seen = append(names, ""), append(seen, false)
		}
		if seen[i] {
			return nil, fmt.Errorf("line %d: duplicate index %d", line, i)
		}
		names[i], seen[i] = row[0], true
	}
	if i := slices.Index(seen, false); i >= 0 {
		return nil, fmt.Errorf("no label has the index %d", i)
	}
	return Distinct(names)
}

// Distinct returns names if they differ and none is empty.
func Distinct(names []string) ([]string, error) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		if name == "" || seen[name] {
			return nil, fmt.Errorf("class %d is called %q: want distinct names", i, name)
		}
		seen[name] = true
	}
	return names, nil
}
