package traffic

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

func readParquet(f *unpack.File, path string, r Reader, yield func(Flow, error) bool) {
	p, err := openParquet(f, path, r)
	if err != nil {
		yield(Flow{}, err)
		return
	}
	defer p.Close()
	r.recognized(path, p.table.schema)
	if p.table.needsSense() {
		p.findSense()
	}
	trim := !r.KeepPadding && p.padded()
	label := ""
	if p.label == nil {
		if label = r.label(path, LabelFromFolder); tables.CheckLabel(label) != nil {
			yield(Flow{}, p.errorf("there is no column of labels: %w", tables.CheckLabel(label)))
			return
		}
	}
	if groups := len(p.Groups()); r.part.End > groups {
		yield(Flow{}, p.errorf("%d row groups, want %d at least: it has changed", groups, r.part.End))
		return
	}
	p.first, p.end = r.part.First, r.part.End
	p.rows(true, func(row int64, flow Flow, err error) bool {
		if err == nil && len(flow.Packets) == 0 && !r.AllowEmpty {
			err = p.rowError(row, "no packets (the lists are empty)")
		}
		if err != nil {
			yield(Flow{}, err)
			return false
		}
		if trim {
			flow.Packets = trimPadding(flow.Packets)
		}
		if err == nil && p.label == nil {
			flow.Label = label
		}
		return yield(flow, nil)
	})
	p.table.directions.warn(r, path, p.table.schema)
}

func statParquet(f *unpack.File, path string) (Info, error) {
	p, err := openParquet(f, path, Reader{})
	if err != nil {
		return Info{}, err
	}
	defer p.Close()
	return Info{Rows: p.Rows(), Columns: p.Names(), Timed: p.table.timed}, nil
}

// parquetFile is an open Parquet file whose columns are known to be of the
// right kind.
type parquetFile struct {
	*tables.Parquet
	path                 string
	table                table
	pl                   *tables.Leaf
	dir, iat, label, key *tables.Leaf // nil if the file has none; a key only if it is asked for
	needKeys             bool         // what is no key is an error
	raw                  bool         // leave packets raw (see table)
	first, end           int          // row groups that rows reads; an end of 0 means all
}

func openParquet(f *unpack.File, path string, r Reader) (*parquetFile, error) {
	p := &parquetFile{path: path, needKeys: r.KeepKeys}
	var err error
	if p.Parquet, err = tables.OpenParquet(f); err != nil {
		return nil, p.errorf("%w", err)
	}
	err = p.findColumns(r)
	if err == nil {
		var again bool
		if again, err = p.Decompressed(p.leaves()); again && err == nil {
			err = p.findColumns(r)
		}
	}
	if err != nil {
		p.Close()
		return nil, p.errorf("%w", err)
	}
	return p, nil
}

// onlyCSV is the cure for tables in another form than one of lists.
const onlyCSV = "tables of a row a packet or a column a packet are read from CSV: write it as CSV, or gather each flow's packets into lists"

// findColumns finds the columns that are read.
func (p *parquetFile) findColumns(r Reader) error {
	p.pl, p.dir, p.iat, p.label, p.key = nil, nil, nil, nil, nil
	names := p.Names()
	if r.Columns.Flow != "" {
		return fmt.Errorf("no table of one row a packet: the column %s of flows is for CSV", r.Columns.Flow)
	}
	if err := r.Columns.checkNamed(names); err != nil {
		return err
	}
	s := findSchema(names, r.Columns)
	if tables.Column(names, s.Length) < 0 {
		if err := checkFeatures(names); err != nil {
			return err
		}
		if len(tables.Numbered(names, s.Length)) > 0 {
			return fmt.Errorf("%w %s, but one for each packet (%s): %s", ErrNoColumn, s.Length, tables.SomeNames(names), onlyCSV)
		}
		return fmt.Errorf("%w %s: the file has %s", ErrNoColumn, s.Length, tables.SomeNames(names))
	}
	for _, c := range []struct {
		name  string
		holds tables.Holds
		to    **tables.Leaf
		read  bool
	}{
		{s.Length, tables.NumberLists, &p.pl, !s.nested}, {s.Length, tables.ListLists, &p.pl, s.nested},
		{s.Dir, tables.DirectionLists, &p.dir, !s.nested}, {s.IAT, tables.NumberLists, &p.iat, !s.nested},
		{s.Label, tables.LabelValues, &p.label, true}, {s.Key, tables.KeyValues, &p.key, r.readsKeys()},
	} {
		i := tables.Column(names, c.name)
		if i < 0 || !c.read {
			continue
		}
		l, err := p.Column(names[i], c.holds)
		if err != nil && c.to == &p.key && !r.KeepKeys {
			continue
		}
		if err != nil && c.to == &p.pl && !s.nested {
			return fmt.Errorf("%w; %s", err, onlyCSV)
		}
		if err != nil {
			return err
		}
		*c.to = l
	}
	p.table = table{schema: s, directed: p.dir != nil || s.nested, timed: p.iat != nil || s.nested}
	return nil
}

// leaves are the columns that are read.
func (p *parquetFile) leaves() []*tables.Leaf {
	return slices.DeleteFunc([]*tables.Leaf{p.pl, p.dir, p.iat, p.label, p.key}, func(l *tables.Leaf) bool { return l == nil })
}

func (p *parquetFile) errorf(format string, args ...any) error {
	return fmt.Errorf("traffic: %s: "+format, append([]any{p.path}, args...)...)
}

func (p *parquetFile) rowError(row int64, format string, args ...any) error {
	return p.errorf("row %d: "+format, append([]any{row}, args...)...)
}

// rows calls yield with each row's number, from 0, and its flow, until yield
// returns false or after an error. Without details, labels and times are left
// out.
func (p *parquetFile) rows(details bool, yield func(row int64, f Flow, err error) bool) {
	first := int64(0)
	labels := tables.Interner{}
	for i, rows := range p.Groups() {
		if i < p.first || p.end > 0 && i >= p.end {
			first += rows
			continue
		}
		g := groupReader{parquetFile: p, labels: labels}
		err := g.open(i, details)
		if err != nil {
			g.close()
			yield(first, Flow{}, p.errorf("row group %d: %w", i, err))
			return
		}
		more := true
		for row := first; more && row < first+rows; row++ {
			f, err := g.next(row)
			more = yield(row, f, err) && err == nil
		}
		first += rows
		if more {
			if name := g.surplus(); name != "" {
				more = false
				yield(first, Flow{}, p.errorf("column %s goes on after row %d, where its row group %d should end", name, first-1, i))
			}
		}
		g.close()
		if !more {
			return
		}
	}
}

// groupReader reads the rows of one row group.
type groupReader struct {
	*parquetFile
	pl                   *tables.Cursor
	dir, label, iat, key *tables.Cursor // may be nil
	lengths, dirs, iats  []float64      // of the row just read
	labels               tables.Interner
}

func (g *groupReader) open(group int, details bool) error {
	p := g.parquetFile
	leaves, cursors := []*tables.Leaf{p.pl, p.dir}, []**tables.Cursor{&g.pl, &g.dir}
	if details {
		leaves, cursors = append(leaves, p.label, p.iat, p.key), append(cursors, &g.label, &g.iat, &g.key)
	}
	for i, l := range leaves {
		if l == nil {
			continue
		}
		c, err := p.Cursor(group, l)
		if err != nil {
			return err
		}
		*cursors[i] = c
	}
	return nil
}

func (g *groupReader) cursors() []*tables.Cursor {
	return slices.DeleteFunc([]*tables.Cursor{g.pl, g.dir, g.label, g.iat, g.key}, func(c *tables.Cursor) bool { return c == nil })
}

func (g *groupReader) close() {
	for _, c := range g.cursors() {
		c.Close()
	}
}

// surplus names a column that has values left.
func (g *groupReader) surplus() string {
	for _, c := range g.cursors() {
		if c.More() {
			return c.Name()
		}
	}
	return ""
}

// next reads one row.
func (g *groupReader) next(row int64) (f Flow, err error) {
	if f.Packets, err = g.packets(row); err != nil {
		return Flow{}, err
	}
	if g.label != nil {
		f.Label, err = g.label.Label(g.labels)
		if err != nil {
			return Flow{}, g.valueError(row, g.label, err)
		}
	}
	if g.key != nil {
		if f.Key, err = g.key.Text(); err != nil {
			if g.needKeys {
				return Flow{}, g.valueError(row, g.key, err)
			}
			g.key, f.Key = nil, ""
		}
	}
	f.Timed = g.iat != nil || g.table.nested
	return f, nil
}

// packets reads the lengths and directions of one row, and its times if they are
// read.
func (g *groupReader) packets(row int64) (packets []Packet, err error) {
	if packets, err = g.rawPackets(row); err != nil || g.raw {
		return packets, err
	}
	if packets, err = g.table.finish(packets); err != nil {
		return nil, g.rowError(row, "%s: %w", g.pl.Name(), err)
	}
	return packets, nil
}

// rawPackets is packets, raw (see table).
func (g *groupReader) rawPackets(row int64) (packets []Packet, err error) {
	if g.table.nested {
		lists, err := g.pl.Nested()
		if err != nil {
			return nil, g.valueError(row, g.pl, err)
		}
		if packets, err = g.table.unnest(lists, nil); err != nil {
			return nil, g.rowError(row, "%s: %w", g.pl.Name(), err)
		}
		return packets, nil
	}
	if g.lengths, err = g.pl.List(g.lengths[:0]); err != nil {
		return nil, g.valueError(row, g.pl, err)
	}
	packets = make([]Packet, len(g.lengths))
	lowest := 0.0
	if !g.table.directed {
		lowest = -MaxLength
	} else if g.table.filled {
		lowest = -1
	}
	for i, length := range g.lengths {
		if !(length >= lowest && length <= MaxLength && length == math.Trunc(length)) { // NaN fails too
			return nil, g.rowError(row, "%s[%d] is %v, want a whole number of bytes in [%v, %d]", g.pl.Name(), i, length, lowest, MaxLength)
		}
		packets[i].Length = int(length)
	}
	if g.dir != nil {
		if g.dirs, err = g.column(row, g.dir, g.dirs, len(packets)); err != nil {
			return nil, err
		}
		for i, dir := range g.dirs {
			if packets[i].Dir, err = rawDirection(dir); err != nil {
				return nil, g.rowError(row, "%s[%d] is %v, want 0 (upstream) or 1 (downstream), or 1 (upstream) and -1 (downstream)", g.dir.Name(), i, dir)
			}
		}
	}
	if g.iat != nil {
		if g.iats, err = g.column(row, g.iat, g.iats, len(packets)); err != nil {
			return nil, err
		}
		for i, iat := range g.iats {
			if math.IsNaN(iat) || math.IsInf(iat, 0) {
				return nil, g.rowError(row, "%s[%d] is %v, want microseconds", g.iat.Name(), i, iat)
			}
			packets[i].IAT = iat
		}
	}
	return packets, nil
}

// column reads a row's list of a column beside that of lengths, into values.
func (g *groupReader) column(row int64, c *tables.Cursor, values []float64, want int) ([]float64, error) {
	values, err := c.List(values[:0])
	if err != nil {
		return values, g.valueError(row, c, err)
	}
	if len(values) != want {
		return values, g.rowError(row, "%s has %d values, %s %d", g.pl.Name(), want, c.Name(), len(values))
	}
	return values, nil
}

// valueError is the error of a row whose value of a column cannot be read.
func (g *groupReader) valueError(row int64, c *tables.Cursor, err error) error {
	if err == io.EOF {
		err = errors.New("the column ends before this row")
	}
	return g.rowError(row, "%s: %w", c.Name(), err)
}
