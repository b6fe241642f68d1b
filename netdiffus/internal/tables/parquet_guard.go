package tables

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// The Parquet package believes the counts and sizes it finds in a page: a few
// damaged bytes make it ask for gigabytes, which no recover catches. A
// pageGuard checks each page first and refuses those whose claims do not
// fit together or go over these limits. Writers keep pages near 1 MiB.
const (
	maxPage       = 1 << 27 // bytes of a page, uncompressed
	maxPageValues = 1 << 25
	maxPageHeader = 1 << 20 // bytes; statistics of long strings are in it
)

// checkCodec refuses a column whose compression cannot be read right.
func checkCodec(name string, c *parquet.Column) error {
	codec := c.Compression()
	if codec == nil {
		return nil
	}
	return checkCompression(name, codec.CompressionCodec())
}

// checkCompression refuses LZ4 as Hadoop frames it, which LZ4_RAW replaced, and LZO.
func checkCompression(name string, codec format.CompressionCodec) error {
	switch codec {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Brotli, format.Zstd, format.Lz4Raw:
		return nil
	}
	return fmt.Errorf("column %s is compressed with %v, which is not read: rewrite the file with snappy or zstd", name, codec)
}

// pageGuard walks over the pages of a column chunk ahead of the reader proper.
type pageGuard struct {
	in       io.ReaderAt
	at, end  int64 // of the chunk's pages to come, in the file
	leaf     *Leaf
	codec    format.CompressionCodec
	protocol thrift.CompactProtocol
	header   []byte
	body     []byte
	inflated []byte
	zstd     *zstd.Decoder // made by the first page that needs it
}

func newPageGuard(in io.ReaderAt, file *parquet.File, group int, l *Leaf) (*pageGuard, error) {
	chunk := file.Metadata().RowGroups[group].Columns[l.column.Index()]
	meta := chunk.MetaData
	if chunk.FilePath != "" {
		return nil, fmt.Errorf("its values are in another file, %q", chunk.FilePath)
	}
	if err := checkCompression(l.Name, meta.Codec); err != nil {
		return nil, err
	}
	start := meta.DataPageOffset
	if meta.DictionaryPageOffset != 0 {
		start = meta.DictionaryPageOffset
	}
	size := meta.TotalCompressedSize
	if start < 0 || size < 0 || start > file.Size() || size > file.Size()-start {
		return nil, fmt.Errorf("damaged Parquet data: its %d bytes at %d are not inside the file of %d", size, start, file.Size())
	}
	return &pageGuard{in: in, at: start, end: start + size, leaf: l, codec: meta.Codec}, nil
}

// next checks the pages up to and with the next one of data.
func (g *pageGuard) next() error {
	for g.at < g.end {
		h, err := g.readPage()
		if err != nil {
			return err
		}
		if err := g.checkPage(h); err != nil {
			return err
		}
		if h.Type != format.DictionaryPage {
			return nil
		}
	}
	return nil
}

// readPage reads the next page into g.body and returns its header.
func (g *pageGuard) readPage() (*format.PageHeader, error) {
	h, err := g.readHeader()
	if err != nil {
		return nil, err
	}
	size := int64(h.CompressedPageSize)
	if size < 0 || size > g.end-g.at {
		return nil, fmt.Errorf("damaged Parquet data: a page of %d bytes where %d are left", size, g.end-g.at)
	}
	if h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPage || size > maxPage {
		return nil, fmt.Errorf("a page of %d bytes, %d uncompressed: want at most %d; rewrite the file with smaller pages", size, h.UncompressedPageSize, maxPage)
	}
	g.body = grow(g.body, int(size))
	if _, err := g.in.ReadAt(g.body, g.at); err != nil {
		return nil, err
	}
	g.at += size
	return h, nil
}

// readHeader decodes the page header at g.at and steps over it. Headers take
// some 50 bytes unless statistics of strings are in them.
func (g *pageGuard) readHeader() (*format.PageHeader, error) {
	for size := int64(512); ; size *= 8 {
		size = min(size, maxPageHeader, g.end-g.at)
		g.header = grow(g.header, int(size))
		if _, err := g.in.ReadAt(g.header, g.at); err != nil {
			return nil, err
		}
		r := g.protocol.NewReaderFromBytes(g.header)
		h := new(format.PageHeader)
		err := thrift.NewDecoder(r).Decode(h)
		if err == nil {
			g.at += int64(r.BytesRead())
			return h, nil
		}
		if size == maxPageHeader || size == g.end-g.at {
			return nil, fmt.Errorf("damaged Parquet data: page header: %w", err)
		}
	}
}

// checkPage checks the page in g.body.
func (g *pageGuard) checkPage(h *format.PageHeader) error {
	size := h.UncompressedPageSize
	switch {
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		return g.checkData(h.DataPageHeader.V, size)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		return g.checkDataV2(h.DataPageHeaderV2.V, size)
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		return g.checkDictionary(h.DictionaryPageHeader.V, size)
	}
	return fmt.Errorf("damaged Parquet data: page of unknown kind %d", h.Type)
}

// checkData checks a page whose levels are compressed with its values, each with
// its length before it.
func (g *pageGuard) checkData(d format.DataPageHeader, size int32) error {
	if err := checkCount(d.NumValues); err != nil {
		return err
	}
	data, err := g.inflate(g.body, size)
	if err != nil {
		return err
	}
	column := g.leaf.column
	if data, err = checkLevels(data, column.MaxRepetitionLevel(), d.RepetitionLevelEncoding, d.NumValues); err != nil {
		return err
	}
	if data, err = checkLevels(data, column.MaxDefinitionLevel(), d.DefinitionLevelEncoding, d.NumValues); err != nil {
		return err
	}
	return checkValues(d.Encoding, data, d.NumValues)
}

// checkLevels checks the levels at the head of data, up to the highest level of
// their column, and returns what follows. A column whose highest level is 0 has
// none.
func checkLevels(data []byte, highest int, encoding format.Encoding, values int32) (rest []byte, err error) {
	if highest == 0 {
		return data, nil
	}
	if encoding != format.RLE {
		return nil, fmt.Errorf("levels encoded with %v, want RLE: rewrite the file", encoding)
	}
	runs, rest, err := cut(data)
	if err != nil {
		return nil, err
	}
	return rest, checkRuns(runs, bits.Len(uint(highest)), values)
}

// checkDataV2 checks a page whose levels stand uncompressed before its values,
// their lengths in the header.
func (g *pageGuard) checkDataV2(d format.DataPageHeaderV2, size int32) error {
	if err := checkCount(d.NumValues); err != nil {
		return err
	}
	data := g.body
	r, e := int64(d.RepetitionLevelsByteLength), int64(d.DefinitionLevelsByteLength)
	if r < 0 || e < 0 || r+e > int64(len(data)) || d.NumNulls < 0 || d.NumNulls > d.NumValues || d.NumRows < 0 || d.NumRows > d.NumValues {
		return errors.New("damaged Parquet data: the page header's counts do not fit the page")
	}
	if err := checkRuns(data[:r], bits.Len(uint(g.leaf.column.MaxRepetitionLevel())), d.NumValues); err != nil {
		return err
	}
	if err := checkRuns(data[r:r+e], bits.Len(uint(g.leaf.column.MaxDefinitionLevel())), d.NumValues); err != nil {
		return err
	}
	data = data[r+e:]
	if !d.IsCompressed.Valid || d.IsCompressed.V {
		var err error
		if data, err = g.inflate(data, size); err != nil {
			return err
		}
	}
	return checkValues(d.Encoding, data, d.NumValues)
}

func (g *pageGuard) checkDictionary(d format.DictionaryPageHeader, size int32) error {
	if err := checkCount(d.NumValues); err != nil {
		return err
	}
	//lint:ignore SA1019 deprecated to write, and still what files hold
	if d.Encoding != format.Plain && d.Encoding != format.PlainDictionary {
		return fmt.Errorf("damaged Parquet data: a dictionary encoded with %v", d.Encoding)
	}
	data, err := g.inflate(g.body, size)
	if err != nil {
		return err
	}
	if int64(d.NumValues) > 8*int64(len(data)) { // a value takes a bit (boolean) or more
		return fmt.Errorf("damaged Parquet data: a dictionary of %d values in %d bytes", d.NumValues, len(data))
	}
	return nil
}

func checkCount(values int32) error {
	if values < 0 || values > maxPageValues {
		return fmt.Errorf("a page of %d values: want at most %d; rewrite the file with smaller pages", values, maxPageValues)
	}
	return nil
}

// checkValues checks the counts that the encodings repeat inside the data.
func checkValues(e format.Encoding, data []byte, values int32) error {
	switch e {
	case format.Plain, format.ByteStreamSplit:
		return nil
	//lint:ignore SA1019 deprecated to write, and still what files hold
	case format.PlainDictionary, format.RLEDictionary:
		if len(data) == 0 {
			return nil // a page of nulls
		}
		return checkRuns(data[1:], int(data[0]), values)
	case format.RLE: // of booleans
		runs, _, err := cut(data)
		if err != nil {
			return err
		}
		return checkRuns(runs, 1, values)
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		return checkDelta(data, values)
	}
	return fmt.Errorf("values encoded with %v, which is not read: rewrite the file with its writer's default encodings", e)
}

// cut takes a block with its length before it (4 bytes, little endian) off data.
func cut(data []byte) (block, rest []byte, err error) {
	if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
		return nil, nil, errors.New("damaged Parquet data: a block is longer than its page")
	}
	n := 4 + int(binary.LittleEndian.Uint32(data))
	return data[4:n], data[n:], nil
}

// checkRuns checks that runs of the RLE/bit-packed hybrid hold no more values
// than the page, save the filling of the last group of bit-packed ones.
func checkRuns(data []byte, width int, values int32) error {
	total := uint64(0)
	for len(data) > 0 {
		u, n := binary.Uvarint(data)
		if n <= 0 {
			return errors.New("damaged Parquet data: broken run length")
		}
		data = data[n:]
		count, skip := u>>1, uint64(width+7)/8
		if u&1 != 0 {
			if count > maxPageValues {
				return errors.New("damaged Parquet data: a run longer than any page")
			}
			skip = count * uint64(width) // bytes: groups of 8 values
			count *= 8
		}
		if total += count; count > maxPageValues || total > uint64(values)+512 {
			return fmt.Errorf("damaged Parquet data: runs of more values than the page's %d", values)
		}
		data = data[min(skip, uint64(len(data))):]
	}
	return nil
}

// checkDelta checks the head of delta-encoded integers: block size, miniblocks,
// number of values.
func checkDelta(data []byte, values int32) error {
	var total uint64
	for range 3 {
		u, n := binary.Uvarint(data)
		if n <= 0 {
			return errors.New("damaged Parquet data: broken delta header")
		}
		total, data = u, data[n:]
	}
	if total > uint64(values) {
		return fmt.Errorf("damaged Parquet data: %d delta values in a page of %d", total, values)
	}
	return nil
}

// inflate decompresses a page into a buffer of the guard, size bytes or less.
func (g *pageGuard) inflate(data []byte, size int32) (out []byte, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("damaged Parquet data: decompressing: %w", err)
		}
	}()
	switch g.codec {
	case format.Snappy:
		n, err := snappy.DecodedLen(data)
		if err != nil {
			return nil, err
		}
		if n > int(size) {
			return nil, errTooLong
		}
		g.inflated = grow(g.inflated, n)
		return snappy.Decode(g.inflated, data)
	case format.Zstd:
		return g.inflateZstd(data, size)
	case format.Lz4Raw:
		g.inflated = grow(g.inflated, int(size))
		n, err := lz4.UncompressBlock(data, g.inflated)
		return g.inflated[:max(n, 0)], err
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return g.readAll(z, size)
	case format.Brotli:
		return g.readAll(brotli.NewReader(bytes.NewReader(data)), size)
	}
	return data, nil
}

var errTooLong = errors.New("more bytes than in the page header")

func (g *pageGuard) inflateZstd(data []byte, size int32) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(data); err != nil {
		return nil, err
	}
	if h.HasFCS && h.FrameContentSize > uint64(size) || h.WindowSize > maxPage {
		return nil, errTooLong
	}
	if g.zstd == nil {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderMaxWindow(maxPage))
		if err != nil {
			return nil, err
		}
		g.zstd = z
	}
	if err := g.zstd.Reset(bytes.NewReader(data)); err != nil {
		return nil, err
	}
	return g.readAll(g.zstd, size)
}

func (g *pageGuard) close() {
	if g.zstd != nil {
		g.zstd.Close()
	}
}

// readAll reads r to its end, which must come within size bytes.
func (g *pageGuard) readAll(r io.Reader, size int32) ([]byte, error) {
	g.inflated = grow(g.inflated, int(size)+1)
	n, err := io.ReadFull(r, g.inflated)
	switch {
	case err == nil:
		return nil, errTooLong
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, err
	}
	return g.inflated[:n], nil
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
