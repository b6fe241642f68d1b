package capture

import (
	"cmp"
	"encoding/binary"
	"net/netip"
)

// Lengths of the headers that PacketMaker writes, bytes; of TCP, without options.
const (
	IPv4Head = 20
	IPv6Head = 40
	TCPHead  = 20
	UDPHead  = 8
)

// Flags of TCP, for PacketMaker.Segment.
const (
	FIN = 0x01
	SYN = 0x02
	RST = 0x04
	PSH = 0x08
	ACK = 0x10
)

const etherHead = 14

// Peer is one end of a flow that is being written.
type Peer struct {
	Addr netip.Addr
	Port uint16
	MAC  [6]byte
	Seq  uint32 // TCP: number of the next byte it sends
	ID   uint16 // IPv4: identification of its next packet
	Owed int    // TCP: segments received and not yet acknowledged
	TTL  uint8  // time to live, or hop limit; 0 means 64
}

// TCPHeader is what a segment holds beside its ports and payload.
type TCPHeader struct {
	Seq, Ack uint32
	Flags    byte
	Window   uint16 // as it stands in the header
	Options  []byte // a multiple of 4 bytes, at most 40
}

// PacketMaker builds Ethernet frames in one buffer.
type PacketMaker struct {
	frame   []byte
	options [8]byte
}

// Segment returns a TCP segment from one end to the other, valid until the
// next frame is made. The payload is zeros. A segment with SYN carries the
// options that make large windows possible.
func (m *PacketMaker) Segment(from, to *Peer, flags byte, payload, mss int) []byte {
	h := TCPHeader{Seq: from.Seq, Flags: flags, Window: 65535}
	if flags&ACK != 0 {
		h.Ack = to.Seq
		from.Owed = 0
	}
	if flags&SYN != 0 {
		// Maximum segment size; window scale 7, so 8 MB; padding.
		h.Options = binary.BigEndian.AppendUint16(append(m.options[:0], 2, 4), uint16(min(mss, 65535)))
		h.Options = append(h.Options, 3, 3, 7, 1)
	}
	b, _ := m.tcp(from, to, h, payload)
	finishTCP(from, to, b)
	from.Seq += uint32(payload)
	if flags&(SYN|FIN) != 0 {
		from.Seq++
	}
	if payload > 0 {
		to.Owed++
	}
	return m.frame
}

// TCP returns a TCP segment from one end to the other, valid until the next frame
// is made. It counts neither bytes nor segments: Seq and Owed of the ends stay.
func (m *PacketMaker) TCP(from, to *Peer, h TCPHeader, payload []byte) []byte {
	b, body := m.tcp(from, to, h, len(payload))
	copy(body, payload)
	finishTCP(from, to, b)
	return m.frame
}

// tcp writes a segment but for its payload and checksum.
func (m *PacketMaker) tcp(from, to *Peer, h TCPHeader, payload int) (segment, body []byte) {
	head := TCPHead + len(h.Options)
	b := m.ip(from, to, protoTCP, head+payload)
	binary.BigEndian.PutUint16(b, from.Port)
	binary.BigEndian.PutUint16(b[2:], to.Port)
	binary.BigEndian.PutUint32(b[4:], h.Seq)
	binary.BigEndian.PutUint32(b[8:], h.Ack)
	b[12], b[13] = byte(head)/4<<4, h.Flags
	binary.BigEndian.PutUint16(b[14:], h.Window)
	copy(b[TCPHead:], h.Options)
	return b, b[head:]
}

func finishTCP(from, to *Peer, b []byte) {
	binary.BigEndian.PutUint16(b[16:], checksum(b, pseudoHeader(from.Addr, to.Addr, protoTCP, len(b))))
}

// Datagram returns a UDP datagram, valid until the next frame is made. The
// payload is zeros.
func (m *PacketMaker) Datagram(from, to *Peer, payload int) []byte {
	return m.udp(from, to, m.ip(from, to, protoUDP, UDPHead+payload))
}

// UDP is Datagram of that payload.
func (m *PacketMaker) UDP(from, to *Peer, payload []byte) []byte {
	b := m.ip(from, to, protoUDP, UDPHead+len(payload))
	copy(b[UDPHead:], payload)
	return m.udp(from, to, b)
}

// udp writes the header of a datagram.
func (m *PacketMaker) udp(from, to *Peer, b []byte) []byte {
	binary.BigEndian.PutUint16(b, from.Port)
	binary.BigEndian.PutUint16(b[2:], to.Port)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	sum := checksum(b, pseudoHeader(from.Addr, to.Addr, protoUDP, len(b)))
	if sum == 0 { // which would mean: none
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return m.frame
}

// ip writes the Ethernet and IP headers of a packet that carries size bytes,
// and returns those, zeroed.
func (m *PacketMaker) ip(from, to *Peer, protocol byte, size int) []byte {
	head := IPv4Head
	if from.Addr.Is6() {
		head = IPv6Head
	}
	total := etherHead + head + size
	if cap(m.frame) < total {
		m.frame = make([]byte, total)
	}
	m.frame = m.frame[:total]
	clear(m.frame)
	copy(m.frame, to.MAC[:])
	copy(m.frame[6:], from.MAC[:])
	b := m.frame[etherHead:]
	source, target := from.Addr.AsSlice(), to.Addr.AsSlice()
	if head == IPv6Head {
		binary.BigEndian.PutUint16(m.frame[12:], etherIPv6)
		b[0] = 6 << 4
		binary.BigEndian.PutUint16(b[4:], uint16(size))
		b[6], b[7] = protocol, cmp.Or(from.TTL, 64)
		copy(b[8:], source)
		copy(b[24:], target)
		return b[IPv6Head:]
	}
	binary.BigEndian.PutUint16(m.frame[12:], etherIPv4)
	b[0] = 4<<4 | IPv4Head/4
	binary.BigEndian.PutUint16(b[2:], uint16(IPv4Head+size))
	binary.BigEndian.PutUint16(b[4:], from.ID)
	from.ID++
	b[6] = 0x40 // don't fragment
	b[8], b[9] = cmp.Or(from.TTL, 64), protocol
	copy(b[12:], source)
	copy(b[16:], target)
	binary.BigEndian.PutUint16(b[10:], checksum(b[:IPv4Head], 0))
	return b[IPv4Head:]
}

// pseudoHeader sums what TCP's and UDP's checksums cover beside the segment.
func pseudoHeader(from, to netip.Addr, protocol byte, size int) uint32 {
	sum := uint32(protocol) + uint32(size)
	for _, addr := range []netip.Addr{from, to} {
		b := addr.As16()
		part := b[:]
		if addr.Is4() {
			part = b[12:]
		}
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	return sum
}

// checksum is the Internet checksum of b (RFC 1071), on top of sum.
func checksum(b []byte, sum uint32) uint16 {
	for len(b) >= 2 {
		sum += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
