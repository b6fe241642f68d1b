package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/window"
)

// Damage is the warning about a capture that breaks off or stops making sense:
// the flows of everything before the offset were read all the same.
type Damage struct {
	Path   string // of the file, "" where Read was given a stream
	Offset int64  // of the first byte that could not be used, from the file's start
	What   string // "the file ends within a packet"
}

func (d *Damage) Error() string {
	return fmt.Sprintf("capture: %s: byte %d: %s; kept the packets before it", d.Path, d.Offset, d.What)
}

// Frame is one captured packet, from the link layer's header on.
type Frame struct {
	Link   uint32 // link-layer type (LINKTYPE_, tcpdump.org/linktypes.html)
	Time   int64  // nanoseconds since 1970
	Timed  bool   // the file holds the time of capture
	Data   []byte // the captured bytes, valid until the next frame is read
	Length int    // bytes it had on the wire
}

// Frames reads the frames of a capture file one after another. At the end of
// the file Next returns io.EOF, and *Damage where the file cannot be read on.
type Frames interface {
	Next(*Frame) error
}

// remarker is a Frames that has something to say about its file, once frames were
// read.
type remarker interface{ remarks() []string }

// maxFrame is the largest captured length that is believed, bytes: libpcap's
// own bound (MAXIMUM_SNAPLEN). A larger one is a damaged length field.
const maxFrame = 1 << 18

// Magic numbers, as a big-endian reader sees them.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // Kuznetzov's patches to libpcap, of 1999
	magicBlocks   = 0x0a0d0d0a // pcapng's section header: the same in both byte orders
	magicSnoop    = "snoop\x00\x00\x00"
)

// Is reports whether a file that starts with head is a capture that Open reads.
func Is(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
		switch order.Uint32(head) {
		case magicMicro, magicNano, magicModified, magicBlocks:
			return true
		}
	}
	return bytes.HasPrefix(head, []byte(magicSnoop))
}

// Open reads the header of a capture, pcap, pcapng or snoop, and returns the reader
// of its frames.
func Open(r io.Reader) (Frames, error) {
	w := window.New(r)
	head, err := w.Take(4)
	if err != nil {
		return nil, errors.New("too short for a capture")
	}
	first := [4]byte(head)
	switch magic := binary.BigEndian.Uint32(head); magic {
	case magicBlocks:
		return openBlocks(w)
	case binary.BigEndian.Uint32([]byte(magicSnoop)):
		return openSnoop(w)
	case magicMicro, magicNano, magicModified:
		return openPcap(w, binary.BigEndian, magic)
	}
	switch magic := binary.LittleEndian.Uint32(head); magic {
	case magicMicro, magicNano, magicModified:
		return openPcap(w, binary.LittleEndian, magic)
	}
	return nil, fmt.Errorf("not a pcap, pcapng or snoop capture (starts with %q)", first)
}

// cutShort turns an end of the file where more should stand into Damage.
func cutShort(err error, at int64, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Damage{Offset: at, What: what}
	}
	return err
}
