package series

import (
	"encoding/json"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Recognize reports whether the file, or the first file below the folder that could
// be one, is of series by its first bytes and the names of its columns. Tables of
// packets and captures are not, and neither is what cannot be read: the reading proper
// tells why.
func Recognize(path string, columns Columns) (bool, error) {
	files, err := Files(path)
	if err != nil {
		return false, nil // captures, perhaps
	}
	if flows, err := traffic.Files(path); err == nil && flows[0] != files[0] && slices.Contains(flows, flows[0]) && !slices.Contains(files, flows[0]) {
		return false, nil // captures among them
	}
	f, k, err := open(files[0])
	if err != nil {
		return false, nil
	}
	defer f.Close()
	r := recognizer{columns: columns, path: files[0]}
	head := make([]byte, 512)
	n, _ := f.Read(head)
	if err := f.Rewind(); err != nil || k.read == nil {
		return false, err
	}
	switch head = head[:n]; {
	case tables.IsParquet(head):
		return r.parquet(f), nil
	case isArrays(head):
		return r.arrays(), nil
	case isJSON(head):
		return r.json(f), nil
	}
	return r.csv(f), nil
}

// recognizer looks at one file.
type recognizer struct {
	columns Columns
	path    string
}

// holds reports whether a table with such columns is of series.
func (r recognizer) holds(names []string, single func(i int) bool) bool {
	if traffic.IsTable(names) && len(r.columns.Series) == 0 {
		return false
	}
	roles, err := r.columns.findRoles(names)
	if err != nil {
		return false
	}
	channels, err := r.columns.findChannels(roles, single)
	return err == nil && len(channels) > 0
}

func (r recognizer) parquet(f *unpack.File) bool {
	p, err := tables.OpenParquet(f)
	if err != nil {
		return false
	}
	defer p.Close()
	names := p.Names()
	return r.holds(names, func(i int) bool {
		_, err := p.Column(names[i], tables.NumberLists)
		return err == nil
	})
}

// arrays takes an archive with an array of labels or channels, and arrays that are no
// squares, as images are.
func (r recognizer) arrays() bool {
	f, err := npz.Open(r.path)
	if err != nil {
		return false
	}
	defer f.Close()
	if first(f, slices.Concat(labelArrays[:2], channelArrays)) != "" && !f.Has("images") {
		return true
	}
	for _, key := range f.Keys() {
		shape, _, err := f.Shape(key)
		if err == nil && (len(shape) != 2 || shape[0] == shape[1]) {
			return false
		}
	}
	return true
}

func (r recognizer) json(f *unpack.File) bool {
	array, err := startsArray(f)
	if err != nil {
		return false
	}
	d := json.NewDecoder(&objectGuard{r: f, left: maxObject})
	if array {
		if _, err := d.Token(); err != nil {
			return false
		}
	}
	var o object
	if d.Decode(&o) != nil {
		return false
	}
	names := make([]string, len(o))
	for i, m := range o {
		names[i] = m.name
	}
	return r.holds(names, func(i int) bool {
		_, err := numbers(o, channel{columns: []int{i}})
		return err == nil
	})
}

func (r recognizer) csv(f *unpack.File) bool {
	for _, comma := range tables.Delimiters {
		if f.Rewind() != nil {
			return false
		}
		rows, names, err := tables.NewCSV(f, comma)
		if err != nil {
			continue
		}
		if traffic.IsTable(names) && len(r.columns.Series) == 0 {
			return false
		}
		row, err := rows.Read()
		if noHeader(names) {
			return true
		}
		if err != nil {
			continue
		}
		roles, err := r.columns.findRoles(names)
		if err != nil {
			continue
		}
		bins := roles.time >= 0 || roles.trace >= 0 || len(names) == 1 || len(r.columns.Series) > 0
		if r.holds(names, func(i int) bool {
			return i < len(row) && (bins && isNumber(row[i]) || isList(row[i]))
		}) {
			return true
		}
	}
	return false
}
