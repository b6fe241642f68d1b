package capture

import (
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

// maxFrame is the largest captured length that is believed, bytes: libpcap's
// own bound (MAXIMUM_SNAPLEN). A larger one is a damaged length field.
const maxFrame = 1 << 18

// Magic numbers, as a big-endian reader sees them.
const (
	magicMicro  = 0xa1b2c3d4
	magicNano   = 0xa1b23c4d
	magicBlocks = 0x0a0d0d0a // pcapng's section header: the same in both byte orders
)

// Is reports whether a file that starts with head is a capture that Open reads.
func Is(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
		switch order.Uint32(head) {
		case magicMicro, magicNano, magicBlocks:
			return true
		}
	}
	return false
}

// Open reads the header of a capture, pcap or pcapng, and returns the reader of
// its frames.
func Open(r io.Reader) (Frames, error) {
	w := window.New(r)
	head, err := w.Take(4)
	if err != nil {
		return nil, errors.New("too short for a capture")
	}
	magic := binary.BigEndian.Uint32(head)
	if magic == magicBlocks {
		return openBlocks(w)
	}
	var order binary.ByteOrder = binary.BigEndian
	if magic != magicMicro && magic != magicNano {
		order, magic = binary.LittleEndian, binary.LittleEndian.Uint32(head)
	}
	if magic != magicMicro && magic != magicNano {
		return nil, fmt.Errorf("not a pcap or pcapng capture (starts with %q)", head)
	}
	return openPcap(w, order, magic == magicNano)
}

// pcapFrames reads the classic pcap format.
type pcapFrames struct {
	w     *window.Window
	order binary.ByteOrder
	unit  int64 // nanoseconds a tick of the time stamp's lower half
	link  uint32
}

func openPcap(w *window.Window, order binary.ByteOrder, nano bool) (*pcapFrames, error) {
	head, err := w.Take(20)
	if err != nil {
		return nil, errors.New("the pcap file ends within its header")
	}
	if major := order.Uint16(head); major != 2 {
		return nil, fmt.Errorf("pcap version %d.%d, want 2", major, order.Uint16(head[2:]))
	}
	p := &pcapFrames{w: w, order: order, unit: 1000}
	if nano {
		p.unit = 1
	}
	// The upper bits hold the length of the frame check sequence.
	p.link = order.Uint32(head[16:]) & 0x03ffffff
	return p, nil
}

func (p *pcapFrames) Next(f *Frame) error {
	at := p.w.Offset
	head, err := p.w.Take(16)
	if err == io.EOF {
		return err
	}
	if err != nil {
		return cutShort(err, at, "the file ends within a packet's header")
	}
	seconds, ticks := p.order.Uint32(head), p.order.Uint32(head[4:])
	captured, length := p.order.Uint32(head[8:]), p.order.Uint32(head[12:])
	if captured > maxFrame {
		return &Damage{Offset: at, What: fmt.Sprintf("a packet claims %d captured bytes", captured)}
	}
	f.Link, f.Timed = p.link, true
	f.Time = int64(seconds)*1e9 + int64(ticks)*p.unit
	f.Length = int(max(captured, length))
	if f.Data, err = p.w.Take(int(captured)); err != nil {
		return cutShort(err, at, "the file ends within a packet")
	}
	return nil
}

// cutShort turns an end of the file where more should stand into Damage.
func cutShort(err error, at int64, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Damage{Offset: at, What: what}
	}
	return err
}
