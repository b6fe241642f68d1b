package series

import (
	"io"
	"iter"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// groupNumbers is how many numbers a row group of Parquet holds.
const groupNumbers = 1 << 21

func writeParquet(out io.Writer, all iter.Seq2[Series, error], run string) error {
	var w *parquet.GenericWriter[any]
	var columns []string // in the schema's order
	inGroup := 0
	err := checked(all, func(n int, s Series) error {
		if n == 0 {
			schema := schemaOf(s)
			for _, c := range schema.Columns() {
				columns = append(columns, c[0])
			}
			w = parquet.NewGenericWriter[any](out, schema, parquet.Compression(&zstd.Codec{}), parquet.CreatedBy("netdiffus", "1", "go"), tables.OfRun(run))
		}
		row := rowOf(s, columns)
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			return err
		}
		if inGroup += len(row); inGroup >= groupNumbers {
			inGroup = 0
			return w.Flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// schemaOf is the schema of series like s.
func schemaOf(s Series) *parquet.Schema {
	group := parquet.Group{"label": parquet.Encoded(parquet.String(), &parquet.RLEDictionary)}
	for _, channel := range s.Channels {
		group[channel] = parquet.List(parquet.Leaf(parquet.DoubleType))
	}
	for _, name := range extraOf(s).names() {
		group[name] = parquet.String()
		if name == "step" {
			group[name] = parquet.Leaf(parquet.DoubleType)
		}
	}
	return parquet.NewSchema("series", group)
}

// rowOf is a series' row.
func rowOf(s Series, columns []string) (row parquet.Row) {
	for at, name := range columns {
		if i := slices.Index(s.Channels, name); i >= 0 {
			for bin, v := range s.Values[i] {
				row = append(row, parquet.DoubleValue(v).Level(min(bin, 1), 1, at))
			}
			continue
		}
		var v parquet.Value
		switch name {
		case "label":
			v = parquet.ByteArrayValue([]byte(s.Label))
		case "trace":
			v = parquet.ByteArrayValue([]byte(s.Trace))
		case "step":
			v = parquet.DoubleValue(s.Step.Seconds())
		case "start":
			v = parquet.ByteArrayValue([]byte(startText(s)))
		}
		row = append(row, v.Level(0, 0, at))
	}
	return row
}
