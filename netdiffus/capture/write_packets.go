package capture

import (
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
}

// PacketMaker builds Ethernet frames in one buffer.
type PacketMaker struct {
	frame []byte
}

// Segment returns a TCP segment from one end to the other, valid until the
// next frame is made. The payload is zeros. A segment with SYN carries the
// options that make large windows possible.
func (m *PacketMaker) Segment(from, to *Peer, flags byte, payload, mss int) []byte {
	options := 0
	if flags&SYN != 0 {
		options = 8
	}
	b := m.ip(from, to, protoTCP, TCPHead+options+payload)
	binary.BigEndian.PutUint16(b, from.Port)
	binary.BigEndian.PutUint16(b[2:], to.Port)
	binary.BigEndian.PutUint32(b[4:], from.Seq)
	if flags&ACK != 0 {
		binary.BigEndian.PutUint32(b[8:], to.Seq)
		from.Owed = 0
	}
	b[12], b[13] = byte(TCPHead+options)/4<<4, flags
	binary.BigEndian.PutUint16(b[14:], 65535) // window
	if options > 0 {
		// Maximum segment size; window scale 7, so 8 MB; padding.
		b[20], b[21] = 2, 4
		binary.BigEndian.PutUint16(b[22:], uint16(min(mss, 65535)))
		b[24], b[25], b[26], b[27] = 3, 3, 7, 1
	}
	binary.BigEndian.PutUint16(b[16:], checksum(b, pseudoHeader(from.Addr, to.Addr, protoTCP, len(b))))
	from.Seq += uint32(payload)
	if flags&(SYN|FIN) != 0 {
		from.Seq++
	}
	if payload > 0 {
		to.Owed++
	}
	return m.frame
}

// Datagram returns a UDP datagram, valid until the next frame is made. The
// payload is zeros.
func (m *PacketMaker) Datagram(from, to *Peer, payload int) []byte {
	b := m.ip(from, to, protoUDP, UDPHead+payload)
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
		b[6], b[7] = protocol, 64
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
	b[8], b[9] = 64, protocol
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
