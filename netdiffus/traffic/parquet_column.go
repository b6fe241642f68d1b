package traffic

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// leaf is a column as the file stores it: under the lists and groups that the
// writer made of it, one column of values.
type leaf struct {
	name     string
	column   *parquet.Column
	kind     parquet.Kind
	unsigned bool

	// Definition levels: a value that is there has maxDef, a row with a list
	// that is not null has at least entryDef−1, with at least one entry entryDef.
	maxDef, entryDef int
}

// newLeaf finds the values of a top-level column: lists of numbers, or one
// string a row.
func newLeaf(column *parquet.Column, list bool) (*leaf, error) {
	l := &leaf{name: column.Name()}
	want := "a string a row"
	if list {
		want = "a list of numbers a row"
	}
	repeated := 0
	for c := column; ; c = c.Columns()[0] {
		if c.Optional() || c.Repeated() {
			l.maxDef++
		}
		if c.Repeated() {
			repeated++
			l.entryDef = l.maxDef
		}
		if c.Leaf() {
			l.column = c
			break
		}
		if len(c.Columns()) != 1 {
			return nil, fmt.Errorf("column %s is a group of %d columns, want %s", l.name, len(c.Columns()), want)
		}
	}
	l.kind = l.column.Type().Kind()
	ok := l.kind == parquet.ByteArray && repeated == 0
	if list {
		ok = repeated == 1 && l.isNumber()
	}
	if !ok {
		return nil, fmt.Errorf("column %s holds %s, want %s", l.name, l.describe(repeated), want)
	}
	if err := checkCodec(l.name, l.column); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *leaf) describe(repeated int) string {
	what := l.column.Type().String()
	switch repeated {
	case 0:
		return "one " + what + " a row"
	case 1:
		return "lists of " + what
	default:
		return "nested lists of " + what
	}
}

// isNumber reports whether the column holds plain numbers: no decimals, dates
// or times, which are integers too.
func (l *leaf) isNumber() bool {
	switch l.kind {
	case parquet.Boolean:
		return l.name == "DIR"
	case parquet.Float, parquet.Double:
		return true
	case parquet.Int32, parquet.Int64:
		logical := l.column.Type().LogicalType()
		if logical == nil {
			return true
		}
		integer, ok := logical.Value.(*format.IntType)
		l.unsigned = ok && !integer.IsSigned
		return ok
	}
	return false
}

// number returns a value of the column.
func (l *leaf) number(v parquet.Value) float64 {
	switch l.kind {
	case parquet.Int32:
		if l.unsigned {
			return float64(v.Uint32())
		}
		return float64(v.Int32())
	case parquet.Int64:
		if l.unsigned {
			return float64(v.Uint64())
		}
		return float64(v.Int64())
	case parquet.Float:
		return float64(v.Float())
	case parquet.Double:
		return v.Double()
	}
	if v.Boolean() {
		return 1
	}
	return 0
}

// cursor goes through the values of a leaf in one row group.
type cursor struct {
	leaf   *leaf
	guard  *pageGuard
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer []parquet.Value
	i, n   int // buffer[i:n] are to come
}

func newCursor(in io.ReaderAt, file *parquet.File, index int, group parquet.RowGroup, l *leaf) (*cursor, error) {
	c := &cursor{leaf: l, buffer: make([]parquet.Value, 1024)}
	err := safely(func() (err error) {
		if c.guard, err = newPageGuard(in, file, index, l); err == nil {
			c.pages = group.ColumnChunks()[l.column.Index()].Pages()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", l.name, err)
	}
	return c, nil
}

func (c *cursor) close() {
	c.guard.close()
	// What a panic in the reading left behind may panic again.
	safely(func() error {
		parquet.Release(c.page)
		return c.pages.Close()
	})
}

// peek returns the value to come; io.EOF at the end.
func (c *cursor) peek() (*parquet.Value, error) {
	if c.i == c.n {
		if err := safely(c.fill); err != nil {
			return nil, err
		}
	}
	return &c.buffer[c.i], nil
}

// fill reads more values into the empty buffer. Values of strings point into
// the page, which is therefore kept until the next.
func (c *cursor) fill() error {
	for {
		if c.values != nil {
			n, err := c.values.ReadValues(c.buffer)
			if n > 0 {
				c.i, c.n = 0, n
				return nil
			}
			if err != nil && err != io.EOF {
				return err
			}
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		}
		if err := c.guard.next(); err != nil {
			return err
		}
		page, err := c.pages.ReadPage()
		if err != nil {
			return err
		}
		c.page, c.values = page, page.Values()
	}
}

// list appends the numbers of the next row to dst.
func (c *cursor) list(dst []float64) ([]float64, error) {
	v, err := c.peek()
	if err != nil {
		return dst, err
	}
	if v.RepetitionLevel() != 0 {
		return dst, errors.New("damaged Parquet data: the first value of a row continues the row before")
	}
	if d := v.DefinitionLevel(); d < c.leaf.entryDef {
		c.i++
		if d < c.leaf.entryDef-1 {
			return dst, errors.New("null instead of a list")
		}
		return dst, nil
	}
	for {
		if v.DefinitionLevel() < c.leaf.maxDef {
			return dst, fmt.Errorf("null at place %d of the list", len(dst))
		}
		if len(dst) == maxPackets {
			return dst, fmt.Errorf("more than %d packets", maxPackets)
		}
		dst = append(dst, c.leaf.number(*v))
		c.i++
		v, err = c.peek()
		if err == io.EOF || err == nil && v.RepetitionLevel() == 0 {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// bytes returns the string of the next row; it is good until the next call.
func (c *cursor) bytes() ([]byte, error) {
	v, err := c.peek()
	if err != nil {
		return nil, err
	}
	if v.IsNull() {
		return nil, errors.New("null, want a string")
	}
	c.i++
	return v.ByteArray(), nil
}

// text returns the key of the next row, "" for null.
func (c *cursor) text() (string, error) {
	v, err := c.peek()
	if err != nil {
		return "", err
	}
	c.i++
	if v.IsNull() {
		return "", nil
	}
	s := string(v.ByteArray()[:min(len(v.ByteArray()), maxKey+1)])
	return s, checkKey(s)
}
