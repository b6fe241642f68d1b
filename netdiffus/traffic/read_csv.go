package traffic

import (
	"encoding/csv"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// readCSV is kind.read for CSV.
func readCSV(f *unpack.File, path string, r Reader, yield func(Flow, error) bool) {
	c, err := openCSV(f, path, r)
	if err == nil {
		err = c.flows(func(flow Flow) bool { return yield(flow, nil) })
	}
	switch {
	case err == nil:
		c.table.directions.warn(r, path, c.table.schema)
	case err != errStopped:
		yield(Flow{}, fmt.Errorf("traffic: %s: %w", path, err))
	}
}

func statCSV(f *unpack.File, path string) (Info, error) {
	c, err := openCSV(f, path, Reader{AllowEmpty: true})
	if err != nil {
		return Info{}, fmt.Errorf("traffic: %s: %w", path, err)
	}
	info, err := count(readCSV, f, path)
	info.Columns = c.cols.header
	return info, err
}

// csvFile reads the flows of a CSV file.
type csvFile struct {
	file   *unpack.File
	path   string
	reader Reader
	comma  rune
	cols   csvColumns
	table  table
	rows   *csv.Reader // of the pass under way
	width  int         // cells of the row just read

	scratch []Packet // of the flow just read
}

// openCSV reads the first row.
func openCSV(f *unpack.File, path string, r Reader) (*csvFile, error) {
	c := &csvFile{file: f, path: path, reader: r}
	delimiters := tables.Delimiters
	if r.Delimiter != 0 {
		delimiters = []rune{r.Delimiter}
	}
	var failed error
	most := 0 // cells in the first row, by the delimiter that failed
	for _, d := range delimiters {
		c.comma = d
		header, err := c.start()
		if err != nil {
			if failed == nil {
				failed = err
			}
			continue
		}
		var s schema
		if c.cols, s, err = findCSVColumns(header, r.Columns); err == nil {
			c.table = table{schema: s, directed: len(c.cols.dir) > 0 || s.nested, timed: len(c.cols.iat) > 0 || s.nested}
			return c, nil
		}
		if len(header) > most {
			most, failed = len(header), c.explain(header, err)
		}
	}
	return nil, failed
}

// explain returns the error of a file without the columns of packets, naming what
// it holds instead where that can be seen.
func (c *csvFile) explain(header []string, err error) error {
	if !errors.Is(err, ErrNoColumn) {
		return err
	}
	if err := checkFeatures(header); err != nil {
		return err
	}
	if rest, zeek := strings.CutPrefix(header[0], "#separator"); zeek {
		return fmt.Errorf("a log of Zeek (#separator%.20s): conn.log holds features of flows, no packets in them; read the capture itself", rest)
	}
	row, rowErr := c.rows.Read()
	if rowErr == nil && isSeries(header, row) {
		return fmt.Errorf("%w: it holds a series of numbers (columns %s), and flows of packets are needed: the payload length and the direction of each packet", err, tables.SomeNames(header))
	}
	return err
}

// start begins a pass over the file and returns the first row.
func (c *csvFile) start() ([]string, error) {
	if err := c.file.Rewind(); err != nil {
		return nil, err
	}
	rows, header, err := tables.NewCSV(c.file, c.comma)
	c.rows = rows
	return header, err
}

// next reads a row. At the end of the file it returns io.EOF.
func (c *csvFile) next() ([]string, error) {
	row, err := c.rows.Read()
	c.width = len(row)
	if err == nil && len(row) > len(c.cols.header) {
		err = c.errorf(len(c.cols.header), "%d cells, where the first row has %d", len(row), len(c.cols.header))
	}
	return row, err
}

// errorf returns an error with the place of a cell of the row just read: where
// it should stand, if the row is too short.
func (c *csvFile) errorf(cell int, format string, args ...any) error {
	line, col := c.rows.FieldPos(min(cell, c.width-1))
	name := ""
	if cell < len(c.cols.header) {
		name = " (" + c.cols.header[cell] + ")"
	}
	return fmt.Errorf("line %d, column %d%s: %w", line, col, name, fmt.Errorf(format, args...))
}

// flows reads all flows.
func (c *csvFile) flows(yield func(Flow) bool) error {
	c.reader.recognized(c.path, c.table.schema)
	if c.cols.form == tsharkRows {
		return c.tsharkRows(yield)
	}
	if c.table.needsSense() {
		if err := c.findSense(); err != nil {
			return err
		}
	}
	if c.cols.form == packetRows {
		return c.packetRows(yield)
	}
	trim := false
	if !c.reader.KeepPadding {
		var err error
		if trim, err = c.padded(); err != nil {
			return err
		}
	}
	single := true // each row holds one number
	n := 0
	err := c.flowRows(func(flow Flow, row []string) error {
		n++
		single = single && len(flow.Packets) == 1 && c.cols.form == listCells && !strings.Contains(row[c.cols.length[0]], "[")
		if len(flow.Packets) == 0 && !c.reader.AllowEmpty {
			return c.errorf(c.cols.length[0], "no packets")
		}
		if trim {
			flow.Packets = trimPadding(flow.Packets)
		}
		flow.Packets, c.scratch = detach(flow.Packets, c.scratch)
		if !yield(flow) {
			return errStopped
		}
		return nil
	})
	if err == nil && single && n > 1 {
		c.reader.warn(fmt.Errorf("traffic: %s: every row was read as a flow of one packet; if rows are packets, name the column that identifies the flow", c.path))
	}
	return err
}

// findSense finds what the numbers of directions mean, by the first rows that show
// it. An error in them is left for the reading proper.
func (c *csvFile) findSense() error {
	for {
		row, err := c.next()
		if err != nil {
			break
		}
		packets := c.scratch[:0]
		if c.cols.form == packetRows {
			var p Packet
			if p, err = c.rawPacket(row); err == nil {
				packets = append(packets, p)
			}
		} else {
			packets, err = c.rawPackets(row)
		}
		if err != nil || c.table.findSense(packets) {
			break
		}
	}
	_, err := c.start()
	return err
}

// padded reports whether the file is padded throughout, by the rule that
// Reader.KeepPadding states. An error is left for the reading proper.
func (c *csvFile) padded() (bool, error) {
	width, padded := -1, true
	c.flowRows(func(flow Flow, _ []string) error {
		if width < 0 {
			width = len(flow.Packets)
		}
		if padded = width >= 2 && len(flow.Packets) == width && endsInPadding(flow.Packets); !padded {
			return errStopped
		}
		return nil
	})
	_, err := c.start()
	return padded, err
}

// flowRows reads files of one row a flow, from the second row on.
func (c *csvFile) flowRows(each func(flow Flow, row []string) error) error {
	for {
		row, err := c.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		flow, err := c.flow(row)
		if err != nil {
			return err
		}
		if err := each(flow, row); err != nil {
			return err
		}
	}
}

// flow reads a row that is a flow. Its packets are valid until the next row.
func (c *csvFile) flow(row []string) (Flow, error) {
	flow := Flow{Timed: c.table.timed}
	packets, err := c.rawPackets(row)
	if err != nil {
		return flow, err
	}
	if flow.Packets, err = c.table.finish(packets); err != nil {
		return flow, c.errorf(c.cols.length[0], "%w", err)
	}
	if flow.Label, err = c.label(row); err == nil {
		flow.Key, err = c.key(row)
	}
	return flow, err
}

// rawPackets reads the packets of a row that is a flow, raw (see table). They are
// valid until the next row.
func (c *csvFile) rawPackets(row []string) (packets []Packet, err error) {
	packets = c.scratch[:0]
	defer func() { c.scratch = packets }()
	if c.cols.form == nestedCells {
		cell := c.cols.length[0]
		lists, err := tables.NestedNumbers(row[min(cell, len(row)-1)])
		if err == nil {
			packets, err = c.table.unnest(lists, packets)
		}
		if err != nil {
			return packets, c.errorf(cell, "%w", err)
		}
		return packets, nil
	}
	n, err := c.values(row, c.cols.length, -1, func(i int, v float64) (err error) {
		packets = append(packets, Packet{})
		packets[i].Length, err = c.table.rawLength(v)
		return err
	})
	if err != nil {
		return packets, err
	}
	if len(c.cols.dir) > 0 {
		if _, err = c.values(row, c.cols.dir, n, func(i int, v float64) (err error) {
			packets[i].Dir, err = rawDirection(v)
			return err
		}); err != nil {
			return packets, err
		}
	}
	if c.table.timed {
		_, err = c.values(row, c.cols.iat, n, func(i int, v float64) error {
			packets[i].IAT = v
			return nil
		})
	}
	return packets, err
}

// key is the row's KEY, if keys are kept.
func (c *csvFile) key(row []string) (string, error) {
	i := c.cols.key
	if !c.reader.readsKeys() || i < 0 || i >= len(row) {
		return "", nil
	}
	if err := tables.CheckKey(row[i]); err != nil {
		if !c.reader.KeepKeys {
			return "", nil
		}
		return "", c.errorf(i, "%w", err)
	}
	return strings.Clone(row[i]), nil
}

func (c *csvFile) label(row []string) (string, error) {
	label := ""
	if c.cols.label >= 0 && c.cols.label < len(row) {
		label = row[c.cols.label]
	}
	if label == "" {
		label = c.reader.label(c.path, LabelFromFolder)
	}
	if err := tables.CheckLabel(label); err != nil {
		return "", c.errorf(max(c.cols.label, 0), "%w", err)
	}
	// The row's cells share one string, which a label would keep alive.
	return strings.Clone(label), nil
}

// values reads the numbers of one list, which is in one cell or has a cell a
// number, and returns how many there are: want, unless that is negative.
func (c *csvFile) values(row []string, columns []int, want int, set func(i int, v float64) error) (int, error) {
	v := csvValues{csvFile: c, want: want, set: set}
	last := columns[0]
	var err error
	if c.cols.form == packetCols {
		last, err = v.addColumns(row, columns)
	} else if last < len(row) {
		if c.cols.form == listCells {
			err = tables.CheckList(row[last])
		}
		if err != nil {
			return 0, c.errorf(last, "%w", err)
		}
		err = v.addList(last, row[last])
	}
	if err == nil && want >= 0 && v.n != want {
		err = c.errorf(last, "%d values, where the packets' lengths are %d", v.n, want)
	}
	return v.n, err
}

// csvValues takes the numbers of one list of a row.
type csvValues struct {
	*csvFile
	want int                          // so many should come; negative: any number
	n    int                          // so many came
	set  func(i int, v float64) error // is given each
}

// addList adds the numbers of a list in one cell.
func (v *csvValues) addList(cell int, list string) error {
	for text := range strings.FieldsFuncSeq(list, tables.IsListMark) {
		if err := v.add(cell, text); err != nil {
			return err
		}
	}
	return nil
}

// addColumns adds numbers with a cell each. An empty cell ends the flow. It
// returns the last column that it looked at.
func (v *csvValues) addColumns(row []string, columns []int) (last int, err error) {
	gap := false
	for _, last = range columns {
		missing := last >= len(row) || tables.IsMissing(row[last])
		switch {
		case missing:
			gap = true
		case v.n == v.want: // values of IAT and DIR may stand beside padding
			return last, nil
		case gap:
			return last, v.errorf(last, "a number after an empty cell")
		default:
			if err := v.add(last, strings.TrimSpace(row[last])); err != nil {
				return last, err
			}
		}
	}
	return last, nil
}

// add adds one number.
func (v *csvValues) add(cell int, text string) error {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return v.errorf(cell, "%.40q is not a number", text)
	}
	if v.n == v.want {
		return v.errorf(cell, "more than the %d values of the packets' lengths", v.want)
	}
	if v.n == tables.MaxTextNumbers {
		return v.errorf(cell, "more than %d packets", tables.MaxTextNumbers)
	}
	if err := v.set(v.n, x); err != nil {
		return v.errorf(cell, "%w", err)
	}
	v.n++
	return nil
}

// packetRows reads files of one row a packet. Where each flow's rows stand
// together the file is streamed; otherwise flows are gathered in memory, in
// the order of their first rows.
func (c *csvFile) packetRows(yield func(Flow) bool) error {
	g := flowGatherer{csvFile: c, yield: yield, byName: map[string]*Flow{}}
	var err error
	if g.together, err = c.together(); err != nil {
		return err
	}
	if _, err := c.start(); err != nil {
		return err
	}
	onDisk, contents, err := c.file.Size() // together has read it all
	if err != nil {
		return err
	}
	// A part of what a reader may use in all.
	g.room = 24<<20 + 4*min(contents, 16*onDisk)
	for {
		row, err := c.next()
		if err == io.EOF {
			return g.finish()
		}
		if err != nil {
			return err
		}
		if err := g.add(row); err != nil {
			return err
		}
	}
}

// flowGatherer puts rows of one packet together to flows.
type flowGatherer struct {
	*csvFile
	yield    func(Flow) bool
	together bool // each flow's rows stand together
	name     string
	current  *Flow // of that name; nil before the first row

	// Where rows do not stand together.
	byName map[string]*Flow
	order  []*Flow
	room   int64 // bytes that the flows may still take
}

// add adds a row.
func (g *flowGatherer) add(row []string) error {
	if g.cols.flow >= len(row) || g.cols.length[0] >= len(row) {
		return g.errorf(0, "%d cells, where the first row has %d", len(row), len(g.cols.header))
	}
	if id := row[g.cols.flow]; g.current == nil || id != g.name {
		if err := g.turnTo(strings.Clone(id), row); err != nil {
			return err
		}
	}
	before := cap(g.current.Packets)
	if err := g.packetRow(row, g.current); err != nil {
		return err
	}
	const packet = 24 // bytes
	return g.take(int64(cap(g.current.Packets)-before) * packet)
}

// turnTo makes the flow called name the current one. A new flow has the label and
// key of row.
func (g *flowGatherer) turnTo(name string, row []string) error {
	if g.together && g.current != nil {
		if err := g.emit(*g.current); err != nil {
			return err
		}
	}
	g.name = name
	if g.current = g.byName[name]; g.current != nil {
		return nil
	}
	label, err := g.label(row)
	if err != nil {
		return err
	}
	key, err := g.key(row)
	if err != nil {
		return err
	}
	g.current = &Flow{Label: label, Key: key, Timed: g.table.timed}
	if g.together {
		return nil
	}
	g.byName[name] = g.current
	g.order = append(g.order, g.current)
	return g.take(256 + int64(len(name)+len(label)+len(key)))
}

// take takes bytes off the room for flows, which only flows that are gathered need.
func (g *flowGatherer) take(bytes int64) error {
	if g.together {
		return nil
	}
	if g.room -= bytes; g.room < 0 {
		return g.errorf(g.cols.flow, "the flows' rows are mixed over more than can be held: sort the file by its column %s", g.cols.header[g.cols.flow])
	}
	return nil
}

// finish yields the flows that are left.
func (g *flowGatherer) finish() error {
	if g.together && g.current != nil {
		return g.emit(*g.current)
	}
	for i, flow := range g.order {
		g.order[i] = nil
		if err := g.emit(*flow); err != nil {
			return err
		}
	}
	return nil
}

// emit yields a flow whose packets are raw.
func (g *flowGatherer) emit(flow Flow) (err error) {
	if flow.Packets, err = g.table.finish(flow.Packets); err != nil {
		return fmt.Errorf("a flow of label %.40q: %w", flow.Label, err)
	}
	if len(flow.Packets) > 0 && !g.yield(flow) {
		return errStopped
	}
	return nil
}

// packetRow adds a row's packet to its flow.
func (c *csvFile) packetRow(row []string, flow *Flow) error {
	if c.cols.label >= 0 && c.cols.label < len(row) && row[c.cols.label] != "" && row[c.cols.label] != flow.Label {
		return c.errorf(c.cols.label, "label %.40q in a flow of label %.40q", row[c.cols.label], flow.Label)
	}
	if len(flow.Packets) == tables.MaxTextNumbers {
		return c.errorf(c.cols.flow, "more than %d packets in a flow", tables.MaxTextNumbers)
	}
	p, err := c.rawPacket(row)
	if err == nil {
		flow.Packets = append(flow.Packets, p)
	}
	return err
}

// rawPacket reads the packet of a row that is one, raw (see table).
func (c *csvFile) rawPacket(row []string) (p Packet, err error) {
	if _, err := c.values(row, c.cols.length, 1, func(_ int, v float64) (err error) { p.Length, err = c.table.rawLength(v); return err }); err != nil {
		return p, err
	}
	if len(c.cols.dir) > 0 {
		if _, err := c.values(row, c.cols.dir, 1, func(_ int, v float64) (err error) { p.Dir, err = rawDirection(v); return err }); err != nil {
			return p, err
		}
	}
	if len(c.cols.iat) > 0 {
		_, err = c.values(row, c.cols.iat, 1, func(_ int, v float64) error { p.IAT = v; return nil })
	}
	return p, err
}

// together reports whether no flow's rows come back after another flow's.
func (c *csvFile) together() (bool, error) {
	seed := maphash.MakeSeed()
	seen := map[uint64]struct{}{}
	var last uint64
	for n := 0; ; n++ {
		row, err := c.next()
		if err == io.EOF {
			return true, nil
		}
		if err != nil || c.cols.flow >= len(row) {
			return true, nil // the reading proper reports it
		}
		id := maphash.String(seed, row[c.cols.flow])
		if n > 0 && id == last {
			continue
		}
		if _, again := seen[id]; again {
			return false, nil
		}
		seen[id], last = struct{}{}, id
	}
}
