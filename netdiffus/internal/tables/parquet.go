// Package tables reads tables of others, Parquet and CSV, within limits that no
// damaged or hostile file passes: what package traffic and package series share.
package tables

import (
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// IsParquet reports whether a file that begins so is a Parquet file.
func IsParquet(head []byte) bool { return len(head) >= 4 && string(head[:4]) == "PAR1" }

// Parquet is an open Parquet file.
type Parquet struct {
	in    io.ReaderAt
	file  *parquet.File
	spool *os.File // what in reads, where the file itself cannot be
}

// OpenParquet opens a file whose footer is sound.
func OpenParquet(f *unpack.File) (*Parquet, error) {
	in, size, err := f.ReaderAt()
	if err != nil {
		return nil, err
	}
	p := &Parquet{in: in}
	return p, p.open(size)
}

func (p *Parquet) open(size int64) error {
	if err := checkFooter(p.in, size); err != nil {
		return err
	}
	return safely(func() (err error) {
		p.file, err = parquet.OpenFile(p.in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	})
}

// Close removes what was decompressed for the file.
func (p *Parquet) Close() {
	if p.spool != nil {
		unpack.Remove(p.spool)
	}
}

// Rows returns the number of rows.
func (p *Parquet) Rows() int64 { return p.file.NumRows() }

// Names returns the names of the top-level columns, in the file's order.
func (p *Parquet) Names() []string {
	var names []string
	for _, c := range p.file.Root().Columns() {
		names = append(names, c.Name())
	}
	return names
}

// Groups returns the numbers of rows of the row groups.
func (p *Parquet) Groups() []int64 {
	var rows []int64
	for _, g := range p.file.RowGroups() {
		rows = append(rows, g.NumRows())
	}
	return rows
}

// Column finds the values of a top-level column by its name, which must be among
// Names, if it holds what is wanted.
func (p *Parquet) Column(name string, want Holds) (l *Leaf, err error) {
	err = safely(func() (err error) {
		l, err = newLeaf(p.file.Root().Column(name), want)
		return err
	})
	return l, err
}

// Cursor begins to read a column of the row group with that index.
func (p *Parquet) Cursor(group int, l *Leaf) (*Cursor, error) {
	return newCursor(p.in, p.file, group, p.file.RowGroups()[group], l)
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
