package traffic

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// writeCSV writes one row a flow, a list a cell.
func writeCSV(out *atomicfile.File, comma rune, flows iter.Seq2[Flow, error]) error {
	w := csv.NewWriter(out)
	w.Comma = comma
	var row []string
	var cell []byte
	list := func(f Flow, value func([]byte, Packet) []byte) {
		cell = appendList(cell[:0], f.Packets, ", ", value)
		row = append(row, string(cell))
	}
	timed, keyed := false, false
	header := func(f Flow) error {
		timed, keyed = f.Timed, f.Key != ""
		row = append(row[:0], "PL")
		if timed {
			row = append(row, "IAT")
		}
		row = append(row, "DIR", "LABEL")
		if keyed {
			row = append(row, "KEY")
		}
		return w.Write(row)
	}
	some := false
	err := checkedText(flows, func(n int, f Flow) error {
		if !some {
			some = true
			if err := header(f); err != nil {
				return err
			}
		}
		row = row[:0]
		list(f, appendLength)
		if timed {
			list(f, appendIAT)
		}
		list(f, appendDir)
		row = append(row, f.Label)
		if keyed {
			row = append(row, f.Key)
		}
		size := 0
		for _, cell := range row {
			size += len(cell)
		}
		if size > tables.MaxRow-1<<18 { // less the quotation marks of the longest label
			return fmt.Errorf("a row of %d bytes, too long to be read again: write Parquet", size)
		}
		return w.Write(row)
	})
	if err == nil && !some {
		err = header(Flow{})
	}
	if err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// writeJSONLines writes one object a flow.
func writeJSONLines(out *atomicfile.File, flows iter.Seq2[Flow, error]) error {
	var line []byte
	member := func(name string, f Flow, value func([]byte, Packet) []byte) {
		line = append(line, `,"`+name+`":`...)
		line = appendList(line, f.Packets, ",", value)
	}
	keyed := false
	return checkedText(flows, func(n int, f Flow) error {
		if n == 0 {
			keyed = f.Key != ""
		}
		label, err := json.Marshal(f.Label)
		if err != nil {
			return err
		}
		line = append(append(line[:0], `{"LABEL":`...), label...)
		member("PL", f, appendLength)
		if f.Timed {
			member("IAT", f, appendIAT)
		}
		member("DIR", f, appendDir)
		if keyed {
			key, err := json.Marshal(f.Key)
			if err != nil {
				return err
			}
			line = append(append(line, `,"KEY":`...), key...)
		}
		_, err = out.Write(append(line, "}\n"...))
		return err
	})
}

// checkedText is checked for text, which holds shorter flows.
func checkedText(flows iter.Seq2[Flow, error], each func(n int, f Flow) error) error {
	return checked(flows, func(n int, f Flow) error {
		if len(f.Packets) > tables.MaxTextNumbers {
			return fmt.Errorf("%d packets, want at most %d", len(f.Packets), tables.MaxTextNumbers)
		}
		return each(n, f)
	})
}

// appendList appends one value a packet, in brackets.
func appendList(b []byte, packets []Packet, comma string, value func([]byte, Packet) []byte) []byte {
	b = append(b, '[')
	for i, p := range packets {
		if i > 0 {
			b = append(b, comma...)
		}
		b = value(b, p)
	}
	return append(b, ']')
}

func appendLength(b []byte, p Packet) []byte { return strconv.AppendInt(b, int64(p.Length), 10) }
func appendDir(b []byte, p Packet) []byte    { return strconv.AppendInt(b, int64(p.Dir), 10) }

// appendIAT writes the shortest text that reads back as the same number.
func appendIAT(b []byte, p Packet) []byte { return strconv.AppendFloat(b, p.IAT, 'g', -1, 64) }
