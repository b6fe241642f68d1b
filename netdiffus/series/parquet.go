package series

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// parquetTable reads the series of a Parquet file.
type parquetTable struct {
	*shaper
	*tables.Parquet
	channels [][]*tables.Leaf // by channel: one of lists, or one a bin
	names    []string         // of the channels
	lists    bool
	labels   *tables.Leaf // these may be nil
	traces   *tables.Leaf
	steps    *tables.Leaf
	starts   *tables.Leaf
}

// parquet reads a Parquet file.
func (s *shaper) parquet(f *unpack.File) error {
	p, err := tables.OpenParquet(f)
	if err != nil {
		return err
	}
	defer p.Close()
	t := &parquetTable{shaper: s, Parquet: p}
	if err := t.find(); err != nil {
		return err
	}
	again, err := p.Decompressed(t.leaves())
	if err == nil && again {
		err = t.find()
	}
	if err != nil {
		return err
	}
	what := "in lists"
	if !t.lists {
		what = fmt.Sprintf("of %d bins", len(t.channels[0]))
	}
	t.recognized("a series a row, %s: %s", what, strings.Join(t.names, ", "))
	row, labels := int64(0), tables.Interner{}
	for group, rows := range p.Groups() {
		if err := t.group(group, rows, row, labels); err != nil {
			return err
		}
		row += rows
	}
	return nil
}

// find finds the columns.
func (t *parquetTable) find() error {
	all := t.Parquet.Names()
	r, err := t.Columns.findRoles(all)
	if err != nil {
		return err
	}
	r.time = -1 // no table of a row a bin
	isList := func(i int) bool {
		_, err := t.Column(all[i], tables.NumberLists)
		return err == nil
	}
	channels, err := t.Columns.findChannels(r, isList)
	if err != nil {
		return err
	}
	if len(channels) == 0 {
		return noChannels(all)
	}
	if err := checkWidths(channels); err != nil {
		return err
	}
	t.lists = len(channels[0].columns) == 1
	t.names, t.channels = channelNames(channels), nil
	for _, c := range channels {
		var leaves []*tables.Leaf
		for _, i := range c.columns {
			holds := tables.NumberValues
			if t.lists {
				holds = tables.NumberLists
			}
			l, err := t.Column(all[i], holds)
			if err != nil {
				return err
			}
			leaves = append(leaves, l)
		}
		t.channels = append(t.channels, leaves)
	}
	for _, c := range []struct {
		at    int
		holds tables.Holds
		to    **tables.Leaf
	}{{r.label, tables.LabelValues, &t.labels}, {r.trace, tables.LabelValues, &t.traces}, {r.step, tables.NumberValues, &t.steps}, {r.start, tables.KeyValues, &t.starts}} {
		*c.to = nil
		if c.at >= 0 {
			if *c.to, err = t.Column(all[c.at], c.holds); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaves are the columns that are read.
func (t *parquetTable) leaves() []*tables.Leaf {
	return slices.DeleteFunc(append(slices.Concat(t.channels...), t.labels, t.traces, t.steps, t.starts), func(l *tables.Leaf) bool { return l == nil })
}

// group reads a row group, of so many rows.
func (t *parquetTable) group(group int, rows, first int64, labels tables.Interner) (err error) {
	cursors := map[*tables.Leaf]*tables.Cursor{}
	defer func() {
		for _, c := range cursors {
			c.Close()
		}
	}()
	for _, l := range t.leaves() {
		if cursors[l], err = t.Cursor(group, l); err != nil {
			return fmt.Errorf("row group %d: %w", group, err)
		}
	}
	for row := first; row < first+rows; row++ {
		out, err := t.next(cursors, labels)
		if err == io.EOF {
			err = errors.New("a column ends before this row")
		}
		place := fmt.Sprintf("row %d", row)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		if err := t.add(place, out); err != nil {
			return err
		}
	}
	return nil
}

// next reads a row.
func (t *parquetTable) next(cursors map[*tables.Leaf]*tables.Cursor, labels tables.Interner) (out Series, err error) {
	out.Channels = t.names
	for _, leaves := range t.channels {
		var values []float64
		for _, l := range leaves {
			if t.lists {
				values, err = cursors[l].ListWithGaps(nil)
			} else {
				var v float64
				v, err = cursors[l].Number()
				values = append(values, v)
			}
			if err != nil {
				return out, fmt.Errorf("%s: %w", l.Name, err)
			}
		}
		out.Values = append(out.Values, values)
	}
	if t.labels != nil {
		if out.Label, err = cursors[t.labels].Label(labels); err != nil {
			return out, fmt.Errorf("%s: %w", t.labels.Name, err)
		}
	}
	if t.traces != nil {
		if out.Trace, err = cursors[t.traces].Label(nil); err != nil {
			return out, fmt.Errorf("%s: %w", t.traces.Name, err)
		}
	}
	if t.steps != nil {
		seconds, err := cursors[t.steps].Number()
		if err == nil && !math.IsNaN(seconds) {
			out.Step, err = stepOf(seconds)
		}
		if err != nil {
			return out, fmt.Errorf("%s: %w", t.steps.Name, err)
		}
	}
	if t.starts != nil {
		text, err := cursors[t.starts].Text()
		if err == nil {
			out.Start, err = parseStart(text)
		}
		if err != nil {
			return out, fmt.Errorf("%s: %w", t.starts.Name, err)
		}
	}
	return out, nil
}
