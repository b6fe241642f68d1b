package traffic

import "github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"

// IsTable reports whether a table with columns of these names is one of flows: one
// that Read reads, or whose error says why it does not.
func IsTable(names []string) bool {
	s := findSchema(names, Columns{})
	if tables.Column(names, s.Length) >= 0 || len(tables.Numbered(names, s.Length)) > 0 {
		return true
	}
	_, tshark := findTshark(names)
	return tshark || checkFeatures(names) != nil
}
