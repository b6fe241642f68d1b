package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/flowflags"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// columnFlags are the flags that name the columns of tables, in all verbs that read
// flows. Their names of before, --csv-length and so on, are aliases.
type columnFlags struct{ flowflags.Columns }

// check returns an error of usage, if there is any.
func (f *columnFlags) check() error { return f.Apply(&traffic.Reader{}) }

// reader returns a reader of files with these columns; the flags were checked.
func (f *columnFlags) reader(stderr io.Writer) traffic.Reader {
	r := traffic.Reader{Recognized: recognizedTo(stderr)}
	if err := f.Apply(&r); err != nil {
		panic(err)
	}
	return r
}

// withColumns reads a file by the reader, which may name columns. Where the file has no
// such columns it is read as the library writes it: the columns that are named may be
// those of another file, which this one is compared with or lends its times to.
func withColumns(reader traffic.Reader, read func(traffic.Reader) error) error {
	err := read(reader)
	if errors.Is(err, traffic.ErrNoColumn) && reader.Columns != (traffic.Columns{}) {
		plain := reader
		plain.Columns = traffic.Columns{}
		if read(plain) == nil {
			return nil
		}
	}
	return withColumnHint(err)
}

// given reports whether any of the flags is set.
func (f *columnFlags) given() bool { return *f != columnFlags{} }

// withColumnHint adds to an error of a missing column the flags that name columns.
func withColumnHint(err error) error {
	if errors.Is(err, traffic.ErrNoColumn) {
		return fmt.Errorf("%w (--col-length and the other --col flags name columns)", err)
	}
	return err
}
