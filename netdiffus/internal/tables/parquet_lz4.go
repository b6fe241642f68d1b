package tables

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// parquet-go v0.32.0 reads LZ4_RAW wrongly, without an error, where its codec makes
// a buffer of its own and the page has exactly the length that its header states
// (Column.decompress keeps the first buffer, parquet-go#608). So the columns that
// are read are decompressed here, into a temporary Parquet file without
// compression, which it reads right. With that mended, this file can go.

// usesLZ4 reports whether a column that is read is compressed with LZ4_RAW.
func (p *Parquet) usesLZ4(columns []*Leaf) bool {
	for _, group := range p.file.Metadata().RowGroups {
		for _, l := range columns {
			if group.Columns[l.column.Index()].MetaData.Codec == format.Lz4Raw {
				return true
			}
		}
	}
	return false
}

// Decompressed makes the temporary file and opens it in place of the file, if one of
// the columns needs it. Then columns must be found anew.
func (p *Parquet) Decompressed(columns []*Leaf) (again bool, err error) {
	if !p.usesLZ4(columns) {
		return false, nil
	}
	if p.spool, err = unpack.Spool(); err != nil {
		return false, err
	}
	w := &spoolWriter{out: bufio.NewWriterSize(p.spool, 1<<18)}
	w.write([]byte("PAR1"))
	metadata := p.file.Metadata()
	for i := range metadata.RowGroups {
		for _, l := range columns {
			var chunk *format.ColumnMetaData
			if err := safely(func() error {
				chunk = &metadata.RowGroups[i].Columns[l.column.Index()].MetaData
				return w.writeChunk(p, i, l, chunk)
			}); err != nil {
				return false, fmt.Errorf("column %s: %w", l.Name, err)
			}
		}
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), metadata)
	if err != nil {
		return false, err
	}
	w.write(footer)
	w.write(binary.LittleEndian.AppendUint32(nil, uint32(len(footer))))
	w.write([]byte("PAR1"))
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err != nil {
		return false, w.err
	}
	p.in = p.spool
	return true, p.open(w.size)
}

// spoolWriter writes the temporary file. Its first error stays.
type spoolWriter struct {
	out  *bufio.Writer
	size int64
	err  error
}

func (w *spoolWriter) write(b []byte) {
	if w.size += int64(len(b)); w.err == nil && w.size > unpack.MaxSpooled {
		w.err = errors.New("it takes more than 16 GiB decompressed: split it")
	}
	if w.err == nil {
		_, w.err = w.out.Write(b)
	}
}

// writeChunk writes the pages of a column in a row group decompressed, and changes
// what the footer says of them.
func (w *spoolWriter) writeChunk(p *Parquet, group int, l *Leaf, chunk *format.ColumnMetaData) error {
	g, err := newPageGuard(p.in, p.file, group, l)
	if err != nil {
		return err
	}
	defer g.close()
	start := w.size
	chunk.DataPageOffset, chunk.DictionaryPageOffset, chunk.IndexPageOffset = 0, 0, 0
	for g.at < g.end {
		h, err := g.readPage()
		if err != nil {
			return err
		}
		body, err := g.decompressed(h)
		if err != nil {
			return err
		}
		switch {
		case h.Type == format.DictionaryPage && w.size == start:
			chunk.DictionaryPageOffset = w.size
		case chunk.DataPageOffset == 0 && h.Type != format.DictionaryPage:
			chunk.DataPageOffset = w.size
		}
		h.UncompressedPageSize, h.CompressedPageSize, h.CRC = int32(len(body)), int32(len(body)), 0
		header, err := thrift.Marshal(new(thrift.CompactProtocol), h)
		if err != nil {
			return err
		}
		w.write(header)
		if w.write(body); w.err != nil {
			return w.err
		}
	}
	if chunk.DataPageOffset == 0 { // no page of data
		chunk.DataPageOffset = w.size
	}
	chunk.Codec = format.Uncompressed
	chunk.TotalCompressedSize, chunk.TotalUncompressedSize = w.size-start, w.size-start
	return nil
}

// decompressed returns the page in g.body decompressed, and takes the mark of
// compression out of its header. The levels of a page of version 2 are not
// compressed.
func (g *pageGuard) decompressed(h *format.PageHeader) ([]byte, error) {
	levels := 0
	if v2 := &h.DataPageHeaderV2; h.Type == format.DataPageV2 && v2.Valid {
		if v2.V.IsCompressed.Valid && !v2.V.IsCompressed.V {
			return g.body, nil
		}
		r, d := v2.V.RepetitionLevelsByteLength, v2.V.DefinitionLevelsByteLength
		if r < 0 || d < 0 || int64(r)+int64(d) > int64(len(g.body)) {
			return nil, errors.New("damaged Parquet data: levels longer than their page")
		}
		levels = int(r + d)
		v2.V.IsCompressed = thrift.Null[bool]{Valid: true}
	}
	values, err := g.inflate(g.body[levels:], h.UncompressedPageSize)
	if err != nil {
		return nil, err
	}
	return append(g.body[:levels:levels], values...), nil
}
