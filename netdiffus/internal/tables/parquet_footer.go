package tables

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of a file's footer. Footers take some 100 bytes a column chunk.
const (
	maxFooter    = 1 << 24 // bytes
	maxElements  = 1 << 20 // structs in its lists: columns, row groups, statistics
	maxSchema    = 10_000  // columns and groups of columns
	maxNesting   = 64
	schemaInFile = 2 // FileMetaData's field "schema"
)

// checkFooter walks over the footer, a Thrift struct in the compact protocol,
// and refuses one with lists longer than their bytes: the Parquet package
// makes room for a list before it reads its first element.
func checkFooter(in io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errors.New("too short for a Parquet file")
	}
	if _, err := in.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	if magic := string(tail[4:]); magic != "PAR1" {
		return fmt.Errorf("the file ends with %q, want \"PAR1\": it is cut short or damaged", magic)
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > size-12 || n > maxFooter {
		return fmt.Errorf("damaged Parquet data: a footer of %d bytes in a file of %d (at most %d are read)", n, size, maxFooter)
	}
	data := make([]byte, n)
	if _, err := in.ReadAt(data, size-8-n); err != nil {
		return err
	}
	w := thriftWalk{data: data}
	if err := w.structure(0); err != nil {
		return fmt.Errorf("damaged Parquet data: footer: %w", err)
	}
	return nil
}

// thriftWalk steps over values of the compact protocol, see
// thrift/doc/specs/thrift-compact-protocol.md.
type thriftWalk struct {
	data     []byte
	elements int
}

// Types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI8     = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12
	thriftUUID   = 13
)

var errThriftEnd = errors.New("it ends inside a value")

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(len(w.data)) {
		return errThriftEnd
	}
	w.data = w.data[n:]
	return nil
}

func (w *thriftWalk) byte() (byte, error) {
	if len(w.data) == 0 {
		return 0, errThriftEnd
	}
	b := w.data[0]
	w.data = w.data[1:]
	return b, nil
}

func (w *thriftWalk) varint() (uint64, error) {
	u, n := binary.Uvarint(w.data)
	if n <= 0 {
		return 0, errThriftEnd
	}
	w.data = w.data[n:]
	return u, nil
}

func (w *thriftWalk) structure(depth int) error {
	if depth > maxNesting {
		return errors.New("nested too deep")
	}
	field := int64(0)
	for {
		b, err := w.byte()
		if err != nil || b == 0 {
			return err
		}
		if delta := b >> 4; delta != 0 {
			field += int64(delta)
		} else {
			u, err := w.varint()
			if err != nil {
				return err
			}
			field = int64(u>>1) ^ -int64(u&1)
		}
		kind := b & 15
		if kind == thriftTrue || kind == thriftFalse {
			continue // the value is in the type
		}
		before := len(w.data)
		if depth == 0 && field == schemaInFile && kind == thriftList {
			if n, err := (&thriftWalk{data: w.data}).listSize(); err != nil || n > maxSchema {
				return fmt.Errorf("a schema of %d columns, want at most %d", n, maxSchema)
			}
		}
		if err := w.value(kind, depth); err != nil {
			if depth > 0 { // the outermost says where
				return err
			}
			return fmt.Errorf("%d bytes before its end: %w", before, err)
		}
	}
}

func (w *thriftWalk) value(kind byte, depth int) error {
	switch kind {
	case thriftTrue, thriftFalse, thriftI8: // in a list a boolean takes a byte
		return w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := w.varint()
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftUUID:
		return w.skip(16)
	case thriftBinary:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftList, thriftSet:
		return w.list(depth)
	case thriftStruct:
		return w.structure(depth + 1)
	}
	return fmt.Errorf("a value of unknown type %d", kind) // maps: Parquet has none
}

// listSize reads the head of a list as far as its length.
func (w *thriftWalk) listSize() (uint64, error) {
	b, err := w.byte()
	if err != nil {
		return 0, err
	}
	if n := uint64(b >> 4); n < 15 {
		return n, nil
	}
	return w.varint()
}

func (w *thriftWalk) list(depth int) error {
	if depth > maxNesting {
		return errors.New("nested too deep")
	}
	if len(w.data) == 0 {
		return errThriftEnd
	}
	kind := w.data[0] & 15
	n, err := w.listSize()
	if err != nil {
		return err
	}
	if n > uint64(len(w.data)) { // an element takes a byte or more
		return fmt.Errorf("a list of %d in %d bytes", n, len(w.data))
	}
	if kind == thriftStruct {
		if w.elements += int(n); w.elements > maxElements {
			return fmt.Errorf("more than %d columns, row groups and statistics", maxElements)
		}
	}
	for range n {
		if err := w.value(kind, depth+1); err != nil {
			return err
		}
	}
	return nil
}
