package tables

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrNested is of a list of lists where one of numbers is needed.
var ErrNested = errors.New("a nested list, of no schema that is known: give lengths, directions and times a column each")

var (
	errEllipsis     = errors.New("the list has \"...\" in it: pandas or NumPy left values out when it was written; write the table as Parquet, or raise numpy.set_printoptions(threshold)")
	errDecimalComma = errors.New("the list has commas within its numbers (decimal commas?) or two kinds of separator: write its numbers with points")
)

// CheckList refuses lists in a cell that would be read as other numbers than they
// hold.
func CheckList(cell string) error {
	switch {
	case strings.Contains(cell, "..."):
		return errEllipsis
	case strings.Count(cell, "[")+strings.Count(cell, "(")+strings.Count(cell, "{") > 1:
		return ErrNested
	case hasDecimalComma(cell):
		return errDecimalComma
	}
	return nil
}

// EachNumber calls each with the numbers of a list in a text, as NFStream's pandas
// tables hold them in Parquet and JSON too.
func EachNumber(list string, each func(i int, v float64) error) error {
	if err := CheckList(list); err != nil {
		return err
	}
	i := 0
	for text := range strings.FieldsFuncSeq(list, IsListMark) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%.40q is not a number", text)
		}
		if i == MaxTextNumbers {
			return fmt.Errorf("more than %d numbers", MaxTextNumbers)
		}
		if err := each(i, v); err != nil {
			return err
		}
		i++
	}
	return nil
}

// hasDecimalComma reports whether commas stand between digits in a list whose
// numbers something else separates.
func hasDecimalComma(cell string) bool {
	inside, otherwise := false, false
	before := byte(0) // the last character that is no blank
	blank := false    // blanks follow it
	for i := 0; i < len(cell) && !(inside && otherwise); i++ {
		c := cell[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			blank = true
			continue
		case c == ';' || c == '|':
			otherwise = true
		case InNumber(c) && InNumber(before) && blank:
			otherwise = true
		case c == ',' && !blank && isDigit(before) && i+1 < len(cell) && isDigit(cell[i+1]):
			inside = true
		}
		before, blank = c, false
	}
	return inside && otherwise
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// NestedNumbers reads a list of lists of numbers, as Python and NumPy print them.
func NestedNumbers(cell string) (lists [][]float64, err error) {
	if IsMissing(cell) {
		return nil, nil
	}
	if strings.Contains(cell, "...") {
		return nil, errEllipsis
	}
	depth, total := 0, 0
	for i := 0; i < len(cell); {
		switch c := cell[i]; {
		case c == '[' || c == '(':
			if depth++; depth > 2 {
				return nil, errors.New("a list nested more than twice")
			}
			if depth == 2 {
				lists = append(lists, nil)
			}
			i++
		case c == ']' || c == ')':
			if depth--; depth < 0 {
				return nil, errors.New("a list with a bracket too many")
			}
			i++
		case IsListMark(rune(c)):
			i++
		default:
			end := i
			for end < len(cell) && !IsListMark(rune(cell[end])) {
				end++
			}
			if depth != 2 {
				return nil, fmt.Errorf("%.40q outside of the inner lists", cell[i:end])
			}
			v, err := nestedNumber(cell[i:end])
			if err != nil {
				return nil, err
			}
			if total++; total > MaxTextNumbers {
				return nil, fmt.Errorf("more than %d numbers", MaxTextNumbers)
			}
			last := len(lists) - 1
			lists[last] = append(lists[last], v)
			i = end
		}
	}
	if depth != 0 {
		return nil, errors.New("a list without its last bracket")
	}
	return lists, nil
}

// nestedNumber reads a number, or a word for true or false, of which CESNET's list
// of push flags consists.
func nestedNumber(text string) (float64, error) {
	switch text {
	case "True", "true":
		return 1, nil
	case "False", "false":
		return 0, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%.40q is not a number", text)
	}
	return v, nil
}

// IsListMark reports whether r stands between the numbers of a list in a cell, as
// Python, NumPy and R print it.
func IsListMark(r rune) bool {
	switch r {
	case '[', ']', '(', ')', '{', '}', ',', ';', '|', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// IsMissing reports whether a cell has no value.
func IsMissing(cell string) bool {
	cell = strings.TrimSpace(cell)
	return cell == "" || strings.EqualFold(cell, "nan") || strings.EqualFold(cell, "NA") || strings.EqualFold(cell, "null")
}

// InNumber reports whether a number in a text may hold c.
func InNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}
