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
	fin     bool // TCP
	rst     bool // TCP
	acks    bool // TCP: ack is set
	seq     uint32
	ack     uint32
	mark    uint64 // differs between packets of a biflow, see markTCP
	vague   bool   // the mark holds no number that the sender counts up
	ttl     uint8  // time to live, or IPv6's hop limit
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
	linkIPNet     = 226 // Solaris
	linkIPv4      = 228
	linkIPv6      = 229
	linkLinuxSLL2 = 276 // Linux cooked, version 2

	linkTokenRing   = 6
	linkSLIP        = 8
	linkPPP         = 9
	linkFDDI        = 10
	linkPPPHDLC     = 50  // PPP in HDLC-like framing, or Cisco HDLC
	linkPPPEther    = 51  // PPPoE without its Ethernet header
	linkATM         = 100 // RFC 1483: LLC
	linkCiscoHDLC   = 104
	linkFrameRelay  = 107
	linkWireless    = 105 // IEEE 802.11
	linkPrism       = 119 // Prism header, then 802.11
	linkRadiotap    = 127
	linkAVS         = 163 // AVS header, then 802.11
	linkPPPPppd     = 166 // a byte of direction in place of PPP's address
	linkFireWire    = 138
	linkPPI         = 192
	linkPPPWithDir  = 204 // a byte of direction, then PPP
	linkNFLOG       = 239
	linkInfiniBand  = 242 // IP over InfiniBand (RFC 4391)
	linkNetlink     = 253
	linkPKTAP       = 258
	linkBroadcom    = 281 // ports of Linux's DSA: a switch's tag within Ethernet
	linkBroadcomTag = 282 // the tag in front of it
	linkDSA         = 284
	linkEDSA        = 285
	linkPKTAPOnUser = 149 // PKTAP as macOS wrote it before it had a number

	linkSnoop = 1 << 31 // and in the lower bits a number of snoop's that has none here
)

// EtherTypes.
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // 802.1Q
	etherQinQ = 0x88a8 // 802.1ad
	etherOld  = 0x9100 // QinQ before it was standardised

	etherMPLS         = 0x8847
	etherMPLSUpstream = 0x8848 // labels that the upstream router assigns
	etherPPPoE        = 0x8864
	etherPBB          = 0x88e7 // 802.1ah, the I-tag
	etherBridged      = 0x6558 // transparent Ethernet bridging
	etherPPP          = 0x880b
	etherNSH          = 0x894f
	etherETag         = 0x893f // 802.1BR
	etherVNTag        = 0x8926
	etherHSR          = 0x892f // IEC 62439-3
	etherTRILL        = 0x22f3
	etherFabricPath   = 0x8903 // Cisco's
	etherTrustSec     = 0x8909 // Cisco's metadata
	etherArista       = 0xd28b // time stamps of a mirror port
	etherQNX          = 0x8204
	etherAruba        = 0x8200 // 802.11 in GRE, and what follows up to 0x83ff
)

// maxLength is the longest packet that IP's 16-bit length fields can state,
// bytes.
const maxLength = 65535

// IP protocols and IPv6 extension headers.
const (
	protoHopByHop    = 0
	protoIPIP        = 4
	protoTCP         = 6
	protoUDP         = 17
	protoIPv6        = 41
	protoRouting     = 43
	protoFragment    = 44
	protoGRE         = 47
	protoAuth        = 51
	protoNone        = 59
	protoDestination = 60
	protoEtherIP     = 97
	protoL2TP        = 115 // version 3
	protoMobility    = 135
	protoMPLS        = 137
	protoHIP         = 139
	protoShim6       = 140
	protoEthernet    = 143 // RFC 8986
)

// decoder reads the headers of frames, one frame after another.
type decoder struct {
	outer bool // tunnels over IP and UDP stay closed

	// About the frame under way, and then the one that was decoded last.
	s       *segment
	depth   int    // encapsulations entered
	tunnels uint64 // their kinds, bits by tunnel
	unread  unread // what it is, for isOther and isOtherIP
	part    bool   // the IP packet under way is a first fragment
	id      uint16 // the IPv4 packet's identification; 0 where it has none
	ttl     uint8  // the IP packet's time to live
}

// maxDepth bounds the encapsulations that are opened, one in the other.
const maxDepth = 8

// decode reads a frame's headers into s, which it sets only for isSegment.
func (d *decoder) decode(f *Frame, s *segment) verdict {
	d.s, d.depth, d.tunnels, d.part = s, 0, 0, false
	return d.link(f.Link, f.Data, f.Length)
}

// The methods below read a header at the beginning of b, and what follows it.
// wire is how many bytes the packet had from there on: b may hold fewer, where
// the capture cut it.

// other leaves what b holds unread.
func (d *decoder) other(l layer, number uint32) verdict {
	d.unread = unread{l, number}
	return isOther
}

// enter opens an encapsulation. It returns false, where isOther is to be
// returned, for one too many.
func (d *decoder) enter(k tunnel) bool {
	d.tunnels |= 1 << k
	return d.deeper()
}

// deeper is enter for what is not counted as a tunnel.
func (d *decoder) deeper() bool {
	d.depth++
	if d.depth > maxDepth {
		d.unread = unread{layerOther, otherTooDeep}
		return false
	}
	return true
}

// ip reads an IP packet of either version.
func (d *decoder) ip(b []byte, wire int) verdict {
	if len(b) == 0 {
		return isShort
	}
	switch b[0] >> 4 {
	case 4:
		return d.ipv4(b, wire)
	case 6:
		return d.ipv6(b, wire)
	}
	return d.other(layerVersion, uint32(b[0]>>4))
}

func (d *decoder) ipv4(b []byte, wire int) verdict {
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
	d.part, d.id = fragment&0x2000 != 0, binary.BigEndian.Uint16(b[4:])
	d.ttl = b[8]
	protocol := b[9]
	rest := total - head
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
		d.tunnels |= 1 << tunnelAH
		protocol, b, rest = b[0], b[n:], rest-n
	}
	return d.transport(4, protocol, b, rest, from, to)
}

func (d *decoder) ipv6(b []byte, wire int) verdict {
	if len(b) < 40 || b[0]>>4 != 6 {
		return isShort
	}
	rest := int(binary.BigEndian.Uint16(b[4:]))
	if rest == 0 { // a jumbogram, or segmentation offload
		rest = min(wire-40, maxLength)
	}
	next := b[6]
	d.ttl = b[7]
	from, to := b[8:24], b[24:40]
	b = b[40:]
	d.part, d.id = false, 0
	for {
		n := 8 // length of this extension header, bytes
		switch next {
		case protoFragment:
			if len(b) < 8 {
				return isShort
			}
			offset := binary.BigEndian.Uint16(b[2:])
			if offset&0xfff8 != 0 {
				return isFragment
			}
			d.part = offset&1 != 0
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
			d.tunnels |= 1 << tunnelAH
		default:
			return d.transport(6, next, b, rest, from, to)
		}
		if len(b) < n || rest < n {
			return isShort
		}
		next, b, rest = b[0], b[n:], rest-n
	}
}

// transport reads what IP of the version carries: the TCP or UDP header at b,
// or a tunnel. rest is the length of what IP carries from there on, bytes.
func (d *decoder) transport(version, protocol uint8, b []byte, rest int, from, to []byte) verdict {
	s := d.s
	switch protocol {
	case protoTCP:
		if len(b) < 14 { // up to the flags
			return isShort
		}
		head := int(b[12]>>4) * 4
		if head < 20 || rest < head {
			return isShort
		}
		const finFlag, synFlag, rstFlag, ackFlag = 0x01, 0x02, 0x04, 0x10
		syn, ack := b[13]&synFlag != 0, b[13]&ackFlag != 0
		s.payload, s.syn, s.synAck = rest-head, syn && !ack, syn && ack
		s.fin, s.rst, s.acks = b[13]&finFlag != 0, b[13]&rstFlag != 0, ack
		s.seq, s.ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
		s.mark, s.vague = markTCP(b, head, s.payload, d.id), false
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
		if isTunnelPort(binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])) && !d.outer {
			if v, ok := d.inUDP(b, s.payload); ok {
				return v
			}
		}
		s.syn, s.synAck, s.fin, s.rst, s.acks = false, false, false, false, false
		s.mark, s.vague = markUDP(b[8:], s.payload, d.id), d.id == 0
	default:
		return d.inIP(protocol, b, rest)
	}
	var a, z endpoint
	copy(a.addr[:], from)
	copy(z.addr[:], to)
	a.port, z.port = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	s.key.version, s.key.protocol, s.ttl = version, protocol, d.ttl
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
