package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/window"
)

// pcapFrames reads the classic pcap format and its variants.
type pcapFrames struct {
	w       *window.Window
	order   binary.ByteOrder
	head    int   // length of a packet's header, bytes
	unit    int64 // nanoseconds a tick of the time stamp's lower half
	link    uint32
	swapped bool   // the two lengths may have changed places
	remark  string // about the file, or ""
}

// A packet's header has 16 bytes. Patches of 1999 to libpcap, which some systems
// shipped for years, put the interface, protocol and kind of packet behind them: 24
// bytes in all, or 28, under a magic number of their own and, at first, under the
// ordinary one. Nokia's firewalls add 4 bytes. Nothing in the file's header tells
// these from each other, so the packets must.
var (
	ordinaryHeads = []int{16, 24, 20}
	modifiedHeads = []int{24, 28}
)

// inspected is how many of a file's first bytes are looked at before the first
// packet is read, to find out what the header does not say.
const inspected = 1 << 17

func openPcap(w *window.Window, order binary.ByteOrder, magic uint32) (*pcapFrames, error) {
	header, err := w.Take(20)
	if err != nil {
		return nil, errors.New("the pcap file ends within its header")
	}
	major, minor := order.Uint16(header), order.Uint16(header[2:])
	if major != 2 {
		return nil, fmt.Errorf("pcap version %d.%d, want 2", major, minor)
	}
	const lengthsInOrder = 4 // since version 2.4
	p := &pcapFrames{w: w, order: order, head: 16, unit: 1000, swapped: minor < lengthsInOrder}
	// The upper bits hold the length of the frame check sequence.
	p.link = order.Uint32(header[16:]) & 0x03ffffff
	first, err := w.Peek(inspected)
	whole := err != nil // there is no more than this
	switch magic {
	case magicNano:
		p.unit = 1
		return p, nil
	case magicModified:
		p.head = p.findHead(modifiedHeads, first, whole)
	default:
		p.head = p.findHead(ordinaryHeads, first, whole)
	}
	if p.isNano(first) {
		p.unit = 1
		p.remark = "its header says microseconds, its packets have nanoseconds: read as those"
	}
	return p, nil
}

// lengths returns how many bytes of a packet were captured and how many it had.
func (p *pcapFrames) lengths(header []byte) (captured, length uint32) {
	captured, length = p.order.Uint32(header[8:]), p.order.Uint32(header[12:])
	if p.swapped {
		captured, length = min(captured, length), max(captured, length)
	}
	return captured, length
}

// findHead returns the first of the lengths of packets' headers under which the
// first packets of a file make sense, or the first of all. whole says that b is
// all of the file. A file of one packet is as the first says: cut off, it may make
// sense in two ways.
func (p *pcapFrames) findHead(heads []int, b []byte, whole bool) int {
	for i, n := range heads {
		if packets, sense := p.makesSense(n, b, whole); sense && (i == 0 || packets > 1) {
			return n
		}
	}
	return heads[0]
}

// makesSense reports whether the first packets at b do, where each has a header of n
// bytes, and how many it has seen.
func (p *pcapFrames) makesSense(n int, b []byte, whole bool) (packets int, sense bool) {
	const enough, second, longest = 4, 1_000_000_000, 1 << 24
	for packets < enough {
		if len(b) < n {
			return packets, !whole || len(b) == 0
		}
		captured, length := p.lengths(b)
		if captured > maxFrame || length > longest || p.order.Uint32(b[4:]) >= second {
			return packets, false
		}
		if uint64(len(b)) < uint64(n)+uint64(captured) {
			return packets, !whole
		}
		packets++
		b = b[n+int(captured):]
	}
	return packets, true
}

// isNano reports whether most packets at b have a time stamp that can only be
// nanoseconds. Read as microseconds, times go back at every second.
func (p *pcapFrames) isNano(b []byte) bool {
	const microseconds, nanoseconds = 1_000_000, 1_000_000_000
	packets, nano := 0, 0
	for len(b) >= p.head {
		ticks := p.order.Uint32(b[4:])
		captured, _ := p.lengths(b)
		if ticks >= nanoseconds || captured > maxFrame {
			break
		}
		packets++
		if ticks >= microseconds {
			nano++
		}
		b = b[min(p.head+int(captured), len(b)):]
	}
	return nano > 0 && 2*nano >= packets
}

func (p *pcapFrames) Next(f *Frame) error {
	at := p.w.Offset
	header, err := p.w.Take(p.head)
	if err == io.EOF {
		return err
	}
	if err != nil {
		return cutShort(err, at, "the file ends within a packet's header")
	}
	seconds, ticks := p.order.Uint32(header), p.order.Uint32(header[4:])
	captured, length := p.order.Uint32(header[8:]), p.order.Uint32(header[12:])
	if p.swapped {
		captured, length = min(captured, length), max(captured, length)
	}
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

func (p *pcapFrames) remarks() []string {
	if p.remark == "" {
		return nil
	}
	return []string{p.remark}
}
