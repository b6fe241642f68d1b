package tracker

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// TensorBoard's files are TFRecords, each of them an Event in protobuf's encoding.
// The numbers below are the fields' in tensorboard/compat/proto: event.proto,
// summary.proto and histogram.proto.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of TFRecords, which must not be that of data with checksums in
// them (tensorflow/core/lib/hash/crc32c.h).
func masked(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}

// appendRecord appends data as a record: its length, the length's checksum, the data,
// and theirs.
func appendRecord(b, data []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b[at:]))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, masked(data))
}

// appendEvent appends a record with the event of a time and a step. field is 3 for the
// version of the file and 5 for a summary.
func appendEvent(b []byte, at time.Time, step int, field protowire.Number, content []byte) []byte {
	var e []byte
	e = appendDouble(e, 1, float64(at.UnixNano())/1e9)
	if step != 0 {
		e = protowire.AppendTag(e, 2, protowire.VarintType)
		e = protowire.AppendVarint(e, uint64(int64(step)))
	}
	return appendRecord(b, appendBytes(e, field, content))
}

// fileVersion is the content of a file's first event.
var fileVersion = []byte("brain.Event:2")

func appendDouble(b []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(v))
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendInt(b []byte, field protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

// appendValue appends a value called tag to a summary; content is its field.
func appendValue(summary []byte, tag string, content []byte) []byte {
	return appendBytes(summary, 1, append(appendBytes(nil, 1, []byte(tag)), content...))
}

// scalar is the content of a number.
func scalar(v float64) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(float32(v)))
}

// picture is the content of an image.
func picture(m Image) []byte {
	const rgba = 4
	b := appendInt(nil, 1, m.Height)
	b = appendInt(b, 2, m.Width)
	b = appendInt(b, 3, rgba)
	return appendBytes(nil, 4, appendBytes(b, 4, m.PNG))
}

// note is the content of a text in Markdown, for TensorBoard's page of texts: a tensor
// of one string with the metadata that choose the page.
func note(text string) (content []byte) {
	const stringType = 7
	tensor := appendInt(nil, 1, stringType)
	tensor = appendBytes(tensor, 2, appendBytes(nil, 2, appendInt(nil, 1, 1))) // of shape [1]
	tensor = appendBytes(tensor, 8, []byte(text))
	metadata := appendBytes(nil, 1, appendBytes(nil, 1, []byte("text")))
	return appendBytes(appendBytes(nil, 9, metadata), 8, tensor)
}

// distribution is the content of a histogram of the finite ones of values; nil where
// there are none.
func distribution(values []float64) []byte {
	counts, edges := binned(values)
	if counts == nil {
		return nil
	}
	var n, sum, squares float64
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range finite(values) {
		n, sum, squares = n+1, sum+v, squares+v*v
		low, high = min(low, v), max(high, v)
	}
	h := appendDouble(nil, 1, low)
	h = appendDouble(h, 2, high)
	h = appendDouble(h, 3, n)
	h = appendDouble(h, 4, sum)
	h = appendDouble(h, 5, squares)
	h = appendBytes(h, 6, doubles(edges[1:]))
	h = appendBytes(h, 7, doubles(counts))
	return appendBytes(nil, 5, h)
}

func doubles(values []float64) (b []byte) {
	for _, v := range values {
		b = protowire.AppendFixed64(b, math.Float64bits(v))
	}
	return b
}
