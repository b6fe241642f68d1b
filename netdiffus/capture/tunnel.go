package capture

import "encoding/binary"

// tunnel is a kind of encapsulation.
type tunnel uint8

const (
	tunnelPBB tunnel = iota
	tunnelPortTag
	tunnelAggregate
	tunnelBridged
	tunnelMPLS
	tunnelNSH
	tunnelPPPoE
	tunnelPPP
	tunnelPKTAP
	tunnelAH
	tunnelIPIP
	tunnelGRE
	tunnelPPTP
	tunnelNVGRE
	tunnelERSPAN1
	tunnelERSPAN2
	tunnelERSPAN3
	tunnelEtherIP
	tunnelEthernet
	tunnelL2TP
	tunnelL2TP3
	tunnelVXLAN
	tunnelVXLANGPE
	tunnelGeneve
	tunnelGTP
	tunnelCAPWAP
	tunnelTeredo
	tunnelMPLSUDP
	tunnelGREUDP
	tunnelKinds
)

var tunnelNames = [tunnelKinds]string{
	tunnelPBB:       "PBB (802.1ah)",
	tunnelPortTag:   "tags of ports and groups (VN, 802.1BR, HSR, TrustSec)",
	tunnelAggregate: "802.11 frames of several packets (the first of each is read)",
	tunnelBridged:   "bridged Ethernet (SNAP, TRILL, FabricPath)",
	tunnelMPLS:      "MPLS",
	tunnelNSH:       "NSH",
	tunnelPPPoE:     "PPPoE",
	tunnelPPP:       "PPP",
	tunnelPKTAP:     "PKTAP",
	tunnelAH:        "AH",
	tunnelIPIP:      "IP in IP",
	tunnelGRE:       "GRE",
	tunnelPPTP:      "PPTP",
	tunnelNVGRE:     "NVGRE",
	tunnelERSPAN1:   "ERSPAN I",
	tunnelERSPAN2:   "ERSPAN II",
	tunnelERSPAN3:   "ERSPAN III",
	tunnelEtherIP:   "EtherIP",
	tunnelEthernet:  "Ethernet in IP",
	tunnelL2TP:      "L2TP",
	tunnelL2TP3:     "L2TPv3",
	tunnelVXLAN:     "VXLAN",
	tunnelVXLANGPE:  "VXLAN-GPE",
	tunnelGeneve:    "Geneve",
	tunnelGTP:       "GTP-U",
	tunnelCAPWAP:    "CAPWAP",
	tunnelTeredo:    "Teredo",
	tunnelMPLSUDP:   "MPLS in UDP",
	tunnelGREUDP:    "GRE in UDP",
}

func (k tunnel) String() string { return tunnelNames[k] }

// inIP reads what IP carries under a protocol other than TCP and UDP, rest bytes
// on the wire.
func (d *decoder) inIP(protocol uint8, b []byte, rest int) verdict {
	b = b[:min(len(b), rest)]
	if !d.outer {
		switch protocol {
		case protoIPIP, protoIPv6:
			if !d.enter(tunnelIPIP) {
				return isOther
			}
			if protocol == protoIPv6 {
				return d.ipv6(b, rest)
			}
			return d.ipv4(b, rest)
		case protoGRE:
			return d.gre(b, rest)
		case protoEtherIP:
			return d.etherIP(b, rest)
		case protoL2TP:
			return d.l2tp3(b, rest)
		case protoMPLS:
			return d.mpls(b, rest)
		case protoEthernet:
			if !d.enter(tunnelEthernet) {
				return isOther
			}
			return d.ethernet(b, rest)
		}
	}
	d.unread = unread{layerIP, uint32(protocol)}
	return isOtherIP
}

// isIP reports whether b holds the header of an IP packet that fits in wire
// bytes. Of a header that the capture cut off it judges what is there. A packet
// that is too long is one as well if its header's checksum is right: mirrors cut
// packets before they send them through a tunnel.
func (d *decoder) isIP(b []byte, wire int) bool {
	n := ipLength(b, wire)
	if n <= wire || d.part {
		return n > 0
	}
	if b[0]>>4 != 4 {
		return false
	}
	head := int(b[0]&15) * 4
	return len(b) >= head && checksum(b[:head], 0) == 0
}

// fillsIP is isIP for a packet that has to be of wire bytes.
func (d *decoder) fillsIP(b []byte, wire int) bool {
	n := ipLength(b, wire)
	return n == wire && n > 0 || n > wire && d.part
}

// ipLength returns the length of the IP packet that b begins with, wire where
// the capture cut the length off, and 0 for what is no IP header.
func ipLength(b []byte, wire int) int {
	if len(b) == 0 {
		return 0
	}
	cut := len(b) < wire
	switch b[0] >> 4 {
	case 4:
		head := int(b[0]&15) * 4
		if head < 20 || head > wire {
			return 0
		}
		if len(b) < 4 && cut {
			return wire
		}
		if len(b) < 20 && !cut {
			return 0
		}
		const reserved = 0x8000
		total := int(binary.BigEndian.Uint16(b[2:]))
		if total < head || len(b) >= 8 && binary.BigEndian.Uint16(b[6:])&reserved != 0 {
			return 0
		}
		return total
	case 6:
		if wire < 40 || len(b) < 40 && !cut {
			return 0
		}
		if len(b) < 6 {
			return wire
		}
		return 40 + int(binary.BigEndian.Uint16(b[4:]))
	}
	return 0
}

// isEthernet reports whether b holds the header of an Ethernet frame in wire
// bytes, as far as can be told: an EtherType that is known with a header of IP
// that fits, or LLC. Of a header that the capture cut off it judges what is
// there.
func (d *decoder) isEthernet(b []byte, wire int) bool {
	if len(b) < 14 {
		return len(b) < wire && wire >= 14
	}
	kind := binary.BigEndian.Uint16(b[12:])
	b, wire = b[14:], wire-14
	for kind == etherVLAN || kind == etherQinQ || kind == etherOld {
		if len(b) < 4 {
			return len(b) < wire && wire >= 4
		}
		kind, b, wire = binary.BigEndian.Uint16(b[2:]), b[4:], wire-4
	}
	if len(b) == 0 && wire > 0 { // cut off
		return kind == etherIPv4 || kind == etherIPv6 || etherNames[kind] != ""
	}
	switch kind {
	case etherIPv4:
		return len(b) > 0 && b[0]>>4 == 4 && d.isIP(b, wire)
	case etherIPv6:
		return len(b) > 0 && b[0]>>4 == 6 && d.isIP(b, wire)
	case 0x0806: // ARP between Ethernet and IPv4
		return len(b) < 6 && len(b) < wire || len(b) >= 6 && string(b[:6]) == "\x00\x01\x08\x00\x06\x04"
	case etherMPLS, etherPPPoE, etherPBB, etherNSH, etherHSR, etherTRILL, etherFabricPath, etherTrustSec:
		return true
	}
	if kind <= 1500 {
		const unnumbered = 0x03
		return int(kind) <= wire && (len(b) < 3 && len(b) < wire || len(b) >= 3 && b[2] == unnumbered)
	}
	return etherNames[kind] != ""
}

// gre reads GRE (RFC 2784, 2890) and what PPTP makes of it (RFC 2637).
func (d *decoder) gre(b []byte, wire int) verdict {
	const (
		hasChecksum, hasRouting, hasKey, hasSequence, hasAck = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
		version                                              = 7
	)
	if len(b) < 4 {
		return isShort
	}
	flags, kind := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	n := 4
	for _, bit := range []uint16{hasKey, hasSequence} {
		if flags&bit != 0 {
			n += 4
		}
	}
	switch flags & version {
	case 0:
		if flags&(hasChecksum|hasRouting) != 0 {
			n += 4
		}
	case 1:
		return d.pptp(kind == etherPPP && flags&hasSequence != 0, flags&hasAck != 0, b, wire)
	default:
		d.unread = unread{layerIP, protoGRE}
		return isOtherIP
	}
	if flags&hasRouting != 0 {
		for { // source routes: family, offset, length; one of length 0 is the last
			if len(b) < n+4 {
				return isShort
			}
			length := int(b[n+3])
			n += 4 + length
			if length == 0 {
				break
			}
		}
	}
	if len(b) < n {
		return isShort
	}
	const erspan, erspan3, wccp = 0x88be, 0x22eb, 0x883e
	header, b, wire := b[:n], b[n:], wire-n
	switch {
	case kind == erspan && flags&hasSequence == 0:
		if !d.enter(tunnelERSPAN1) {
			return isOther
		}
		return d.ethernet(b, wire)
	case kind == erspan:
		return d.erspan(tunnelERSPAN2, 8, b, wire)
	case kind == erspan3:
		return d.erspan(tunnelERSPAN3, 12, b, wire)
	case kind == etherBridged:
		// A key of 24 bits and 8 that vary with the flow: NVGRE (RFC 7637).
		k := tunnelGRE
		if flags == hasKey && len(header) == 8 {
			k = tunnelNVGRE
		}
		if !d.enter(k) {
			return isOther
		}
		return d.ethernet(b, wire)
	}
	if !d.enter(tunnelGRE) {
		return isOther
	}
	switch kind {
	case wccp: // version 2 has 4 bytes before the packet
		if len(b) > 0 && b[0]>>4 != 4 {
			if len(b) < 4 {
				return isShort
			}
			b, wire = b[4:], wire-4
		}
		return d.ip(b, wire)
	case 0: // a keepalive
		d.unread = unread{layerIP, protoGRE}
		return isOtherIP
	}
	if kind <= 1500 {
		return d.other(layerEther, uint32(kind))
	}
	if kind&0xfe00 == etherAruba && kind != etherQNX {
		return d.wireless(b, wire)
	}
	return d.ether(kind, b, wire)
}

// pptp reads enhanced GRE: a key that holds the payload's length, numbers where
// there is a payload and an acknowledgement, and PPP.
func (d *decoder) pptp(payload, ack bool, b []byte, wire int) verdict {
	if !payload {
		d.unread = unread{layerIP, protoGRE}
		return isOtherIP
	}
	n := 12
	if ack {
		n += 4
	}
	if !d.enter(tunnelPPTP) {
		return isOther
	}
	if len(b) < n {
		return isShort
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	b, wire = b[n:], wire-n
	if length < wire {
		b, wire = b[:min(length, len(b))], length
	}
	return d.ppp(b, wire)
}

// erspan reads a header of head bytes, after which the mirrored frame stands.
func (d *decoder) erspan(k tunnel, head int, b []byte, wire int) verdict {
	if !d.enter(k) {
		return isOther
	}
	if len(b) < head {
		return isShort
	}
	if k == tunnelERSPAN2 {
		return d.ethernet(b[head:], wire-head)
	}
	const frameType, isIPPacket, platform = 0x7c, 2, 1
	kind, more := b[10]&frameType>>2, b[11]&platform != 0
	if more { // 8 bytes of the platform's own
		head += 8
	}
	if len(b) < head {
		return isShort
	}
	if b[10]&0x80 != 0 && kind == isIPPacket {
		return d.ip(b[head:], wire-head)
	}
	return d.ethernet(b[head:], wire-head)
}

// etherIP reads RFC 3378's header of two bytes, and Ethernet.
func (d *decoder) etherIP(b []byte, wire int) verdict {
	if !d.enter(tunnelEtherIP) {
		return isOther
	}
	if len(b) < 2 {
		return isShort
	}
	return d.ethernet(b[2:], wire-2)
}

// l2tp3 reads L2TP version 3 right over IP (RFC 3931, 4.1.1): a session's
// number, and then what the ends have agreed on, which is tried: a cookie of 0, 4
// or 8 bytes, a sublayer of 0 or 4, and Ethernet or PPP.
func (d *decoder) l2tp3(b []byte, wire int) verdict {
	if len(b) < 4 {
		return isShort
	}
	if binary.BigEndian.Uint32(b) != 0 { // 0 is control
		if v, ok := d.l2tpSession(b[4:], wire-4); ok {
			return v
		}
	}
	d.unread = unread{layerIP, protoL2TP}
	return isOtherIP
}

func (d *decoder) l2tpSession(b []byte, wire int) (verdict, bool) {
	for n := 0; n <= 12 && n < len(b); n += 4 {
		if d.isEthernet(b[n:], wire-n) && len(b) >= n+14 {
			if !d.enter(tunnelL2TP3) {
				return isOther, true
			}
			return d.ethernet(b[n:], wire-n), true
		}
		if d.isPPP(b[n:], wire-n) {
			if !d.enter(tunnelL2TP3) {
				return isOther, true
			}
			return d.ppp(b[n:], wire-n), true
		}
	}
	return 0, false
}

// isPPP reports whether b holds PPP with an IP packet that fits, or one of PPP's
// control protocols.
func (d *decoder) isPPP(b []byte, wire int) bool {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 0x03 {
		b, wire = b[2:], wire-2
	}
	if len(b) < 2 {
		return false
	}
	protocol, n := binary.BigEndian.Uint16(b), 2
	if b[0]&1 != 0 {
		protocol, n = uint16(b[0]), 1
	}
	b, wire = b[n:], wire-n
	switch protocol {
	case pppIPv4:
		return len(b) > 0 && b[0]>>4 == 4 && d.isIP(b, wire)
	case pppIPv6:
		return len(b) > 0 && b[0]>>4 == 6 && d.isIP(b, wire)
	}
	// A control packet has a code, a number and its length.
	return pppNames[protocol] != "" && protocol >= 0x8000 && len(b) >= 4 && int(binary.BigEndian.Uint16(b[2:])) <= wire
}
