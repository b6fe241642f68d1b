package traffic

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

// verdict tells what a frame turned out to be.
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
	// A frame is d bytes of link layer, and then what the EtherType says; bare
	// says that there is none and that IP follows.
	var d int
	var ether uint16
	bare := false
	switch link {
	case linkEthernet:
		if len(b) < 14 {
			return isShort
		}
		d, ether = 14, binary.BigEndian.Uint16(b[12:])
	case linkLinuxSLL:
		if len(b) < 16 {
			return isShort
		}
		d, ether = 16, binary.BigEndian.Uint16(b[14:])
	case linkLinuxSLL2:
		if len(b) < 20 {
			return isShort
		}
		d, ether = 20, binary.BigEndian.Uint16(b)
	case linkNull, linkLoop:
		if len(b) < 4 {
			return isShort
		}
		// Address families differ between systems and byte orders (IPv6 is
		// 10, 24, 28 or 30); the IP header itself says which it is.
		d, bare = 4, true
	case linkRaw, linkRawBSD, linkRawOBSD, linkIPv4, linkIPv6:
		bare = true
	default:
		return isOther
	}
	for ether == etherVLAN || ether == etherQinQ || ether == etherOld {
		if len(b) < d+4 {
			return isShort
		}
		ether = binary.BigEndian.Uint16(b[d+2:])
		d += 4
	}
	b, wire = b[d:], wire-d
	if bare {
		if len(b) == 0 {
			return isShort
		}
		switch b[0] >> 4 {
		case 4:
			ether = etherIPv4
		case 6:
			ether = etherIPv6
		}
	}
	switch ether {
	case etherIPv4:
		return decodeIPv4(b, wire, s)
	case etherIPv6:
		return decodeIPv6(b, wire, s)
	}
	return isOther
}

func decodeIPv4(b []byte, wire int, s *segment) verdict {
	if len(b) < 20 || b[0]>>4 != 4 {
		return isShort
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // left to the network card: segmentation offload
		total = min(wire, MaxLength)
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
		rest = min(wire-40, MaxLength)
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
		// packet carries no more than IP says. Length 0 is a jumbogram's.
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
