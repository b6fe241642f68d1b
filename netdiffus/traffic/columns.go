package traffic

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// Columns names the columns of tables: of CSV and Parquet files, and the members
// of objects in JSON Lines. Names are compared without regard to case. What is left
// empty is found: the columns PL, DIR, IAT, LABEL and KEY, or those of a known
// schema, such as NFStream's.
type Columns struct {
	// Length, Dir, IAT and Label are the columns of payload (bytes; negative
	// upstream where there is no column of directions), direction (0 upstream
	// and 1 downstream, or 1 upstream and -1 downstream), inter-arrival time and
	// label. "" means PL, DIR, IAT and LABEL. In CSV files of one row a flow a
	// column is either a list ("[517, 1460]") or one column a packet: PL_0, PL_1
	// and so on. Only that of lengths must be there.
	Length, Dir, IAT, Label string

	// Key is the column of the flows' keys, see Reader.KeepKeys; "" means KEY.
	Key string

	// Flow is the column that identifies the flow in CSV files of one row a
	// packet. "" takes FLOW or FLOW_ID if there is one, and otherwise every row
	// is a flow.
	Flow string

	// IATUnit is the unit of the inter-arrival times; 0 means a microsecond, or
	// the unit of the known schema.
	IATUnit time.Duration
}

// ErrNoColumn is wrapped by the errors of a table without a column that is
// needed, or that Columns names.
var ErrNoColumn = errors.New("no column")

// checkNamed checks that the columns that c names are among the names.
func (c Columns) checkNamed(names []string) error {
	for _, name := range []string{c.Length, c.Dir, c.IAT, c.Label, c.Flow, c.Key} {
		if name != "" && tables.Column(names, name) < 0 && len(tables.Numbered(names, name)) == 0 {
			return fmt.Errorf("%w %s: there are %s", ErrNoColumn, name, tables.SomeNames(names))
		}
	}
	return nil
}

// csvForm is how flows lie in a CSV file.
type csvForm uint8

const (
	listCells   csvForm = iota // one row a flow, a list a cell
	packetCols                 // one row a flow, a column a packet
	packetRows                 // one row a packet
	nestedCells                // one row a flow, all its lists in a cell
	tsharkRows                 // one row a packet, see tsharkTable
)

// csvColumns are the columns of a file, as indices of cells: one index a list for
// listCells and packetRows, and one a packet for packetCols. An empty list means
// that the file has no such column.
type csvColumns struct {
	form             csvForm
	header           []string
	length, dir, iat []int
	label, flow, key int // -1: none
	tshark           tsharkColumns
}

// findCSVColumns finds the columns in the file's first row.
func findCSVColumns(header []string, c Columns) (csvColumns, schema, error) {
	cols := csvColumns{header: header, flow: -1, key: tables.Column(header, cmp.Or(c.Key, "KEY"))}
	if err := c.checkNamed(header); err != nil {
		return cols, schema{}, err
	}
	s := findSchema(header, c)
	cols.label = s.labelColumn(header)
	if c.Length == "" && tables.Column(header, s.Length) < 0 && len(tables.Numbered(header, s.Length)) == 0 {
		if tshark, ok := findTshark(header); ok {
			cols.form, cols.tshark = tsharkRows, tshark
			return cols, tsharkSchema, tshark.check()
		}
	}
	if s.nested {
		cols.form, cols.length = nestedCells, single(header, s.Length)
		return cols, s, nil
	}
	cols.flow = tables.Column(header, cmp.Or(c.Flow, "FLOW"))
	if cols.flow < 0 && c.Flow == "" {
		cols.flow = tables.Column(header, "FLOW_ID")
	}
	lists := []struct {
		columns *[]int
		name    string
	}{{&cols.length, s.Length}, {&cols.dir, s.Dir}, {&cols.iat, s.IAT}}
	indices := single
	switch {
	case tables.Column(header, s.Length) < 0:
		cols.form, cols.flow, indices = packetCols, -1, tables.Numbered
	case cols.flow >= 0:
		cols.form = packetRows
	}
	for _, list := range lists {
		*list.columns = indices(header, list.name)
	}
	if len(cols.length) == 0 {
		return cols, s, fmt.Errorf("%w %s or %s_0, %s_1, …: the first row is %s; name the columns", ErrNoColumn, s.Length, s.Length, s.Length, tables.SomeNames(header))
	}
	for _, list := range lists {
		if n := len(*list.columns); n > 0 && n != len(cols.length) {
			return cols, s, fmt.Errorf("%d columns of %s, %d of %s", len(cols.length), s.Length, n, list.name)
		}
	}
	return cols, s, nil
}

// single returns the index of the column of that name, or none.
func single(header []string, name string) []int {
	if i := tables.Column(header, name); i >= 0 {
		return []int{i}
	}
	return nil
}
