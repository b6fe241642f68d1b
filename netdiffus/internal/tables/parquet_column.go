package tables

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Leaf is a column as the file stores it: under the lists and groups that the
// writer made of it, one column of values.
type Leaf struct {
	Name     string
	column   *parquet.Column
	kind     parquet.Kind
	unsigned bool
	text     bool    // a column of lists holds them as texts, "[517, 1460]"
	scale    float64 // what a decimal's whole number is to be divided by; 0: no decimal

	// Definition levels: a value that is there has maxDef, a row with a list
	// that is not null has at least entryDef−1, with at least one entry entryDef.
	// The same holds for the inner lists of a nested one, and outerDef for the
	// outer one.
	maxDef, entryDef, outerDef int
}

// Holds is what a column must hold.
type Holds uint8

const (
	NumberLists    Holds = iota // a list of numbers a row
	DirectionLists              // the same; boolean ones too
	ListLists                   // a list of lists of numbers a row
	LabelValues                 // a string or a whole number a row
	KeyValues                   // a string a row
	NumberValues                // a number a row
)

func (h Holds) String() string {
	return [...]string{"a list of numbers a row", "a list of numbers a row", "a list of lists of numbers a row", "a string or a whole number a row", "a string a row", "a number a row"}[h]
}

// newLeaf finds the values of a top-level column.
func newLeaf(column *parquet.Column, want Holds) (*Leaf, error) {
	l := &Leaf{Name: column.Name()}
	repeated := 0
	for c := column; ; c = c.Columns()[0] {
		if c.Optional() || c.Repeated() {
			l.maxDef++
		}
		if c.Repeated() {
			repeated++
			l.outerDef, l.entryDef = l.entryDef, l.maxDef
		}
		if c.Leaf() {
			l.column = c
			break
		}
		if len(c.Columns()) != 1 {
			return nil, fmt.Errorf("column %s is a group of %d columns, want %v", l.Name, len(c.Columns()), want)
		}
	}
	l.kind = l.column.Type().Kind()
	number := l.isNumber()
	whole := number && l.scale == 0 && (l.kind == parquet.Int32 || l.kind == parquet.Int64)
	text := l.kind == parquet.ByteArray && l.scale == 0
	l.text = text && repeated == 0 && want <= ListLists
	ok := false
	switch want {
	case NumberLists:
		ok = repeated == 1 && number || l.text
	case DirectionLists:
		ok = repeated == 1 && (number || l.kind == parquet.Boolean) || l.text
	case ListLists:
		ok = repeated == 2 && number || l.text
	case LabelValues:
		ok = repeated == 0 && (text || whole)
	case KeyValues:
		ok = repeated == 0 && text
	case NumberValues:
		ok = repeated == 0 && number
	}
	if !ok && want == NumberLists && repeated > 1 {
		return nil, fmt.Errorf("column %s holds %s, want %v: %w", l.Name, l.describe(repeated), want, ErrNested)
	}
	if !ok {
		return nil, fmt.Errorf("column %s holds %s, want %v", l.Name, l.describe(repeated), want)
	}
	if err := checkCodec(l.Name, l.column); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Leaf) describe(repeated int) string {
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

// isNumber reports whether the column holds plain numbers or decimals: no dates or
// times, which are integers too.
func (l *Leaf) isNumber() bool {
	logical := l.column.Type().LogicalType()
	if logical != nil {
		if decimal, ok := logical.Value.(*format.DecimalType); ok && decimal.Scale >= 0 && decimal.Scale <= maxScale {
			l.scale = math.Pow10(int(decimal.Scale))
			return l.kind != parquet.FixedLenByteArray || l.column.Type().Length() <= maxDecimal
		}
	}
	switch l.kind {
	case parquet.Float, parquet.Double:
		return true
	case parquet.Int32, parquet.Int64:
		if logical == nil {
			return true
		}
		integer, ok := logical.Value.(*format.IntType)
		l.unsigned = ok && !integer.IsSigned
		return ok
	}
	return false
}

// Decimals have at most so many digits after the point, and bytes.
const (
	maxScale   = 38
	maxDecimal = 32
)

// number returns a value of the column.
func (l *Leaf) number(v parquet.Value) float64 {
	if l.scale != 0 {
		return l.decimal(v) / l.scale
	}
	switch l.kind {
	case parquet.Int32, parquet.Int64:
		if l.unsigned && l.kind == parquet.Int32 {
			return float64(v.Uint32())
		}
		if l.unsigned {
			return float64(v.Uint64())
		}
		return float64(l.whole(v))
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

func (l *Leaf) whole(v parquet.Value) int64 {
	if l.kind == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

// decimal returns a decimal's whole number: bytes are big-endian, in two's
// complement.
func (l *Leaf) decimal(v parquet.Value) float64 {
	if l.kind == parquet.Int32 || l.kind == parquet.Int64 {
		return float64(l.whole(v))
	}
	b := v.ByteArray()
	if len(b) == 0 || len(b) > maxDecimal {
		return math.NaN()
	}
	n := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 8*uint(len(b))))
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

// Cursor goes through the values of a Leaf in one row group.
type Cursor struct {
	leaf   *Leaf
	guard  *pageGuard
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer []parquet.Value
	i, n   int // buffer[i:n] are to come
}

func newCursor(in io.ReaderAt, file *parquet.File, index int, group parquet.RowGroup, l *Leaf) (*Cursor, error) {
	c := &Cursor{leaf: l, buffer: make([]parquet.Value, 1024)}
	err := safely(func() (err error) {
		if c.guard, err = newPageGuard(in, file, index, l); err == nil {
			c.pages = group.ColumnChunks()[l.column.Index()].Pages()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", l.Name, err)
	}
	return c, nil
}

// Name returns the name of the column.
func (c *Cursor) Name() string { return c.leaf.Name }

// More reports whether there are values left, or what cannot be read.
func (c *Cursor) More() bool {
	_, err := c.peek()
	return err != io.EOF
}

// Close releases what reading takes.
func (c *Cursor) Close() {
	c.guard.close()
	// What a panic in the reading left behind may panic again.
	safely(func() error {
		parquet.Release(c.page)
		return c.pages.Close()
	})
}

// peek returns the value to come; io.EOF at the end.
func (c *Cursor) peek() (*parquet.Value, error) {
	if c.i == c.n {
		if err := safely(c.fill); err != nil {
			return nil, err
		}
	}
	return &c.buffer[c.i], nil
}

// fill reads more values into the empty buffer. Values of strings point into
// the page, which is therefore kept until the next.
func (c *Cursor) fill() error {
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

// Number returns the number of the next row, NaN for null.
func (c *Cursor) Number() (float64, error) {
	v, err := c.peek()
	if err != nil {
		return 0, err
	}
	c.i++
	if v.IsNull() {
		return math.NaN(), nil
	}
	return c.leaf.number(*v), nil
}

// List appends the numbers of the next row to dst.
func (c *Cursor) List(dst []float64) ([]float64, error) { return c.list(dst, false) }

// ListWithGaps is List with NaN for null in it.
func (c *Cursor) ListWithGaps(dst []float64) ([]float64, error) { return c.list(dst, true) }

func (c *Cursor) list(dst []float64, gaps bool) ([]float64, error) {
	v, err := c.peek()
	if err != nil {
		return dst, err
	}
	if c.leaf.text {
		list, err := c.listText(v)
		if err == nil {
			err = EachNumber(list, func(_ int, v float64) error { dst = append(dst, v); return nil })
		}
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
		null := v.DefinitionLevel() < c.leaf.maxDef
		switch {
		case null && !gaps:
			return dst, fmt.Errorf("null at place %d of the list", len(dst))
		case len(dst) == MaxNumbers:
			return dst, fmt.Errorf("more than %d numbers", MaxNumbers)
		case null:
			dst = append(dst, math.NaN())
		default:
			dst = append(dst, c.leaf.number(*v))
		}
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

// listText takes the next row's value, a text that holds a list.
func (c *Cursor) listText(v *parquet.Value) (string, error) {
	c.i++
	switch b := v.ByteArray(); {
	case v.IsNull():
		return "", errors.New("null instead of a list")
	case len(b) > MaxRow:
		return "", fmt.Errorf("a list of more than %d bytes", MaxRow)
	default:
		return string(b), nil
	}
}

// Nested returns the lists of numbers of the next row.
func (c *Cursor) Nested() (lists [][]float64, err error) {
	v, err := c.peek()
	if err != nil {
		return nil, err
	}
	if c.leaf.text {
		list, err := c.listText(v)
		if err != nil {
			return nil, err
		}
		return NestedNumbers(list)
	}
	if v.RepetitionLevel() != 0 {
		return nil, errors.New("damaged Parquet data: the first value of a row continues the row before")
	}
	for total := 0; ; total++ {
		if total == MaxNumbers {
			return lists, fmt.Errorf("more than %d numbers", MaxNumbers)
		}
		d := v.DefinitionLevel()
		if v.RepetitionLevel() < 2 && d >= c.leaf.outerDef {
			lists = append(lists, nil)
		}
		switch {
		case d < c.leaf.outerDef-1, d >= c.leaf.outerDef && d < c.leaf.entryDef-1:
			c.i++
			return lists, errors.New("null instead of a list")
		case d < c.leaf.entryDef: // an empty list
		case d < c.leaf.maxDef:
			return lists, errors.New("null within a list")
		case len(lists) == 0:
			return lists, errors.New("damaged Parquet data: a list without a beginning")
		default:
			lists[len(lists)-1] = append(lists[len(lists)-1], c.leaf.number(*v))
		}
		c.i++
		if v, err = c.peek(); err == io.EOF || err == nil && v.RepetitionLevel() == 0 {
			return lists, nil
		}
		if err != nil {
			return lists, err
		}
	}
}

// Label returns the label of the next row: a string, or a whole number's digits.
func (c *Cursor) Label(known Interner) (string, error) {
	v, err := c.peek()
	if err != nil {
		return "", err
	}
	if v.IsNull() {
		return "", errors.New("null, want a string")
	}
	c.i++
	switch {
	case c.leaf.kind == parquet.ByteArray:
		return known.text(v.ByteArray())
	case c.leaf.unsigned && c.leaf.kind == parquet.Int32:
		return strconv.FormatUint(uint64(v.Uint32()), 10), nil
	case c.leaf.unsigned:
		return strconv.FormatUint(v.Uint64(), 10), nil
	}
	return strconv.FormatInt(c.leaf.whole(*v), 10), nil
}

// Text returns the key of the next row, "" for null.
func (c *Cursor) Text() (string, error) {
	v, err := c.peek()
	if err != nil {
		return "", err
	}
	c.i++
	if v.IsNull() {
		return "", nil
	}
	s := string(v.ByteArray()[:min(len(v.ByteArray()), MaxKey+1)])
	return s, CheckKey(s)
}
