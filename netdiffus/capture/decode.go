package capture

import "encoding/binary"

// endpoint is one end of a biflow. IPv4 addresses fill the first four bytes.
type endpoint struct {
	addr [16]byte
	port uint16
}

// flowKey names a biflow by its 5-tuple, the same in both directions: low is
// the end that compares lower.
type flowKey struct {
	low, high endpoint
	version   uint8 // of IP: 4 or 6
	protocol  uint8 // protoTCP or protoUDP
}

// segment is what assembly needs of one TCP or UDP packet.
type segment struct {
	key     flowKey
	fromLow bool // the end key.low sent it
	payload int  // bytes, from the headers' length fields
	syn     bool // TCP: SYN without ACK, so the sender is the client
	synAck  bool // TCP: SYN with ACK, so the receiver is the client
}

// verdict is what a frame turned out to be.
type verdict uint8

const (
	isSegment  verdict = iota // TCP or UDP, a first fragment included
	isFragment                // a later IP fragment: it has no ports
	isOtherIP                 // IP of another protocol
	isOther                   // not IP, or a link layer that is not known
	isShort                   // too few bytes captured, or headers that contradict themselves
)

// Link-layer types, as registered at tcpdump.org/linktypes.html.
const (
	linkNull      = 0 // BSD loopback, the family in the capturing host's byte order
	linkEthernet  = 1
	linkRawBSD    = 12 // raw IP, as most systems' DLT_RAW was written into files
	linkRawOBSD   = 14 // the same on OpenBSD
	linkRaw       = 101
	linkLoop      = 108 // OpenBSD loopback, the family in network byte order
	linkLinuxSLL  = 113 // Linux cooked
	linkIPv4      = 228
	linkIPv6      = 229
	linkLinuxSLL2 = 276 // Linux cooked, version 2
)

// EtherTypes.
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // 802.1Q
	etherQinQ = 0x88a8 // 802.1ad
	etherOld  = 0x9100 // QinQ before it was standardised
)

// maxLength is the longest packet that IP's 16-bit length fields can state,
// bytes.
const maxLength = 65535

// IP protocols and IPv6 extension headers.
const (
	protoHopByHop    = 0
	protoTCP         = 6
	protoUDP         = 17
	protoRouting     = 43
	protoFragment    = 44
	protoAuth        = 51
	protoNone        = 59
	protoDestination = 60
	protoMobility    = 135
	protoHIP         = 139
	protoShim6       = 140
)

// decode reads a frame's headers into s, which it sets only for isSegment.
// wire is the frame's length on the wire, bytes.
func decode(link uint32, b []byte, wire int, s *segment) verdict {
	d, ether, v := linkLayer(link, b)
	if v != isSegment {
		return v
	}
	b, wire = b[d:], wire-d
	switch ether {
	case etherIPv4:
		return decodeIPv4(b, wire, s)
	case etherIPv6:
		return decodeIPv6(b, wire, s)
	}
	return isOther
}

// linkLayer returns the length of a frame's link layer and the EtherType of what
// follows it. The verdict is isSegment where both are known.
func linkLayer(link uint32, b []byte) (d int, ether uint16, v verdict) {
	switch link {
	case linkEthernet:
		return etherType(b, 14, 12)
	case linkLinuxSLL:
		return etherType(b, 16, 14)
	case linkLinuxSLL2:
		return etherType(b, 20, 0)
	case linkNull, linkLoop:
		// The 4 bytes are an address family. They differ between systems and
		// byte orders (IPv6 is 10, 24, 28 or 30); the IP header has the version.
		return ipVersion(b, 4)
	case linkRaw, linkRawBSD, linkRawOBSD, linkIPv4, linkIPv6:
		return ipVersion(b, 0)
	}
	return 0, 0, isOther
}

// etherType reads the EtherType at at, in a link layer of d bytes, and passes over
// VLAN tags.
func etherType(b []byte, d, at int) (int, uint16, verdict) {
	if len(b) < d {
		return 0, 0, isShort
	}
	ether := binary.BigEndian.Uint16(b[at:])
	for ether == etherVLAN || ether == etherQinQ || ether == etherOld {
		if len(b) < d+4 {
			return 0, 0, isShort
		}
		ether = binary.BigEndian.Uint16(b[d+2:])
		d += 4
	}
	return d, ether, isSegment
}

// ipVersion returns the EtherType of the version in the IP header after a link
// layer of d bytes, or 0 for another version.
func ipVersion(b []byte, d int) (int, uint16, verdict) {
	if len(b) <= d {
		return 0, 0, isShort
	}
	switch b[d] >> 4 {
	case 4:
		return d, etherIPv4, isSegment
	case 6:
		return d, etherIPv6, isSegment
	}
	return d, 0, isSegment
}

func decodeIPv4(b []byte, wire int, s *segment) verdict {
	if len(b) < 20 || b[0]>>4 != 4 {
		return isShort
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // left to the network card: segmentation offload
		total = min(wire, maxLength)
	}
	if head < 20 || total < head || len(b) < head {
		return isShort
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	if fragment&0x1fff != 0 {
		return isFragment
	}
	protocol := b[9]
	rest := total - head
	s.key = flowKey{version: 4}
	from, to := b[12:16], b[16:20]
	b = b[head:]
	if protocol == protoAuth {
		if len(b) < 12 {
			return isShort
		}
		n := (int(b[1]) + 2) * 4
		if len(b) < n || rest < n {
			return isShort
		}
		protocol, b, rest = b[0], b[n:], rest-n
	}
	return decodePorts(protocol, b, rest, from, to, s)
}

func decodeIPv6(b []byte, wire int, s *segment) verdict {
	if len(b) < 40 || b[0]>>4 != 6 {
		return isShort
	}
	rest := int(binary.BigEndian.Uint16(b[4:]))
	if rest == 0 { // a jumbogram, or segmentation offload
		rest = min(wire-40, maxLength)
	}
	next := b[6]
	from, to := b[8:24], b[24:40]
	b = b[40:]
	for {
		n := 8 // length of this extension header, bytes
		switch next {
		case protoFragment:
			if len(b) < 8 {
				return isShort
			}
			if binary.BigEndian.Uint16(b[2:])&0xfff8 != 0 {
				return isFragment
			}
		case protoHopByHop, protoRouting, protoDestination, protoMobility, protoHIP, protoShim6:
			if len(b) < 8 {
				return isShort
			}
			n = (int(b[1]) + 1) * 8
		case protoAuth:
			if len(b) < 12 {
				return isShort
			}
			n = (int(b[1]) + 2) * 4
		default:
			s.key = flowKey{version: 6}
			return decodePorts(next, b, rest, from, to, s)
		}
		if len(b) < n || rest < n {
			return isShort
		}
		next, b, rest = b[0], b[n:], rest-n
	}
}

// decodePorts reads the TCP or UDP header at b; rest is the length of what IP
// carries from there on, bytes. The key has its version set.
func decodePorts(protocol uint8, b []byte, rest int, from, to []byte, s *segment) verdict {
	switch protocol {
	case protoTCP:
		if len(b) < 14 { // up to the flags
			return isShort
		}
		head := int(b[12]>>4) * 4
		if head < 20 || rest < head {
			return isShort
		}
		const synFlag, ackFlag = 0x02, 0x10
		syn, ack := b[13]&synFlag != 0, b[13]&ackFlag != 0
		s.payload, s.syn, s.synAck = rest-head, syn && !ack, syn && ack
	case protoUDP:
		if len(b) < 8 || rest < 8 {
			return isShort
		}
		// A first fragment's UDP length is that of the whole datagram; this
		// packet carries no more than its IP header states. Length 0 is a jumbogram's.
		s.payload = rest - 8
		if n := int(binary.BigEndian.Uint16(b[4:])); n >= 8 && n < rest {
			s.payload = n - 8
		}
		s.syn, s.synAck = false, false
	default:
		return isOtherIP
	}
	var a, z endpoint
	copy(a.addr[:], from)
	copy(z.addr[:], to)
	a.port, z.port = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	s.key.protocol = protocol
	if s.fromLow = !z.less(a); s.fromLow {
		s.key.low, s.key.high = a, z
	} else {
		s.key.low, s.key.high = z, a
	}
	return isSegment
}

func (e endpoint) less(other endpoint) bool {
	for i := 0; i < 16; i += 8 {
		x, y := binary.BigEndian.Uint64(e.addr[i:]), binary.BigEndian.Uint64(other.addr[i:])
		if x != y {
			return x < y
		}
	}
	return e.port < other.port
}
