package tables

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// byteOrderMark may begin a text.
const byteOrderMark = "\ufeff"

// NewCSV begins to read the rows of a CSV file and returns the first one, which
// names the columns. Rows may have different numbers of cells, and those after the
// first are valid until the next; absurd ones are refused.
func NewCSV(r io.Reader, comma rune) (rows *csv.Reader, header []string, err error) {
	rows = csv.NewReader(&csvGuard{r: r, comma: byte(comma)})
	rows.Comma, rows.FieldsPerRecord = comma, -1
	header, err = rows.Read()
	if err == io.EOF {
		return nil, nil, errors.New("no row of column names")
	}
	if err != nil {
		return nil, nil, err
	}
	header[0] = strings.TrimPrefix(header[0], byteOrderMark)
	untyped(header)
	rows.ReuseRecord = true
	return rows, header, nil
}

// typed is a column's name after its type, as NEMEA's logger writes all of them:
// "uint16* PPI_PKT_LENGTHS".
var typed = regexp.MustCompile(`^(?:u?int(?:8|16|32|64)|float|double|char|bytes|string|time|ipaddr|macaddr)\*? (\S+)$`)

// untyped leaves the types out of the names of columns, where all have one.
func untyped(header []string) {
	names := make([]string, len(header))
	for i, name := range header {
		parts := typed.FindStringSubmatch(name)
		if parts == nil {
			return
		}
		names[i] = parts[1]
	}
	copy(header, names)
}

// Delimiters are the characters that may separate cells, in the order in which they
// are tried.
var Delimiters = []rune{',', ';', '\t', '|'}

// csvGuard refuses absurd rows before encoding/csv, which takes some fifty bytes
// a cell and holds a row several times, gets to hold them.
type csvGuard struct {
	r      io.Reader
	comma  byte
	quoted bool
	cells  int
	bytes  int // of the row
	line   int
}

// Limits of a row of CSV.
const (
	MaxCells = 1 << 18
	MaxRow   = 4 << 20 // bytes
)

func (g *csvGuard) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	for _, c := range b[:n] {
		switch {
		case c == '"':
			g.quoted = !g.quoted
		case c == '\n':
			g.line++
			if !g.quoted {
				g.cells, g.bytes = 0, 0
			}
		case c == g.comma && !g.quoted:
			if g.cells++; g.cells == MaxCells {
				return 0, fmt.Errorf("line %d: a row of more than %d cells", g.line+1, MaxCells)
			}
		}
		if g.bytes++; g.bytes > MaxRow {
			return 0, fmt.Errorf("line %d: a row of more than %d bytes: is a quotation mark left open?", g.line+1, MaxRow)
		}
	}
	return n, err
}
