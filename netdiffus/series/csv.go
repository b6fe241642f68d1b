package series

import (
	"encoding/csv"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// csvTable reads the series of a CSV file.
type csvTable struct {
	*shaper
	roles
	comma    rune
	rows     *csv.Reader
	row      []string // just read, valid until the next
	headless bool     // the first row is data
	channels []channel
	lists    bool // a cell holds all bins of a channel
}

// csv reads a CSV file.
func (s *shaper) csv(f *unpack.File) error {
	delimiters := tables.Delimiters
	if s.Delimiter != 0 {
		delimiters = []rune{s.Delimiter}
	}
	var failed error
	best, most := csvTable{}, 0
	for _, comma := range delimiters {
		t := csvTable{shaper: s, comma: comma}
		if err := f.Rewind(); err != nil {
			return err
		}
		rows, header, err := tables.NewCSV(f, comma)
		if err != nil {
			failed = err
			continue
		}
		t.rows = rows
		if len(header) > most {
			best, most = t, len(header)
			best.names = header
		}
	}
	if most == 0 || most == 1 && failed != nil {
		return failed
	}
	// Again, from the start, by the delimiter that gives most cells.
	if err := f.Rewind(); err != nil {
		return err
	}
	rows, header, err := tables.NewCSV(f, best.comma)
	if err != nil {
		return err
	}
	best.rows, best.names = rows, header
	return best.read(f)
}

// read reads the rows. The first one has been read.
func (t *csvTable) read(f *unpack.File) error {
	first := t.names
	if t.headless = noHeader(first); t.headless {
		t.names = namesFor(len(first))
		if err := f.Rewind(); err != nil {
			return err
		}
		var err error
		if t.rows, _, err = tables.NewCSV(f, t.comma); err != nil {
			return err
		}
		t.row = first
	} else if err := t.next(); err != nil && err != io.EOF {
		return err
	} else if err == io.EOF {
		return errors.New("no row but that of the columns' names")
	}
	var err error
	if t.roles, err = t.Columns.findRoles(t.names); err != nil {
		return err
	}
	t.channels, err = t.Columns.findChannels(t.roles, func(i int) bool {
		return i < len(t.row) && (isNumber(t.row[i]) || isList(t.row[i]) || tables.IsMissing(t.row[i]))
	})
	if err != nil {
		return err
	}
	if len(t.channels) == 0 {
		return noChannels(t.names)
	}
	if err := checkWidths(t.channels); err != nil {
		return err
	}
	one := len(t.channels[0].columns) == 1
	if i := t.channels[0].columns[0]; one && i < len(t.row) && isList(t.row[i]) {
		t.lists = true
	}
	if one && !t.lists {
		return t.long()
	}
	what := fmt.Sprintf("of %d bins", len(t.channels[0].columns))
	if t.lists {
		what = "in lists"
	}
	t.recognized("a series a row, %s: %s", what, strings.Join(channelNames(t.channels), ", "))
	for {
		out, err := t.wide()
		if err != nil {
			return err
		}
		if err := t.add(t.place(), out); err != nil {
			return err
		}
		if err := t.next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// next reads a row into t.row.
func (t *csvTable) next() error {
	row, err := t.rows.Read()
	if err != nil {
		return err
	}
	t.row = row
	if len(row) > len(t.names) {
		return t.errorf(len(t.names), "%d cells, where the first row has %d", len(row), len(t.names))
	}
	return nil
}

// place is where the row just read stands.
func (t *csvTable) place() string {
	line, _ := t.rows.FieldPos(0)
	return fmt.Sprintf("line %d", line)
}

// errorf returns an error with the place of a cell of the row just read.
func (t *csvTable) errorf(cell int, format string, args ...any) error {
	at := max(0, min(cell, len(t.row)-1))
	line, _ := t.rows.FieldPos(at)
	name := ""
	if cell < len(t.names) && !t.headless {
		name = " (" + t.names[cell] + ")"
	}
	return fmt.Errorf("line %d, column %d%s: %w", line, at+1, name, fmt.Errorf(format, args...))
}

// cell returns a cell's text, "" where the row or the column has none.
func (t *csvTable) cell(i int) string {
	if i < 0 || i >= len(t.row) {
		return ""
	}
	return t.row[i]
}

// number reads a cell, NaN where it is empty.
func (t *csvTable) number(i int) (float64, error) {
	text := t.cell(i)
	if tables.IsMissing(text) {
		return math.NaN(), nil
	}
	v, err := t.parse(text)
	if err != nil {
		return 0, t.errorf(i, "%w", err)
	}
	return v, nil
}

// parse reads a number. Where the delimiter is a semicolon, a decimal comma is one.
func (t *csvTable) parse(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if t.comma == ';' && strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		text = strings.Replace(text, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && math.IsInf(v, 0):
		return 0, fmt.Errorf("%.40s is beyond what a number holds: want finite ones", text)
	case err != nil:
		return 0, fmt.Errorf("%.40q is not a number", text)
	}
	return v, nil
}

// wide reads a row that is a series.
func (t *csvTable) wide() (out Series, err error) {
	if out, err = t.head(); err != nil {
		return out, err
	}
	out.Channels = channelNames(t.channels)
	for _, c := range t.channels {
		var values []float64
		if t.lists {
			values, err = t.list(c.columns[0])
		} else {
			values = make([]float64, len(c.columns))
			for bin, i := range c.columns {
				if values[bin], err = t.number(i); err != nil {
					return out, err
				}
			}
		}
		if err != nil {
			return out, err
		}
		out.Values = append(out.Values, values)
	}
	return out, nil
}

// head reads what a row holds besides its values.
func (t *csvTable) head() (out Series, err error) {
	out.Label, out.Trace = strings.Clone(t.cell(t.label)), strings.Clone(t.cell(t.trace))
	if text := t.cell(t.step); text != "" {
		seconds, err := t.parse(text)
		if err == nil {
			out.Step, err = stepOf(seconds)
		}
		if err != nil {
			return out, t.errorf(t.step, "%w", err)
		}
	}
	if out.Start, err = parseStart(t.cell(t.start)); err != nil {
		return out, t.errorf(t.start, "%w", err)
	}
	return out, nil
}

// list reads a list in a cell.
func (t *csvTable) list(i int) (values []float64, err error) {
	text := t.cell(i)
	if err := tables.CheckList(text); err != nil {
		return nil, t.errorf(i, "%w", err)
	}
	for word := range strings.FieldsFuncSeq(text, tables.IsListMark) {
		v := math.NaN()
		if !tables.IsMissing(word) && word != "None" {
			if v, err = t.parse(word); err != nil {
				return nil, t.errorf(i, "%w", err)
			}
		}
		if len(values) == tables.MaxTextNumbers {
			return nil, t.errorf(i, "more than %d numbers", tables.MaxTextNumbers)
		}
		values = append(values, v)
	}
	return values, nil
}

// long reads rows that are bins: those of a trace stand together.
func (t *csvTable) long() error {
	names := strings.Join(channelNames(t.channels), ", ")
	switch {
	case t.trace >= 0:
		t.recognized("a bin a row, of traces by the column %s: %s", t.names[t.trace], names)
	default:
		t.recognized("a bin a row, one series a file: %s", names)
	}
	b := binRows{csvTable: t, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
	for {
		if err := b.add(); err != nil {
			return err
		}
		if err := t.next(); err == io.EOF {
			return b.finish()
		} else if err != nil {
			return err
		}
	}
}

// binRows puts rows of a bin each together to series.
type binRows struct {
	*csvTable
	current *Series
	id      string
	place   string // of its first row
	times   []float64
	seed    maphash.Seed
	seen    map[uint64]struct{} // traces that have ended; so many at most
}

// maxSeen bounds how many traces are remembered, to find one that comes back.
const maxSeen = 1 << 20

// add adds the row just read.
func (b *binRows) add() error {
	id := b.cell(b.trace) + "\x00" + b.cell(b.label)
	if b.current == nil || id != b.id {
		if err := b.finish(); err != nil {
			return err
		}
		hash := maphash.String(b.seed, id)
		if _, again := b.seen[hash]; again {
			return b.errorf(b.trace, "trace %q comes back after another one: sort the file by trace and time", b.cell(b.trace))
		}
		if len(b.seen) < maxSeen {
			b.seen[hash] = struct{}{}
		}
		head, err := b.head()
		if err != nil {
			return err
		}
		head.Channels, head.Values = channelNames(b.channels), make([][]float64, len(b.channels))
		b.current, b.id, b.place, b.times = &head, strings.Clone(id), b.csvTable.place(), b.times[:0]
	}
	if b.time >= 0 {
		at, err := b.moment()
		if err != nil {
			return err
		}
		if n := len(b.times); n > 0 && !(at > b.times[n-1]) {
			return b.errorf(b.time, "the time %s does not come after that of the row before: sort the file by trace and time", b.cell(b.time))
		}
		b.times = append(b.times, at)
	}
	for i, c := range b.channels {
		v, err := b.number(c.columns[0])
		if err != nil {
			return err
		}
		if len(b.current.Values[i]) == tables.MaxTextNumbers {
			return b.errorf(c.columns[0], "more than %d bins", tables.MaxTextNumbers)
		}
		b.current.Values[i] = append(b.current.Values[i], v)
	}
	return nil
}

// moment reads the row's time, in seconds since the series' start.
func (b *binRows) moment() (float64, error) {
	text := strings.TrimSpace(b.cell(b.time))
	if v, err := b.parse(text); err == nil {
		if v < 0 {
			return 0, b.errorf(b.time, "a time of %v, want 0 or more", v)
		}
		unit := b.Columns.TimeUnit
		if unit == 0 {
			unit = time.Second
		}
		return v * unit.Seconds(), nil
	}
	at, err := parseStart(text)
	if err != nil || at.IsZero() {
		return 0, b.errorf(b.time, "%.40q is neither a number nor a time", text)
	}
	if b.current.Start.IsZero() {
		b.current.Start = at
	}
	return at.Sub(b.current.Start).Seconds(), nil
}

// finish passes on the series under way.
func (b *binRows) finish() error {
	if b.current == nil {
		return nil
	}
	out := *b.current
	b.current = nil
	if out.Trace == "" {
		out.Trace = b.stem()
	}
	if len(b.times) > 1 {
		if err := b.space(&out); err != nil {
			return fmt.Errorf("%s: the series that begins here: %w", b.place, err)
		}
	}
	return b.csvTable.add(b.place, out)
}

// space finds the step of the times and leaves gaps where rows are missing.
func (b *binRows) space(out *Series) error {
	step := math.Inf(1)
	for i := 1; i < len(b.times); i++ {
		step = min(step, b.times[i]-b.times[i-1])
	}
	place := func(i int) float64 { return (b.times[i] - b.times[0]) / step }
	// The mean step is nearer to the truth than the smallest of rounded times.
	last := math.Round(place(len(b.times) - 1))
	if last >= tables.MaxTextNumbers {
		return fmt.Errorf("a gap: %.3g steps of %.3g s between its first row and its last, for %d rows", last, step, len(b.times))
	}
	step = (b.times[len(b.times)-1] - b.times[0]) / last
	bins := int(last) + 1
	even := bins == len(b.times)
	for c, values := range out.Values {
		spaced := values
		if !even {
			spaced = nans(bins)
		}
		for i, v := range values {
			at := place(i)
			if math.Abs(at-math.Round(at)) > 0.1 || int(math.Round(at)) >= bins {
				return fmt.Errorf("uneven times: %.6g s from the row before at row %d of it, with steps of %.6g s", b.times[i]-b.times[max(i-1, 0)], i, step)
			}
			spaced[int(math.Round(at))] = v
		}
		out.Values[c] = spaced
	}
	if strings.EqualFold(strings.TrimSpace(b.names[b.time]), "bin") && b.Columns.TimeUnit == 0 {
		return nil // numbers of bins, not of seconds
	}
	var err error
	out.Step, err = stepOf(step)
	return err
}

// noHeader reports whether a first row is data: numbers, and not the numbers of
// columns.
func noHeader(row []string) bool {
	counting := len(row) > 1
	for i, cell := range row {
		if !isNumber(cell) {
			return false
		}
		v, _ := strconv.ParseFloat(strings.TrimSpace(cell), 64)
		counting = counting && v == float64(i)
	}
	return !counting || len(row) == 2
}

// namesFor names the columns of a table without a header: one is of values, two of
// times and values, and more are the bins of a row.
func namesFor(n int) []string {
	switch n {
	case 1:
		return []string{"value"}
	case 2:
		return []string{"time", "value"}
	}
	names := make([]string, n)
	for i := range names {
		names[i] = "value_" + strconv.Itoa(i)
	}
	return names
}

func isNumber(cell string) bool {
	cell = strings.TrimSpace(cell)
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return true
	}
	_, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64)
	return err == nil
}

func isList(cell string) bool {
	cell = strings.TrimSpace(cell)
	return strings.HasPrefix(cell, "[") || strings.HasPrefix(cell, "(")
}
