package traffic

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// CSV names the columns of CSV files. Names are compared without regard to
// case. The zero value finds the columns PL, DIR, IAT and LABEL.
type CSV struct {
	// Delimiter parts the cells; 0 means whichever of comma, semicolon, tab
	// and bar makes the columns appear in the first row.
	Delimiter rune

	// Flow is the column that tells flows apart in files of one row a packet.
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

// csvForm is how flows lie in a CSV file.
type csvForm uint8

const (
	listCells  csvForm = iota // one row a flow, a list a cell
	packetCols                // one row a flow, a column a packet
	packetRows                // one row a packet
)

// csvColumns says where in a row things are, as indices of cells: one index a
// list for listCells and packetRows, and one a packet for packetCols. Lists of
// none mean that the file has no such column.
type csvColumns struct {
	form             csvForm
	header           []string
	length, dir, iat []int
	label, flow, key int // -1: none
}

// find looks the columns up in the file's first row.
func (c CSV) find(header []string) (csvColumns, error) {
	cols := csvColumns{header: header}
	length := cmp.Or(c.Length, "PL")
	cols.label = column(header, cmp.Or(c.Label, "LABEL"))
	cols.key = column(header, "KEY")
	cols.flow = column(header, cmp.Or(c.Flow, "FLOW"))
	if cols.flow < 0 && c.Flow == "" {
		cols.flow = column(header, "FLOW_ID")
	}
	lists := map[*[]int]string{&cols.length: length, &cols.dir: cmp.Or(c.Dir, "DIR"), &cols.iat: cmp.Or(c.IAT, "IAT")}
	switch {
	case column(header, length) < 0:
		cols.form, cols.flow = packetCols, -1
		for dst, name := range lists {
			*dst = numbered(header, name)
		}
	default:
		if cols.flow >= 0 {
			cols.form = packetRows
		}
		for dst, name := range lists {
			if i := column(header, name); i >= 0 {
				*dst = []int{i}
			}
		}
	}
	if len(cols.length) == 0 {
		return cols, fmt.Errorf("no column %s or %s_0, %s_1, …: the first row is %.200q; name the columns (see CSV)", length, length, length, header)
	}
	for _, named := range []struct {
		name  string
		found bool
	}{
		{c.Dir, len(cols.dir) > 0}, {c.IAT, len(cols.iat) > 0}, {c.Label, cols.label >= 0}, {c.Flow, cols.flow >= 0},
	} {
		if named.name != "" && !named.found {
			return cols, fmt.Errorf("no column %s: the first row is %.200q", named.name, header)
		}
	}
	for dst, name := range lists {
		if n := len(*dst); n > 0 && n != len(cols.length) {
			return cols, fmt.Errorf("%d columns of %s, %d of %s", len(cols.length), length, n, name)
		}
	}
	return cols, nil
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
