package traffic

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// CSV names the columns of CSV files. Names are compared without regard to
// case. The zero value finds the columns PL, DIR, IAT and LABEL.
type CSV struct {
	// Delimiter separates the cells; 0 means whichever of comma, semicolon, tab
	// and bar makes the columns appear in the first row.
	Delimiter rune

	// Flow is the column that identifies the flow in files of one row a packet.
	// "" takes FLOW or FLOW_ID if there is one, and otherwise every row is a
	// flow.
	Flow string

	// Length, Dir, IAT and Label are the columns of payload (bytes; negative
	// upstream where there is no column of directions), direction (0 upstream,
	// 1 downstream), inter-arrival time (microseconds) and label. "" means PL,
	// DIR, IAT and LABEL. In files of one row a flow a column is either a list
	// ("[517, 1460]") or one column a packet: PL_0, PL_1 and so on. Only that
	// of lengths must be there.
	Length, Dir, IAT, Label string
}

// ErrNoColumn is wrapped by the errors of a CSV file without a column that is
// needed, or that CSV names.
var ErrNoColumn = errors.New("no column")

// csvForm is how flows lie in a CSV file.
type csvForm uint8

const (
	listCells  csvForm = iota // one row a flow, a list a cell
	packetCols                // one row a flow, a column a packet
	packetRows                // one row a packet
)

// csvColumns are the columns of a file, as indices of cells: one index a list for
// listCells and packetRows, and one a packet for packetCols. An empty list means
// that the file has no such column.
type csvColumns struct {
	form             csvForm
	header           []string
	length, dir, iat []int
	label, flow, key int // -1: none
}

// find finds the columns in the file's first row.
func (c CSV) find(header []string) (csvColumns, error) {
	cols := csvColumns{header: header}
	cols.label = column(header, cmp.Or(c.Label, "LABEL"))
	cols.key = column(header, "KEY")
	cols.flow = column(header, cmp.Or(c.Flow, "FLOW"))
	if cols.flow < 0 && c.Flow == "" {
		cols.flow = column(header, "FLOW_ID")
	}
	length := cmp.Or(c.Length, "PL")
	lists := []struct {
		columns *[]int
		name    string
	}{{&cols.length, length}, {&cols.dir, cmp.Or(c.Dir, "DIR")}, {&cols.iat, cmp.Or(c.IAT, "IAT")}}
	indices := single
	switch {
	case column(header, length) < 0:
		cols.form, cols.flow, indices = packetCols, -1, numbered
	case cols.flow >= 0:
		cols.form = packetRows
	}
	for _, list := range lists {
		*list.columns = indices(header, list.name)
	}
	if len(cols.length) == 0 {
		return cols, fmt.Errorf("%w %s or %s_0, %s_1, …: the first row is %s; name the columns", ErrNoColumn, length, length, length, someNames(header))
	}
	for _, list := range lists {
		if n := len(*list.columns); n > 0 && n != len(cols.length) {
			return cols, fmt.Errorf("%d columns of %s, %d of %s", len(cols.length), length, n, list.name)
		}
	}
	return cols, c.checkNamed(cols)
}

// checkNamed checks that the columns that c names are there.
func (c CSV) checkNamed(cols csvColumns) error {
	for _, named := range []struct {
		name  string
		found bool
	}{
		{c.Dir, len(cols.dir) > 0}, {c.IAT, len(cols.iat) > 0}, {c.Label, cols.label >= 0}, {c.Flow, cols.flow >= 0},
	} {
		if named.name != "" && !named.found {
			return fmt.Errorf("%w %s: the first row is %s", ErrNoColumn, named.name, someNames(cols.header))
		}
	}
	return nil
}

// someNames prints the first of the names, so that an error stays readable.
func someNames(names []string) string {
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

// single returns the index of the column of that name, or none.
func single(header []string, name string) []int {
	if i := column(header, name); i >= 0 {
		return []int{i}
	}
	return nil
}

// column returns the index of the column of that name, or -1.
func column(header []string, name string) int {
	return slices.IndexFunc(header, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
}

// numbered returns the indices of NAME_0, NAME_1, … (or NAME0, NAME.0, NAME[0])
// in the order of their numbers.
func numbered(header []string, name string) []int {
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
