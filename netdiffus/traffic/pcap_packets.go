package traffic

import (
	"encoding/binary"
	"net/netip"
)

// Lengths of headers, bytes.
const (
	etherHead = 14
	ipv4Head  = 20
	ipv6Head  = 40
	tcpHead   = 20
	udpHead   = 8
)

// Flags of TCP.
const (
	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpPSH = 0x08
	tcpACK = 0x10
)

// MAC addresses of the documentation range (RFC 7042, 2.1.2).
var clientMAC, serverMAC = [6]byte{0, 0, 0x5e, 0, 0x53, 0x01}, [6]byte{0, 0, 0x5e, 0, 0x53, 0x02}

// peer is one end of a flow that is being written.
type peer struct {
	addr netip.Addr
	port uint16
	mac  [6]byte
	seq  uint32 // TCP: number of the next byte it sends
	id   uint16 // IPv4: identification of its next packet
	owed int    // TCP: segments received and not yet acknowledged
}

// packetMaker builds Ethernet frames in one buffer.
type packetMaker struct {
	frame []byte
}

// segment returns a TCP segment from one end to the other, valid until the
// next frame is made. The payload is zeros. A segment with SYN carries the
// options that make large windows possible.
func (m *packetMaker) segment(from, to *peer, flags byte, payload, mss int) []byte {
	options := 0
	if flags&tcpSYN != 0 {
		options = 8
	}
	b := m.ip(from, to, protoTCP, tcpHead+options+payload)
	binary.BigEndian.PutUint16(b, from.port)
	binary.BigEndian.PutUint16(b[2:], to.port)
	binary.BigEndian.PutUint32(b[4:], from.seq)
	if flags&tcpACK != 0 {
		binary.BigEndian.PutUint32(b[8:], to.seq)
		from.owed = 0
	}
	b[12], b[13] = byte(tcpHead+options)/4<<4, flags
	binary.BigEndian.PutUint16(b[14:], 65535) // window
	if options > 0 {
		// Maximum segment size; window scale 7, so 8 MB; padding.
		b[20], b[21] = 2, 4
		binary.BigEndian.PutUint16(b[22:], uint16(min(mss, 65535)))
		b[24], b[25], b[26], b[27] = 3, 3, 7, 1
	}
	binary.BigEndian.PutUint16(b[16:], checksum(b, pseudoHeader(from.addr, to.addr, protoTCP, len(b))))
	from.seq += uint32(payload)
	if flags&(tcpSYN|tcpFIN) != 0 {
		from.seq++
	}
	if payload > 0 {
		to.owed++
	}
	return m.frame
}

// datagram returns a UDP datagram.
func (m *packetMaker) datagram(from, to *peer, payload int) []byte {
	b := m.ip(from, to, protoUDP, udpHead+payload)
	binary.BigEndian.PutUint16(b, from.port)
	binary.BigEndian.PutUint16(b[2:], to.port)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	sum := checksum(b, pseudoHeader(from.addr, to.addr, protoUDP, len(b)))
	if sum == 0 { // which would mean: none
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return m.frame
}

// ip writes the Ethernet and IP headers of a packet that carries size bytes,
// and returns those, zeroed.
func (m *packetMaker) ip(from, to *peer, protocol byte, size int) []byte {
	head := ipv4Head
	if from.addr.Is6() {
		head = ipv6Head
	}
	total := etherHead + head + size
	if cap(m.frame) < total {
		m.frame = make([]byte, total)
	}
	m.frame = m.frame[:total]
	clear(m.frame)
	copy(m.frame, to.mac[:])
	copy(m.frame[6:], from.mac[:])
	b := m.frame[etherHead:]
	source, target := from.addr.AsSlice(), to.addr.AsSlice()
	if head == ipv6Head {
		binary.BigEndian.PutUint16(m.frame[12:], etherIPv6)
		b[0] = 6 << 4
		binary.BigEndian.PutUint16(b[4:], uint16(size))
		b[6], b[7] = protocol, 64
		copy(b[8:], source)
		copy(b[24:], target)
		return b[ipv6Head:]
	}
	binary.BigEndian.PutUint16(m.frame[12:], etherIPv4)
	b[0] = 4<<4 | ipv4Head/4
	binary.BigEndian.PutUint16(b[2:], uint16(ipv4Head+size))
	binary.BigEndian.PutUint16(b[4:], from.id)
	from.id++
	b[6] = 0x40 // don't fragment
	b[8], b[9] = 64, protocol
	copy(b[12:], source)
	copy(b[16:], target)
	binary.BigEndian.PutUint16(b[10:], checksum(b[:ipv4Head], 0))
	return b[ipv4Head:]
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
