package traffic

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// maxPackets is the longest flow that is read: far above any flow worth an
// image, and low enough that a damaged file cannot claim all the memory.
const maxPackets = 1 << 22

func isParquet(head []byte) bool { return len(head) >= 4 && string(head[:4]) == "PAR1" }

func readParquet(f *unpack.File, path string, r Reader, yield func(Flow, error) bool) {
	p, err := openParquet(f, path)
	if err != nil {
		yield(Flow{}, err)
		return
	}
	if r.KeepKeys {
		if err := safely(p.findKeys); err != nil {
			yield(Flow{}, p.errorf("%w", err))
			return
		}
	}
	trim := !r.KeepPadding && p.padded()
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
		return yield(flow, nil)
	})
}

func statParquet(f *unpack.File, path string) (Info, error) {
	p, err := openParquet(f, path)
	if err != nil {
		return Info{}, err
	}
	return Info{Rows: p.file.NumRows(), Columns: p.columnNames(), Timed: p.iat != nil}, nil
}

// parquetFile is an open Parquet file whose columns are known to be of the
// right kind.
type parquetFile struct {
	path           string
	in             io.ReaderAt
	file           *parquet.File
	pl, dir, label *leaf
	iat            *leaf // nil if the file has none
	key            *leaf // nil if the file has none, or it is not asked for
}

func openParquet(f *unpack.File, path string) (*parquetFile, error) {
	p := &parquetFile{path: path}
	in, size, err := f.ReaderAt()
	if err != nil {
		return nil, p.errorf("%w", err)
	}
	p.in = in
	if err := checkFooter(in, size); err != nil {
		return nil, p.errorf("%w", err)
	}
	if err := safely(func() (err error) {
		p.file, err = parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	}); err != nil {
		return nil, p.errorf("%w", err)
	}
	if err := safely(p.findColumns); err != nil {
		return nil, p.errorf("%w", err)
	}
	return p, nil
}

func (p *parquetFile) findColumns() error {
	var missing []string
	for _, c := range []struct {
		name string
		list bool
		to   **leaf
	}{{"PL", true, &p.pl}, {"DIR", true, &p.dir}, {"LABEL", false, &p.label}, {"IAT", true, &p.iat}} {
		column := p.file.Root().Column(c.name)
		if column == nil {
			if c.name != "IAT" {
				missing = append(missing, c.name)
			}
			continue
		}
		l, err := newLeaf(column, c.list)
		if err != nil {
			return err
		}
		*c.to = l
	}
	if missing != nil {
		return fmt.Errorf("no column %s (the file has %s)", strings.Join(missing, ", "), someNames(p.columnNames()))
	}
	return nil
}

// findKeys finds the column of the flows' keys, if there is one.
func (p *parquetFile) findKeys() (err error) {
	if column := p.file.Root().Column("KEY"); column != nil {
		p.key, err = newLeaf(column, false)
	}
	return err
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
	pl, dir             *cursor
	label, iat, key     *cursor   // may be nil
	lengths, dirs, iats []float64 // of the row just read
	labels              interner
}

func (g *groupReader) open(index int, group parquet.RowGroup, details bool) error {
	leaves, cursors := []*leaf{g.parquetFile.pl, g.parquetFile.dir}, []**cursor{&g.pl, &g.dir}
	if details {
		leaves, cursors = append(leaves, g.parquetFile.label, g.parquetFile.iat, g.parquetFile.key), append(cursors, &g.label, &g.iat, &g.key)
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
		text, err := g.label.bytes()
		if err == nil {
			f.Label, err = g.labels.string(text)
		}
		if err != nil {
			return Flow{}, g.valueError(row, g.label, err)
		}
	}
	if g.key != nil {
		if f.Key, err = g.key.text(); err != nil {
			return Flow{}, g.valueError(row, g.key, err)
		}
	}
	if g.iat != nil {
		f.Timed = true
		if err := g.times(row, f.Packets); err != nil {
			return Flow{}, err
		}
	}
	return f, nil
}

// packets reads the lengths and directions of one row.
func (g *groupReader) packets(row int64) (packets []Packet, err error) {
	if g.lengths, err = g.pl.list(g.lengths[:0]); err != nil {
		return nil, g.valueError(row, g.pl, err)
	}
	if g.dirs, err = g.dir.list(g.dirs[:0]); err != nil {
		return nil, g.valueError(row, g.dir, err)
	}
	if len(g.lengths) != len(g.dirs) {
		return nil, g.rowError(row, "PL has %d values, DIR %d", len(g.lengths), len(g.dirs))
	}
	packets = make([]Packet, len(g.lengths))
	for i, length := range g.lengths {
		if !(length >= 0 && length <= MaxLength && length == math.Trunc(length)) { // NaN fails too
			return nil, g.rowError(row, "PL[%d] is %v, want a whole number of bytes in [0, %d]", i, length, MaxLength)
		}
		if g.dirs[i] != 0 && g.dirs[i] != 1 {
			return nil, g.rowError(row, "DIR[%d] is %v, want 0 (upstream) or 1 (downstream)", i, g.dirs[i])
		}
		packets[i] = Packet{Length: int(length), Dir: Direction(g.dirs[i])}
	}
	return packets, nil
}

// times reads the inter-arrival times of one row into its packets.
func (g *groupReader) times(row int64, packets []Packet) (err error) {
	if g.iats, err = g.iat.list(g.iats[:0]); err != nil {
		return g.valueError(row, g.iat, err)
	}
	if len(g.iats) != len(packets) {
		return g.rowError(row, "PL has %d values, IAT %d", len(packets), len(g.iats))
	}
	for i, iat := range g.iats {
		if math.IsNaN(iat) || math.IsInf(iat, 0) {
			return g.rowError(row, "IAT[%d] is %v, want microseconds", i, iat)
		}
		packets[i].IAT = iat
	}
	return nil
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
