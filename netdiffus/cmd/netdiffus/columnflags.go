package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// columnFlags are the flags that name the columns of tables, in all verbs that read
// flows. Their names of before, --csv-length and so on, are aliases.
type columnFlags struct {
	columns         traffic.Columns
	unit, delimiter string
}

func (f *columnFlags) register(flags *pflag.FlagSet) {
	c := &f.columns
	flags.StringVar(&c.Length, "col-length", "", "tables: column of payload lengths, bytes: a list, in CSV also a packet's, or the start of one column a packet's names (default: PL, or as a known tool names it)")
	flags.StringVar(&c.Dir, "col-dir", "", "tables: column of directions, 0 upstream and 1 downstream, or 1 upstream and -1 downstream (default: DIR, or the lengths' signs)")
	flags.StringVar(&c.IAT, "col-iat", "", "tables: column of inter-arrival times (default: IAT)")
	flags.StringVar(&f.unit, "iat-unit", "", "tables: unit of --col-iat: s, ms, us or ns (default: us, or a known tool's)")
	flags.StringVar(&c.Label, "col-label", "", "tables: column of labels (default: LABEL)")
	flags.StringVar(&c.Key, "col-key", "", "tables: column of addresses and ports (default: KEY)")
	flags.StringVar(&c.Flow, "col-flow", "", "CSV of one row a packet: column that identifies the flow (default: flow or flow_id)")
	flags.StringVar(&f.delimiter, "csv-delimiter", "", "CSV: delimiter of the cells, such as ';' or tab (default: detected)")
}

// iatUnits are the words of --iat-unit.
var iatUnits = map[string]time.Duration{"": 0, "s": time.Second, "ms": time.Millisecond, "us": time.Microsecond, "µs": time.Microsecond, "ns": time.Nanosecond}

// apply sets the reader's columns. Its errors are of usage.
func (f *columnFlags) apply(r *traffic.Reader) error {
	unit, known := iatUnits[f.unit]
	if !known {
		return fmt.Errorf("--iat-unit %q: want s, ms, us or ns", f.unit)
	}
	r.Columns = f.columns
	r.Columns.IATUnit = unit
	switch f.delimiter {
	case "":
	case "tab", `\t`:
		r.Delimiter = '\t'
	default:
		delimiter, n := utf8.DecodeRuneInString(f.delimiter)
		if n != len(f.delimiter) || strings.ContainsRune("\"\r\n\ufffd", delimiter) {
			return fmt.Errorf("--csv-delimiter %q: want one character, or tab", f.delimiter)
		}
		r.Delimiter = delimiter
	}
	return nil
}

// check returns an error of usage, if there is any.
func (f *columnFlags) check() error { return f.apply(&traffic.Reader{}) }

// reader returns a reader of files with these columns; the flags were checked.
func (f *columnFlags) reader(stderr io.Writer) traffic.Reader {
	r := traffic.Reader{Recognized: recognizedTo(stderr)}
	if err := f.apply(&r); err != nil {
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
