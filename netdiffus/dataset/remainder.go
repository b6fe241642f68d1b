package dataset

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// remainder is what an image does not hold of the packets that it shows. All
// layouts store it, each in its way.
type remainder struct {
	length int // how many packets there are; -1 unknown
	// zeroDown are the places of packets of 0 bytes that went downstream, where
	// the only direction in the image is a length's sign: such a length restores
	// as upstream.
	zeroDown []int
	// trace is a number that the windows of one trace share, so that they stay together
	// where a set is divided; 0 for a record that is a trace of its own.
	trace int
}

// traceNumber is the number of a class's trace, 0 where it has no name. It is a hash, so
// that no table of all traces grows; two in 2³¹ traces may share one, which keeps them
// together for nothing.
func traceNumber(class, trace string) int {
	if trace == "" {
		return 0
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s", class, trace)
	return int(h.Sum64()>>1) | 1
}

// remainderOf returns what the encoding's images do not hold of packets.
func (e *Encoding) remainderOf(packets []traffic.Packet) remainder {
	m := remainder{length: len(packets)}
	if e.direction || !e.Holds(traffic.FieldDir) {
		return m
	}
	for i, p := range packets {
		if p.Length == 0 && p.Dir == traffic.Down {
			m.zeroDown = append(m.zeroDown, i)
		}
	}
	return m
}

// restore completes packets that an image showed.
func (m remainder) restore(p []traffic.Packet) {
	for _, i := range m.zeroDown {
		p[i].Dir = traffic.Down
	}
}

// check reports a remainder that no image of so many packets has.
func (m remainder) check(seriesLength int) error {
	if m.length > seriesLength {
		return fmt.Errorf("%d packets, want at most %d", m.length, seriesLength)
	}
	for _, place := range m.zeroDown {
		if place < 0 || place >= m.length {
			return fmt.Errorf("packet %d of %d", place, m.length)
		}
	}
	return nil
}

// setRemainder stores m for image i, whose length is in its place.
func (s *Set) setRemainder(i int, m remainder) {
	s.SeriesLengths[i] = m.length
	if m.trace != 0 {
		s.traces = append(s.traces, make([]int, max(0, i+1-len(s.traces)))...)
		s.traces[i] = m.trace
	}
	if len(m.zeroDown) == 0 {
		return
	}
	if s.zeroDown == nil {
		s.zeroDown = map[int][]int{}
	}
	s.zeroDown[i] = m.zeroDown
}

// remainder returns what is known of image i's.
func (s *Set) remainder(i int) remainder {
	if s.SeriesLengths == nil {
		return remainder{length: -1}
	}
	return remainder{s.SeriesLengths[i], s.zeroDown[i], s.trace(i)}
}

// trace is the number of image i's trace.
func (s *Set) trace(i int) int {
	if i < len(s.traces) {
		return s.traces[i]
	}
	return 0
}

// arrays are the remainder in a file of its own image.
func (m remainder) arrays() []npz.Named {
	var out []npz.Named
	if m.length >= 0 {
		out = append(out, npz.Named{Name: "length", Array: npz.New([]int64{int64(m.length)}, []int{}...)})
	}
	if len(m.zeroDown) > 0 {
		places := make([]int64, len(m.zeroDown))
		for i, place := range m.zeroDown {
			places[i] = int64(place)
		}
		out = append(out, npz.Named{Name: "zero_down", Array: npz.New(places)})
	}
	if m.trace != 0 {
		out = append(out, npz.Named{Name: "trace", Array: npz.New([]int64{int64(m.trace)}, []int{}...)})
	}
	return out
}

// readRemainder reads what arrays wrote.
func readRemainder(f *npz.File) (remainder, error) {
	m := remainder{length: -1}
	if err := checkNames(f, "length", "zero_down"); err != nil {
		return m, err
	}
	if f.Has("length") {
		lengths, err := readInts(f, "length")
		if err != nil {
			return m, err
		}
		if len(lengths) != 1 || lengths[0] < 0 || lengths[0] > maxLength {
			return m, fmt.Errorf("length: want one number of packets, got %.4v", lengths)
		}
		m.length = lengths[0]
	}
	if f.Has("trace") {
		traces, err := readInts(f, "trace")
		if err != nil {
			return m, err
		}
		if len(traces) != 1 {
			return m, fmt.Errorf("trace: want one number, got %d", len(traces))
		}
		m.trace = traces[0]
	}
	var err error
	if f.Has("zero_down") {
		m.zeroDown, err = readInts(f, "zero_down")
	}
	return m, err
}

// fields are the remainder in a row of a table.
func (m remainder) fields() (packets, zeroDown, trace string) {
	if m.length >= 0 {
		packets = strconv.Itoa(m.length)
	}
	if m.trace != 0 {
		trace = strconv.Itoa(m.trace)
	}
	return packets, strings.Trim(fmt.Sprint(m.zeroDown), "[]"), trace
}

// parseRemainder reads what fields returned.
func parseRemainder(packets, zeroDown, trace string) (remainder, error) {
	m := remainder{length: -1}
	if packets == "" {
		return m, nil
	}
	var err error
	if trace != "" {
		if m.trace, err = strconv.Atoi(trace); err != nil {
			return m, fmt.Errorf("trace %q is not a number", trace)
		}
	}
	if m.length, err = strconv.Atoi(packets); err != nil || m.length < 0 || m.length > maxLength {
		return m, fmt.Errorf("%q packets", packets)
	}
	for _, word := range strings.Fields(zeroDown) {
		place, err := strconv.Atoi(word)
		if err != nil {
			return m, fmt.Errorf("zero_down: place %q is not a number", word)
		}
		m.zeroDown = append(m.zeroDown, place)
	}
	return m, nil
}

// columns are the rows and remainders of the images of one file, as it stores
// them behind the images.
type columns struct {
	lengths, rows spool
	zeroDown      []int64 // pairs of image and place
	traces        []int64 // 0 at the end may be left out
}

// newColumns returns those of the file at path.
func newColumns(path string) columns {
	return columns{lengths: spool{path: path + ".lengths"}, rows: spool{path: path + ".rows"}}
}

func (c *columns) add(row int, m remainder) error {
	for _, place := range m.zeroDown {
		c.zeroDown = append(c.zeroDown, int64(c.rows.n), int64(place))
	}
	if m.trace != 0 {
		c.traces = append(c.traces, make([]int64, c.rows.n-len(c.traces))...)
		c.traces = append(c.traces, int64(m.trace))
	}
	return errors.Join(c.lengths.add(int64(m.length)), c.rows.add(int64(row)))
}

// write adds the columns to the file; without known, the flows' lengths and rows
// are not.
func (c *columns) write(archive *npz.Writer, known bool) error {
	if known {
		if err := errors.Join(c.lengths.write(archive, "lengths"), c.rows.write(archive, "rows")); err != nil {
			return err
		}
	}
	if len(c.traces) > 0 {
		if err := archive.Add("traces", npz.New(append(c.traces, make([]int64, c.rows.n-len(c.traces))...))); err != nil {
			return err
		}
	}
	if len(c.zeroDown) == 0 {
		return nil
	}
	return archive.Add("zero_down", npz.New(c.zeroDown, len(c.zeroDown)/2, 2))
}

// drop removes what add has put on the disk.
func (c *columns) drop() error { return errors.Join(c.lengths.drop(), c.rows.drop()) }

// columnReader reads what columns.write wrote, the columns of so many images at a time.
type columnReader struct {
	lengths, rows, traces *intReader    // nil where the file has none
	zeroDown              map[int][]int // of all images
	at                    int           // the next image
}

// newColumnReader begins to read those of n images.
func newColumnReader(f *npz.File, n int) (_ *columnReader, err error) {
	if err = checkNames(f, "images", "lengths", "rows", "zero_down"); err != nil {
		return nil, err
	}
	c := &columnReader{}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for _, column := range []struct {
		to  **intReader
		key string
	}{{&c.lengths, "lengths"}, {&c.traces, "traces"}, {&c.rows, "rows"}} {
		if *column.to, err = newIntReader(f, column.key, n); err != nil {
			return nil, err
		}
	}
	if !f.Has("zero_down") {
		return c, nil
	}
	pairs, err := readInts(f, "zero_down")
	if err != nil {
		return nil, err
	}
	if len(pairs)%2 != 0 {
		return nil, errors.New("zero_down: want pairs of image and place")
	}
	c.zeroDown = map[int][]int{}
	for i := 0; i < len(pairs); i += 2 {
		image := pairs[i]
		if image < 0 || image >= n {
			return nil, fmt.Errorf("zero_down: image %d of %d", image, n)
		}
		c.zeroDown[image] = append(c.zeroDown[image], pairs[i+1])
	}
	return c, nil
}

// next reads the columns of the next n images.
func (c *columnReader) next(n int) (out readColumns, err error) {
	out.from, out.zeroDown = c.at, c.zeroDown
	c.at += n
	if out.lengths, err = c.lengths.next(n); err != nil {
		return out, err
	}
	if out.traces, err = c.traces.next(n); err != nil {
		return out, err
	}
	out.rows, err = c.rows.next(n)
	return out, err
}

// rowsRise reports whether no image has a row before that of the one before it, which the
// file is read for once more.
func (c *columnReader) rowsRise() (bool, error) {
	rows, err := newIntReader(c.rows.file, c.rows.key, c.rows.n)
	if err != nil {
		return false, err
	}
	defer rows.close()
	last := math.MinInt
	for {
		some, err := rows.next(readAhead / 8)
		if err != nil || len(some) == 0 {
			return true, err
		}
		for _, row := range some {
			if row < last {
				return false, nil
			}
			last = row
		}
	}
}

func (c *columnReader) close() {
	c.lengths.close()
	c.traces.close()
	c.rows.close()
}

// readColumns are the columns of some images as a file has them.
type readColumns struct {
	lengths, rows, traces []int // nil where the file has none
	zeroDown              map[int][]int
	from                  int // the first one's number in zeroDown
}

// remainder returns image i's.
func (c readColumns) remainder(i int) remainder {
	m := remainder{length: -1, zeroDown: c.zeroDown[c.from+i]}
	if c.traces != nil {
		m.trace = c.traces[i]
	}
	if c.lengths != nil {
		m.length = c.lengths[i]
	}
	return m
}

// intReader reads a column of whole numbers, so many at a time; nil reads none.
type intReader struct {
	file   *npz.File
	key    string
	n      int
	values *npz.RowReader
}

// newIntReader begins to read n whole numbers, or returns nil where the file has none.
func newIntReader(f *npz.File, key string, n int) (*intReader, error) {
	if !f.Has(key) {
		return nil, nil
	}
	values, err := f.RowReader(key)
	if err != nil {
		return nil, err
	}
	if shape := values.Shape(); len(shape) != 1 || shape[0] != n {
		values.Close()
		return nil, fmt.Errorf("%s: shape %v for %d images", key, shape, n)
	}
	return &intReader{f, key, n, values}, nil
}

// next reads the next n numbers, or those that are left.
func (r *intReader) next(n int) ([]int, error) {
	if r == nil {
		return nil, nil
	}
	a, err := r.values.Next(n)
	if err != nil {
		return nil, err
	}
	return ints(a, r.key)
}

func (r *intReader) close() {
	if r != nil {
		r.values.Close()
	}
}

// readInts reads an array of whole numbers.
func readInts(f *npz.File, key string) ([]int, error) {
	a, err := f.Read(key)
	if err != nil {
		return nil, err
	}
	return ints(a, key)
}

// ints are the array's whole numbers.
func ints(a npz.Array, key string) ([]int, error) {
	wide, err := a.Ints()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	out := make([]int, len(wide))
	for i, v := range wide {
		out[i] = int(v)
	}
	return out, nil
}

// checkNames reports an array whose name is but for one character that of one that a flow's
// remainder is in: the sums of a ZIP archive are of what is in its files, and not of their
// names, so that a damaged one would stand for an array that is not there.
func checkNames(f *npz.File, names ...string) error {
	for _, key := range f.Keys() {
		for _, name := range names {
			if oneOff(key, name) || oneOff(key, name+".npy") {
				return fmt.Errorf("array %q: its name is damaged, or it is %q", key, name)
			}
		}
	}
	return nil
}

// oneOff reports whether two words differ in just one byte.
func oneOff(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	differ := 0
	for i := range len(a) {
		if a[i] != b[i] {
			differ++
		}
	}
	return differ == 1
}
