package tables

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SomeNames prints the first of the names, so that an error stays readable.
func SomeNames(names []string) string {
	const most = 5
	short := make([]string, min(len(names), most))
	for i := range short {
		short[i] = fmt.Sprintf("%.40q", names[i])
	}
	text := strings.Join(short, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Column returns the index of the column of that name, or -1. No column has the name
// "", though pandas gives it to the column of an index.
func Column(header []string, name string) int {
	if name == "" {
		return -1
	}
	return slices.IndexFunc(header, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
}

// Numbered returns the indices of NAME_0, NAME_1, … (or NAME0, NAME.0, NAME[0])
// in the order of their numbers.
func Numbered(header []string, name string) []int {
	type part struct{ number, index int }
	var parts []part
	for i, s := range header {
		s = strings.TrimSpace(s)
		if len(s) <= len(name) || !strings.EqualFold(s[:len(name)], name) {
			continue
		}
		n, err := strconv.ParseUint(strings.Trim(s[len(name):], "_.-[] "), 10, 31)
		if err == nil {
			parts = append(parts, part{int(n), i})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.number, b.number) })
	indices := make([]int, len(parts))
	for i, p := range parts {
		indices[i] = p.index
	}
	return indices
}
