package capture

import (
	"encoding/binary"
	"math/bits"
	"time"
)

// duplicateWithin is how far apart in time two captures of one packet may be:
// a mirror port or a second interface adds microseconds. Where packets are not
// numbered, vagueWithin is: programs send a datagram twice on purpose, such as
// SSDP's, some hundred microseconds apart.
const (
	duplicateWithin = int64(time.Millisecond)
	vagueWithin     = int64(100 * time.Microsecond)
)

// recent remembers the packets of the last moment, in a table of bounded size: a
// packet's row follows from its mark, and it takes the place of the row's earliest.
// A row is a cache line.
type recent [1024][4]struct {
	mark uint64
	time int64
}

// repeated reports whether the same packet of flow number was captured a moment
// before, or after in a capture that is not sorted. It remembers the packet.
func (r *recent) repeated(number uint64, s *segment, time int64) bool {
	mark := fold(s.mark^uint64(s.index())<<63, number+1)
	within := duplicateWithin
	if s.vague {
		within = vagueWithin
	}
	row := &r[mark%uint64(len(r))]
	earliest := 0
	for i := range row {
		p := &row[i]
		if p.mark == mark && max(time-p.time, p.time-time) <= within {
			return true
		}
		if p.time < row[earliest].time {
			earliest = i
		}
	}
	row[earliest].mark, row[earliest].time = mark, time
	return false
}

// markTCP returns a number for a packet, from the TCP header at b of head bytes,
// the length of its payload and IPv4's identification. Two packets of one
// biflow and direction have the same number where they are the same packet,
// captured twice. What differs on the way counts for nothing: link layer, tunnel,
// time to live, and the checksum, which a network card may fill in later. A
// packet that is sent again has another identification; where there is none (0,
// IPv6), window and options count too, which hold a time stamp.
func markTCP(b []byte, head, payload int, id uint16) uint64 {
	mark := fold(binary.BigEndian.Uint64(b[4:]), uint64(id)<<48|uint64(b[13])<<40|uint64(payload))
	if id != 0 {
		return mark
	}
	if len(b) >= 16 {
		mark = fold(mark, uint64(binary.BigEndian.Uint16(b[14:])))
	}
	if head = min(head, len(b)); head > 20 {
		mark = markBytes(mark, b[20:head])
	}
	return mark
}

// markUDP is markTCP for a UDP packet, of which b is what was captured of the
// payload. Its first and last bytes stand for all of it: 8, and 64 where there
// is no identification.
func markUDP(b []byte, payload int, id uint16) uint64 {
	mark := fold(uint64(id), uint64(payload))
	b = b[:min(len(b), payload)]
	ends := 8
	if id == 0 {
		ends = 64
	}
	if len(b) > 2*ends {
		mark = markBytes(mark, b[:ends])
		b = b[len(b)-ends:]
	}
	return markBytes(mark, b)
}

func markBytes(mark uint64, b []byte) uint64 {
	for len(b) >= 8 {
		mark = fold(mark, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for _, c := range b {
		mark = fold(mark, uint64(c))
	}
	return mark
}

// fold mixes two numbers into one.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x^0x9e3779b97f4a7c15, y^0xd1b54a32d192ed03)
	return hi ^ lo
}
