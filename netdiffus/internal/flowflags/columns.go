package flowflags

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Columns are the flags that name the columns of tables.
type Columns struct {
	Names           traffic.Columns
	Unit, Delimiter string
}

// Register adds the flags.
func (f *Columns) Register(flags *pflag.FlagSet) {
	c := &f.Names
	flags.StringVar(&c.Length, "col-length", "", "tables: column of payload lengths, bytes: a list, in CSV also a packet's, or the start of one column a packet's names (default: PL, or as a known tool names it)")
	flags.StringVar(&c.Dir, "col-dir", "", "tables: column of directions, 0 upstream and 1 downstream, or 1 upstream and -1 downstream (default: DIR, or the lengths' signs)")
	flags.StringVar(&c.IAT, "col-iat", "", "tables: column of inter-arrival times (default: IAT)")
	flags.StringVar(&f.Unit, "iat-unit", "", "tables: unit of --col-iat: s, ms, us or ns (default: us, or a known tool's)")
	flags.StringVar(&c.Label, "col-label", "", "tables: column of labels (default: LABEL)")
	flags.StringVar(&c.Key, "col-key", "", "tables: column of addresses and ports (default: KEY)")
	flags.StringVar(&c.Flow, "col-flow", "", "CSV of one row a packet: column that identifies the flow (default: flow or flow_id)")
	flags.StringVar(&f.Delimiter, "csv-delimiter", "", "CSV: delimiter of the cells, such as ';' or tab (default: detected)")
}

// Units are the words for units of time.
var Units = map[string]time.Duration{"": 0, "s": time.Second, "ms": time.Millisecond, "us": time.Microsecond, "µs": time.Microsecond, "ns": time.Nanosecond}

// Apply sets the reader's columns. Its errors are of usage.
func (f *Columns) Apply(r *traffic.Reader) error {
	unit, known := Units[f.Unit]
	if !known {
		return fmt.Errorf("--iat-unit %q: want s, ms, us or ns", f.Unit)
	}
	r.Columns = f.Names
	r.Columns.IATUnit = unit
	switch f.Delimiter {
	case "":
	case "tab", `\t`:
		r.Delimiter = '\t'
	default:
		delimiter, n := utf8.DecodeRuneInString(f.Delimiter)
		if n != len(f.Delimiter) || strings.ContainsRune("\"\r\n\ufffd", delimiter) {
			return fmt.Errorf("--csv-delimiter %q: want one character, or tab", f.Delimiter)
		}
		r.Delimiter = delimiter
	}
	return nil
}
