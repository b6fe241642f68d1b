package traffic

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// maxPackets is the longest flow that is read: far above any flow worth an
// image, and low enough that a damaged file cannot claim all the memory.
const maxPackets = 1 << 22

func isParquet(head []byte) bool { return len(head) >= 4 && string(head[:4]) == "PAR1" }

func readParquet(f *unpack.File, path string, r Reader, yield func(Flow, error) bool) {
	p, err := openParquet(f, path, r)
	if err != nil {
		yield(Flow{}, err)
		return
	}
	defer p.close()
	r.recognized(path, p.table.schema)
	if p.table.needsSense() {
		p.findSense()
	}
	trim := !r.KeepPadding && p.padded()
	label := ""
	if p.label == nil {
		if label = r.label(path, LabelFromFolder); checkLabel(label) != nil {
			yield(Flow{}, p.errorf("there is no column of labels: %w", checkLabel(label)))
			return
		}
	}
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
	defer p.close()
	return Info{Rows: p.file.NumRows(), Columns: p.columnNames(), Timed: p.table.timed}, nil
}

// parquetFile is an open Parquet file whose columns are known to be of the
// right kind.
type parquetFile struct {
	path                 string
	in                   io.ReaderAt
	file                 *parquet.File
	table                table
	pl                   *leaf
	dir, iat, label, key *leaf    // nil if the file has none; a key only if it is asked for
	raw                  bool     // leave packets raw (see table)
	spool                *os.File // what in reads, where the file itself cannot be
}

func openParquet(f *unpack.File, path string, r Reader) (*parquetFile, error) {
	p := &parquetFile{path: path}
	in, size, err := f.ReaderAt()
	if err != nil {
		return nil, p.errorf("%w", err)
	}
	p.in = in
	if err := p.open(size, r); err != nil {
		return nil, p.errorf("%w", err)
	}
	if p.usesLZ4() {
		if err := p.decompressLZ4(r); err != nil {
			p.close()
			return nil, p.errorf("%w", err)
		}
	}
	return p, nil
}

// open reads the footer and finds the columns.
func (p *parquetFile) open(size int64, r Reader) error {
	if err := checkFooter(p.in, size); err != nil {
		return err
	}
	if err := safely(func() (err error) {
		p.file, err = parquet.OpenFile(p.in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	}); err != nil {
		return err
	}
	return safely(func() error { return p.findColumns(r) })
}

func (p *parquetFile) close() {
	if p.spool != nil {
		unpack.Remove(p.spool)
	}
}

// findColumns finds the columns that are read.
func (p *parquetFile) findColumns(r Reader) error {
	names := p.columnNames()
	if r.Columns.Flow != "" {
		return fmt.Errorf("no table of one row a packet: the column %s of flows is for CSV", r.Columns.Flow)
	}
	if err := r.Columns.checkNamed(names); err != nil {
		return err
	}
	s := findSchema(names, r.Columns)
	if column(names, s.Length) < 0 {
		if err := checkFeatures(names); err != nil {
			return err
		}
		return fmt.Errorf("%w %s: the file has %s", ErrNoColumn, s.Length, someNames(names))
	}
	for _, c := range []struct {
		name  string
		holds leafKind
		to    **leaf
		read  bool
	}{
		{s.Length, numberLists, &p.pl, !s.nested}, {s.Length, listLists, &p.pl, s.nested},
		{s.Dir, directionLists, &p.dir, !s.nested}, {s.IAT, numberLists, &p.iat, !s.nested},
		{s.Label, labelValues, &p.label, true}, {s.Key, keyValues, &p.key, r.KeepKeys},
	} {
		i := column(names, c.name)
		if i < 0 || !c.read {
			continue
		}
		l, err := newLeaf(p.file.Root().Column(names[i]), c.holds)
		if err != nil {
			return err
		}
		*c.to = l
	}
	p.table = table{schema: s, directed: p.dir != nil || s.nested, timed: p.iat != nil || s.nested}
	return nil
}

// leaves are the columns that are read.
func (p *parquetFile) leaves() []*leaf {
	return slices.DeleteFunc([]*leaf{p.pl, p.dir, p.iat, p.label, p.key}, func(l *leaf) bool { return l == nil })
}

func (p *parquetFile) columnNames() []string {
	var names []string
	for _, c := range p.file.Root().Columns() {
		names = append(names, c.Name())
	}
	return names
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
	labels := interner{}
	for i, group := range p.file.RowGroups() {
		g := groupReader{parquetFile: p, labels: labels}
		err := g.open(i, group, details)
		if err != nil {
			g.close()
			yield(first, Flow{}, p.errorf("row group %d: %w", i, err))
			return
		}
		more := true
		for row := first; more && row < first+group.NumRows(); row++ {
			f, err := g.next(row)
			more = yield(row, f, err) && err == nil
		}
		first += group.NumRows()
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
	pl                   *cursor
	dir, label, iat, key *cursor   // may be nil
	lengths, dirs, iats  []float64 // of the row just read
	labels               interner
}

func (g *groupReader) open(index int, group parquet.RowGroup, details bool) error {
	p := g.parquetFile
	leaves, cursors := []*leaf{p.pl, p.dir}, []**cursor{&g.pl, &g.dir}
	if details {
		leaves, cursors = append(leaves, p.label, p.iat, p.key), append(cursors, &g.label, &g.iat, &g.key)
	}
	for i, l := range leaves {
		if l == nil {
			continue
		}
		c, err := newCursor(g.in, g.file, index, group, l)
		if err != nil {
			return err
		}
		*cursors[i] = c
	}
	return nil
}

func (g *groupReader) cursors() []*cursor {
	return slices.DeleteFunc([]*cursor{g.pl, g.dir, g.label, g.iat, g.key}, func(c *cursor) bool { return c == nil })
}

func (g *groupReader) close() {
	for _, c := range g.cursors() {
		c.close()
	}
}

// surplus names a column that has values left.
func (g *groupReader) surplus() string {
	for _, c := range g.cursors() {
		if _, err := c.peek(); err != io.EOF {
			return c.leaf.name
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
		f.Label, err = g.label.label(g.labels)
		if err != nil {
			return Flow{}, g.valueError(row, g.label, err)
		}
	}
	if g.key != nil {
		if f.Key, err = g.key.text(); err != nil {
			return Flow{}, g.valueError(row, g.key, err)
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
		return nil, g.rowError(row, "%s: %w", g.pl.leaf.name, err)
	}
	return packets, nil
}

// rawPackets is packets, raw (see table).
func (g *groupReader) rawPackets(row int64) (packets []Packet, err error) {
	if g.table.nested {
		lists, err := g.pl.nested()
		if err != nil {
			return nil, g.valueError(row, g.pl, err)
		}
		if packets, err = g.table.unnest(lists, nil); err != nil {
			return nil, g.rowError(row, "%s: %w", g.pl.leaf.name, err)
		}
		return packets, nil
	}
	if g.lengths, err = g.pl.list(g.lengths[:0]); err != nil {
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
			return nil, g.rowError(row, "%s[%d] is %v, want a whole number of bytes in [%v, %d]", g.pl.leaf.name, i, length, lowest, MaxLength)
		}
		packets[i].Length = int(length)
	}
	if g.dir != nil {
		if g.dirs, err = g.column(row, g.dir, g.dirs, len(packets)); err != nil {
			return nil, err
		}
		for i, dir := range g.dirs {
			if packets[i].Dir, err = rawDirection(dir); err != nil {
				return nil, g.rowError(row, "%s[%d] is %v, want 0 (upstream) or 1 (downstream), or 1 (upstream) and -1 (downstream)", g.dir.leaf.name, i, dir)
			}
		}
	}
	if g.iat != nil {
		if g.iats, err = g.column(row, g.iat, g.iats, len(packets)); err != nil {
			return nil, err
		}
		for i, iat := range g.iats {
			if math.IsNaN(iat) || math.IsInf(iat, 0) {
				return nil, g.rowError(row, "%s[%d] is %v, want microseconds", g.iat.leaf.name, i, iat)
			}
			packets[i].IAT = iat
		}
	}
	return packets, nil
}

// column reads a row's list of a column beside that of lengths, into values.
func (g *groupReader) column(row int64, c *cursor, values []float64, want int) ([]float64, error) {
	values, err := c.list(values[:0])
	if err != nil {
		return values, g.valueError(row, c, err)
	}
	if len(values) != want {
		return values, g.rowError(row, "%s has %d values, %s %d", g.pl.leaf.name, want, c.leaf.name, len(values))
	}
	return values, nil
}

// valueError is the error of a row whose value of a column cannot be read.
func (g *groupReader) valueError(row int64, c *cursor, err error) error {
	if err == io.EOF {
		err = errors.New("the column ends before this row")
	}
	return g.rowError(row, "%s: %w", c.leaf.name, err)
}

// interner gives equal labels one string.
type interner map[string]string

func (in interner) string(b []byte) (string, error) {
	if s, ok := in[string(b)]; ok {
		return s, nil
	}
	s := string(b)
	if err := checkLabel(s); err != nil {
		return "", err
	}
	if len(in) < 1<<16 { // a file with a label of its own a row must not fill the memory
		in[s] = s
	}
	return s, nil
}

// maxLabel is the longest label, bytes, and maxKey the longest key: MIRAGE's
// with two addresses of IPv6 in full have some 100.
const (
	maxLabel = 1 << 16
	maxKey   = 1 << 10
)

func checkKey(s string) error {
	if len(s) > maxKey || !utf8.ValidString(s) {
		return fmt.Errorf("the key of %d bytes (%.40q) is not of a flow: want UTF-8 of at most %d", len(s), s, maxKey)
	}
	return nil
}

func checkLabel(s string) error {
	switch {
	case s == "":
		return errors.New("the label is empty")
	case len(s) > maxLabel:
		return fmt.Errorf("the label has %d bytes, want at most %d", len(s), maxLabel)
	case !utf8.ValidString(s):
		return fmt.Errorf("the label is not UTF-8: %.40q", s)
	}
	return nil
}

// safely turns a panic of the Parquet package, which damaged files can cause,
// into an error.
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged Parquet data: %v", r)
		}
	}()
	return f()
}
