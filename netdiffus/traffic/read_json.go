package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// isJSON recognises JSON by its first character.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// readJSON is kind.read for MIRAGE's files (one object of biflows by 5-tuple)
// and for JSON Lines (one object a flow; also as an array of such objects).
func readJSON(f *unpack.File, path string, r Reader, yield func(Flow, error) bool) {
	j := &jsonFlows{jsonScanner: newJSONScanner(f), reader: r, yield: yield, path: path}
	switch err := j.all(f); err {
	case nil:
		j.table.directions.warn(r, path, j.table.schema)
	case errStopped:
	default:
		yield(Flow{}, fmt.Errorf("traffic: %s: %w", path, err))
	}
}

func statJSON(f *unpack.File, path string) (Info, error) { return count(readJSON, f, path) }

// count is kind.stat for kinds that can only be counted by reading them.
func count(read func(*unpack.File, string, Reader, func(Flow, error) bool), f *unpack.File, path string) (Info, error) {
	info := Info{Columns: []string{"PL", "DIR", "LABEL"}}
	var failed error
	read(f, path, Reader{AllowEmpty: true, Warn: func(error) {}, Recognized: func(string, string) {}}, func(flow Flow, err error) bool {
		info.Rows++
		info.Timed = flow.Timed
		failed = err
		return err == nil
	})
	if info.Timed {
		info.Columns = []string{"PL", "IAT", "DIR", "LABEL"}
	}
	return info, failed
}

// errStopped is returned when the caller stops the iteration.
var errStopped = errors.New("stopped")

// jsonFlows reads flows from one JSON file.
type jsonFlows struct {
	*jsonScanner
	path   string
	reader Reader
	yield  func(Flow, error) bool
	flows  int // flows begun

	// The flow being read.
	packets              []Packet
	lengths, dirs, times int  // packets that have a length, a direction, a time
	absolute             bool // times are time stamps in seconds, not gaps
	signed               bool // a length was negative
	label, key           string

	table   table // of JSON Lines
	probing bool  // look at JSON Lines' directions and yield no flows
	named   bool  // the reader has been told of the schema
}

// directionCheck finds files without directions: they have neither a column of
// them nor a negative length.
type directionCheck struct {
	unlisted bool // there were lengths without a column of directions
	present  bool // there was a column, or a negative length
}

// add adds what is known of some lengths: whether directions are listed beside
// them, and whether one is negative.
func (d *directionCheck) add(listed, signed bool) {
	d.unlisted = d.unlisted || !listed
	d.present = d.present || listed || signed
}

// warn warns of a file without directions.
func (d directionCheck) warn(r Reader, path string, s schema) {
	if d.unlisted && !d.present {
		r.warn(fmt.Errorf("traffic: %s: no %s and no negative %s in the whole file, so every packet was read as downstream", path, s.Dir, s.Length))
	}
}

// all reads the file: first the names of its first object, which show the schema,
// then as much as shows what directions mean, and then the flows.
func (j *jsonFlows) all(f *unpack.File) error {
	names, mirage := j.firstNames()
	if !mirage {
		if err := j.reader.Columns.checkNamed(names); err != nil {
			return err
		}
	}
	s := findSchema(names, j.reader.Columns)
	j.table = table{schema: s, directed: s.nested || tables.Column(names, s.Dir) >= 0}
	if !mirage && tables.Column(names, s.Length) < 0 {
		if err := checkFeatures(names); err != nil {
			return err
		}
	}
	if j.table.needsSense() {
		if err := j.rewind(f); err != nil {
			return err
		}
		j.probing = true
		j.read() // an error is left for the reading proper
		j.probing = false
	}
	if err := j.rewind(f); err != nil {
		return err
	}
	j.reader.recognized(j.path, s)
	return j.read()
}

// rewind begins the file again.
func (j *jsonFlows) rewind(f *unpack.File) error {
	if err := f.Rewind(); err != nil {
		return err
	}
	j.jsonScanner, j.flows, j.table.directions = newJSONScanner(f), 0, directionCheck{}
	j.begin()
	return nil
}

// firstNames returns the names of the first object's members, as far as they can be
// read, and whether it is one of MIRAGE's.
func (j *jsonFlows) firstNames() (names []string, mirage bool) {
	if c, err := j.peek(); err == nil && c == '[' {
		j.take('[')
	}
	j.object(func(key []byte) error {
		if isTuple(key) {
			mirage = true
			return errStopped
		}
		if names = append(names, string(key)); len(names) == maxNames {
			return errStopped
		}
		return j.skip()
	})
	return names, mirage
}

// maxNames is how many members of the first object are looked at.
const maxNames = 1 << 12

// isTuple reports whether a key is a 5-tuple, as MIRAGE writes it.
func isTuple(key []byte) bool { return bytes.Count(key, []byte{','}) == 4 }

func (j *jsonFlows) read() error {
	c, err := j.must()
	if err != nil {
		return err
	}
	if c == '[' {
		return j.array(func(int) error { return j.record() })
	}
	for {
		if err := j.record(); err != nil {
			return err
		}
		if _, err := j.peek(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// record reads a top-level object: one flow, or MIRAGE's object of flows.
func (j *jsonFlows) record() error {
	j.begin()
	mirage, isFlow := false, false
	err := j.object(func(key []byte) error {
		if isTuple(key) {
			if !mirage && !j.named && !j.probing {
				j.named = true
				if j.reader.Recognized != nil { // it needs no log: it is a kind of its own
					j.reader.Recognized(j.path, "MIRAGE's JSON")
				}
			}
			mirage = true
			j.begin()
			j.key = string(key)
			return j.biflow()
		}
		isFlow = true
		return j.member(key)
	})
	if err != nil || mirage || !isFlow {
		return err
	}
	s := j.table.schema
	return j.end(jsonForm{s.Length, s.Dir, s.IAT, false})
}

// begin forgets the flow before.
func (j *jsonFlows) begin() {
	j.packets = j.packets[:0]
	j.lengths, j.dirs, j.times = 0, 0, 0
	j.absolute, j.signed = false, false
	j.label, j.key = "", ""
}

// member reads one member of a JSON Lines record.
func (j *jsonFlows) member(key []byte) error {
	is := func(name string) bool { return strings.EqualFold(string(key), name) }
	switch s := &j.table.schema; {
	case s.nested && is(s.Length):
		return j.nested()
	case is(s.Length):
		return j.column(&j.lengths, j.setRawLength)
	case is(s.Dir):
		return j.column(&j.dirs, j.setRawDir)
	case is(s.IAT):
		return j.column(&j.times, func(p *Packet, v float64) error { p.IAT = v; return nil })
	case is(s.Label):
		return j.text(&j.label)
	case is(s.Key):
		return j.text(&j.key)
	}
	return j.skip()
}

// nested reads the lists of a nested table's row.
func (j *jsonFlows) nested() error {
	lists, err := j.nestedLists()
	if err != nil {
		return err
	}
	if j.packets, err = j.table.unnest(lists, j.packets); err != nil {
		return j.errorf("flow %d: %w", j.flows, err)
	}
	n := len(j.packets)
	j.lengths, j.dirs, j.times = n, n, n
	return nil
}

// nestedLists reads a list of lists, or a text that holds one.
func (j *jsonFlows) nestedLists() (lists [][]float64, err error) {
	if c, err := j.must(); err == nil && c == '"' {
		list, err := j.string()
		if err != nil {
			return nil, err
		}
		if lists, err = tables.NestedNumbers(string(list)); err != nil {
			return nil, j.errorf("flow %d: %w", j.flows, err)
		}
		return lists, nil
	}
	total := 0
	err = j.array(func(i int) error {
		if i == maxNested {
			return j.errorf("flow %d has more than %d lists in its list", j.flows, maxNested)
		}
		lists = append(lists, nil)
		return j.array(func(int) error {
			v, err := j.numberOrBool()
			if total++; err == nil && total > tables.MaxTextNumbers {
				err = j.errorf("flow %d has more than %d numbers", j.flows, tables.MaxTextNumbers)
			}
			lists[i] = append(lists[i], v)
			return err
		})
	})
	return lists, err
}

// maxNested is how many lists a nested table's row may have.
const maxNested = 64

// numberOrBool reads a number, or true or false as 1 or 0.
func (j *jsonFlows) numberOrBool() (float64, error) {
	c, err := j.must()
	if err != nil || c != 't' && c != 'f' {
		if err != nil {
			return 0, err
		}
		return j.number()
	}
	if c == 't' {
		return 1, j.skipWord()
	}
	return 0, j.skipWord()
}

// setRawLength sets a length of JSON Lines, raw (see table). The sign is checked by
// end, when it is known whether there are directions.
func (j *jsonFlows) setRawLength(p *Packet, v float64) error {
	length, negative, err := length(v)
	if p.Length = length; negative {
		p.Length = -length
		j.signed = true
	}
	return err
}

func (j *jsonFlows) setRawDir(p *Packet, v float64) (err error) {
	p.Dir, err = rawDirection(v)
	return err
}

// biflow reads the value of one 5-tuple in a MIRAGE file.
func (j *jsonFlows) biflow() error {
	err := j.object(func(part []byte) error {
		switch string(part) {
		case "packet_data":
			return j.object(j.packetData)
		case "flow_metadata":
			return j.object(func(key []byte) error {
				if string(key) == "BF_label" {
					return j.text(&j.label)
				}
				return j.skip()
			})
		}
		return j.skip()
	})
	if err != nil {
		return err
	}
	return j.end(mirageFlow)
}

// packetData reads one list of a MIRAGE biflow.
func (j *jsonFlows) packetData(key []byte) error {
	switch string(key) {
	case "L4_payload_bytes":
		return j.column(&j.lengths, j.setLength)
	case "packet_dir":
		return j.column(&j.dirs, j.setDir)
	case "iat":
		j.absolute = false
		return j.column(&j.times, func(p *Packet, v float64) error { p.IAT = v * 1e6; return nil })
	case "timestamp":
		if j.times > 0 && !j.absolute { // iat is more exact
			return j.skip()
		}
		j.absolute = true
		return j.column(&j.times, func(p *Packet, v float64) error { p.IAT = v; return nil })
	}
	return j.skip()
}

// column reads a list of numbers into the packets and counts it in n.
func (j *jsonFlows) column(n *int, set func(*Packet, float64) error) error {
	*n = 0
	add := func(i int, v float64) error {
		if i == tables.MaxTextNumbers {
			return j.errorf("flow %d has more than %d packets", j.flows, tables.MaxTextNumbers)
		}
		if i == len(j.packets) {
			j.packets = append(j.packets, Packet{})
		}
		if err := set(&j.packets[i], v); err != nil {
			return j.errorf("flow %d, packet %d: %w", j.flows, i, err)
		}
		*n = i + 1
		return nil
	}
	if c, err := j.must(); err == nil && c == '"' { // a list as a text
		list, err := j.string()
		if err != nil {
			return err
		}
		if err := tables.EachNumber(string(list), add); err != nil {
			return j.errorf("flow %d: %w", j.flows, err)
		}
		return nil
	}
	return j.array(func(i int) error {
		v, err := j.number()
		if err != nil {
			return err
		}
		return add(i, v)
	})
}

func (j *jsonFlows) setLength(p *Packet, v float64) error {
	length, negative, err := length(v)
	p.Length = length
	if negative {
		j.signed = true
		p.Length = -length // until end gives it its direction
	}
	return err
}

func (j *jsonFlows) setDir(p *Packet, v float64) error {
	dir, err := direction(v)
	p.Dir = dir
	return err
}

// length checks a payload length, which may have a sign for its direction.
func length(v float64) (bytes int, negative bool, err error) {
	if !(math.Abs(v) <= MaxLength && v == math.Trunc(v)) {
		return 0, false, fmt.Errorf("payload length is %v, want a whole number of bytes up to %d", v, MaxLength)
	}
	return int(math.Abs(v)), v < 0, nil
}

func direction(v float64) (Direction, error) {
	if v != 0 && v != 1 {
		return Up, fmt.Errorf("direction is %v, want 0 (upstream) or 1 (downstream)", v)
	}
	return Direction(v), nil
}

// text reads a string, or a number's digits; null leaves it as it is.
func (j *jsonFlows) text(dst *string) error {
	c, err := j.must()
	if err != nil {
		return err
	}
	if tables.InNumber(c) && c != 'e' && c != 'E' {
		err := j.digits()
		*dst = string(j.jsonScanner.text)
		return err
	}
	if c != '"' {
		return j.skip()
	}
	text, err := j.string()
	if err != nil {
		return err
	}
	*dst = string(text)
	return nil
}

// jsonForm names the lists of a form of JSON, for errors.
type jsonForm struct {
	length, dir, iat string
	mirage           bool
}

var mirageFlow = jsonForm{"L4_payload_bytes", "packet_dir", "iat", true}

// end checks the flow that was read and yields it.
func (j *jsonFlows) end(form jsonForm) error {
	number := j.flows
	j.flows++
	if err := j.checkCounts(form); err != nil {
		return j.errorf("flow %d has %w", number, err)
	}
	if form == mirageFlow {
		if j.absolute {
			toGaps(j.packets)
		}
		j.table.directions.add(true, false)
	} else if stop, err := j.finishLine(); err != nil {
		return j.errorf("flow %d: %w", number, err)
	} else if stop {
		return errStopped
	}
	if j.probing {
		return nil
	}
	packets := j.kept(form)
	if form == mirageFlow && len(packets) == 0 {
		return nil
	}
	flow, err := j.flow(form, packets)
	if err != nil {
		return j.errorf("flow %d: %w", number, err)
	}
	if !j.yield(flow, nil) {
		return errStopped
	}
	return nil
}

// finishLine makes the raw packets of a line of JSON those of a flow. It reports
// whether probing has found what it looks for.
func (j *jsonFlows) finishLine() (found bool, err error) {
	if j.probing {
		return j.table.findSense(j.packets), nil
	}
	j.table.directed, j.table.timed = j.dirs > 0 || j.table.nested, j.times > 0
	j.packets, err = j.table.finish(j.packets)
	return false, err
}

// checkCounts checks that the lists of the flow are equally long.
func (j *jsonFlows) checkCounts(form jsonForm) error {
	n := len(j.packets)
	mayBeEmpty := form == mirageFlow || j.reader.AllowEmpty
	mayLackDirs := form != mirageFlow
	switch {
	case j.lengths == 0 && (n > 0 || !mayBeEmpty):
		if form.mirage {
			return fmt.Errorf("no %s", form.length)
		}
		return fmt.Errorf("%w %s", ErrNoColumn, form.length)
	case j.lengths != n:
		return fmt.Errorf("%d values of %s and %d of another list", j.lengths, form.length, n)
	case j.dirs != n && !(j.dirs == 0 && mayLackDirs):
		return fmt.Errorf("%d values of %s, %d of %s", n, form.length, j.dirs, form.dir)
	case j.times != n && j.times != 0:
		return fmt.Errorf("%d values of %s, %d of %s", n, form.length, j.times, form.iat)
	case j.dirs > 0 && j.signed && !j.table.filled:
		return fmt.Errorf("negative lengths beside %s", form.dir)
	}
	return nil
}

// toGaps replaces time stamps in seconds by the microseconds since the packet before.
func toGaps(packets []Packet) {
	for i := len(packets) - 1; i > 0; i-- {
		packets[i].IAT = (packets[i].IAT - packets[i-1].IAT) * 1e6
	}
	if len(packets) > 0 {
		packets[0].IAT = 0
	}
}

// kept returns the packets that the reader keeps.
func (j *jsonFlows) kept(form jsonForm) []Packet {
	packets := j.packets
	if form == mirageFlow && !j.reader.KeepEmpty {
		packets = dropEmpty(packets)
	}
	if limit := j.reader.MaxPackets; limit > 0 && len(packets) > limit {
		packets = packets[:limit]
	}
	return packets
}

// flow makes a flow of the packets, with the label and the key that were read.
func (j *jsonFlows) flow(form jsonForm, packets []Packet) (Flow, error) {
	flow := Flow{Label: j.label, Timed: j.times > 0}
	flow.Packets, j.packets = detach(packets, j.packets)
	for _, p := range flow.Packets {
		if math.IsInf(p.IAT, 0) || math.IsNaN(p.IAT) {
			return flow, fmt.Errorf("inter-arrival time %v", p.IAT)
		}
	}
	if flow.Label == "" {
		flow.Label = j.reader.label(j.path, labelOfFile(j.path, form))
	}
	if err := tables.CheckLabel(flow.Label); err != nil {
		return flow, err
	}
	if j.reader.readsKeys() {
		err := tables.CheckKey(j.key)
		if err == nil {
			flow.Key = j.key
		}
		if j.reader.KeepKeys {
			return flow, err
		}
	}
	return flow, nil
}

// detach returns packets for the caller of a reader to keep, and the buffer for
// the next flow: it copies the packets of a short flow out of the buffer, and gives
// those of a long one away with it, so that they are not in memory twice.
func detach(packets, buffer []Packet) (kept, next []Packet) {
	if len(packets) < 1<<12 {
		return append([]Packet{}, packets...), buffer
	}
	return packets, nil
}

// dropEmpty drops packets without payload in place; the time before one goes
// to the packet after it.
func dropEmpty(packets []Packet) []Packet {
	kept := packets[:0]
	waited := 0.0
	for _, p := range packets {
		waited += p.IAT
		if p.Length == 0 {
			continue
		}
		p.IAT = waited
		waited = 0
		kept = append(kept, p)
	}
	if len(kept) > 0 {
		kept[0].IAT = 0
	}
	return kept
}

// mirageName is the name of a MIRAGE file: the time of capture, the app's
// package, the data set.
var mirageName = regexp.MustCompile(`^\d+_(.+?)_(?i:mirage)[-_]?\d{4}`)

// labelOfFile gives the label rule for flows whose file names none.
func labelOfFile(path string, form jsonForm) string {
	if form == mirageFlow {
		if m := mirageName.FindStringSubmatch(filepath.Base(path)); m != nil {
			return m[1]
		}
		return LabelFromFile
	}
	return LabelFromFolder
}
