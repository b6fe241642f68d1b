package dataset

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ReadLabelMap reads label,index rows, with a header or without, as in the
// reference's label_map.csv, into names in the order of the index.
func ReadLabelMap(r io.Reader) ([]string, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = 2
	rowOf := map[int]string{}
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
		case err != nil || i < 0:
			return nil, fmt.Errorf("line %d: index %.80q, want a number from 0 on", line, row[1])
		}
		if _, twice := rowOf[i]; twice {
			return nil, fmt.Errorf("line %d: duplicate index %d", line, i)
		}
		rowOf[i] = row[0]
	}
	var names []string
	for i := range len(rowOf) { // an index may be any number: no list is made before all are known
		name, there := rowOf[i]
		if !there {
			return nil, fmt.Errorf("no label has the index %d", i)
		}
		names = append(names, name)
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
