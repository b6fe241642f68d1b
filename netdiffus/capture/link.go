package capture

import "encoding/binary"

// link reads a frame of the link-layer type.
func (d *decoder) link(link uint32, b []byte, wire int) verdict {
	switch link {
	case linkEthernet:
		return d.ethernet(b, wire)
	case linkLinuxSLL:
		if len(b) < 16 {
			return isShort
		}
		if binary.BigEndian.Uint16(b[12:]) == etherVLAN && len(b) > 20 && isIPKind(binary.BigEndian.Uint16(b[18:]), b[20]) {
			// Libpcap before 1.7 put the tag where it stands in Ethernet: here, in
			// the 2 bytes that pad the address (libpcap's issue 164).
			b, wire = b[4:], wire-4
		}
		return d.cooked(binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[14:]), b[16:], wire-16)
	case linkLinuxSLL2:
		if len(b) < 20 {
			return isShort
		}
		return d.cooked(binary.BigEndian.Uint16(b[8:]), binary.BigEndian.Uint16(b), b[20:], wire-20)
	case linkNull, linkLoop:
		// The 4 bytes are an address family. They differ between systems and
		// byte orders (IPv6 is 10, 24, 28 or 30); the IP header has the version.
		if len(b) < 4 {
			return isShort
		}
		return d.ip(b[4:], wire-4)
	case linkRaw, linkRawBSD, linkRawOBSD, linkIPv4, linkIPv6:
		return d.ip(b, wire)
	case linkIPNet:
		return d.afterHeader(24, 24, linkRaw, b, wire)
	case linkPPP, linkPPPHDLC:
		if len(b) > 0 && (b[0] == 0x0f || b[0] == 0x8f) {
			return d.ciscoHDLC(b, wire)
		}
		return d.ppp(b, wire)
	case linkPPPPppd, linkPPPWithDir:
		// 0 or 1 in front is the direction. Without it, it is PPP's address.
		if len(b) > 0 && b[0] <= 1 {
			b, wire = b[1:], wire-1
		}
		if link == linkPPPPppd && len(b) > 0 && b[0] == 0x03 { // the address gave way to it
			b, wire = b[1:], wire-1
		}
		return d.ppp(b, wire)
	case linkPPPEther:
		return d.pppoe(b, wire)
	case linkATM:
		return d.llc(b, wire)
	case linkCiscoHDLC:
		return d.ciscoHDLC(b, wire)
	case linkWireless:
		return d.wireless(b, wire)
	case linkRadiotap:
		return d.radiotap(b, wire)
	case linkPrism, linkAVS:
		return d.prism(b, wire)
	case linkPPI:
		return d.ppi(b, wire)
	case linkTokenRing, linkFDDI, linkFrameRelay, linkSLIP, linkFireWire, linkInfiniBand:
		return d.otherLink(link, b, wire)
	case linkBroadcom, linkBroadcomTag, linkDSA, linkEDSA:
		return d.switchTag(link, b, wire)
	case linkNFLOG:
		return d.nflog(b, wire)
	case linkPKTAP, linkPKTAPOnUser:
		return d.pktap(link, b, wire)
	}
	return d.other(layerLink, link)
}

// isIPKind reports whether an EtherType is that of IP of the version that the packet
// begins with.
func isIPKind(kind uint16, first byte) bool {
	return kind == etherIPv4 && first>>4 == 4 || kind == etherIPv6 && first>>4 == 6
}

func (d *decoder) ethernet(b []byte, wire int) verdict {
	if len(b) < 14 {
		return isShort
	}
	return d.ether(binary.BigEndian.Uint16(b[12:]), b[14:], wire-14)
}

// ether reads what follows an EtherType.
func (d *decoder) ether(kind uint16, b []byte, wire int) verdict {
	for kind == etherVLAN || kind == etherQinQ || kind == etherOld {
		if len(b) < 4 {
			return isShort
		}
		kind, b, wire = binary.BigEndian.Uint16(b[2:]), b[4:], wire-4
	}
	switch kind {
	case etherIPv4:
		return d.ipv4(b, wire)
	case etherIPv6:
		return d.ipv6(b, wire)
	}
	return d.otherEther(kind, b, wire)
}

// otherEther reads what follows the rarer EtherTypes.
func (d *decoder) otherEther(kind uint16, b []byte, wire int) verdict {
	const largestLength = 1500 // a smaller number is a length, and LLC follows
	switch kind {
	case etherMPLS, etherMPLSUpstream:
		return d.mpls(b, wire)
	case etherPPPoE:
		return d.pppoe(b, wire)
	case etherPBB:
		if !d.enter(tunnelPBB) {
			return isOther
		}
		if len(b) < 4 {
			return isShort
		}
		return d.ethernet(b[4:], wire-4) // after flags and the service's number
	case etherBridged:
		if !d.enter(tunnelBridged) {
			return isOther
		}
		return d.ethernet(b, wire)
	case etherPPP:
		if !d.enter(tunnelPPP) {
			return isOther
		}
		return d.ppp(b, wire)
	case etherNSH:
		return d.nsh(b, wire)
	case etherFabricPath, etherTRILL:
		n := 2
		if kind == etherTRILL {
			if len(b) < 6 {
				return isShort
			}
			n = 6 + int(binary.BigEndian.Uint16(b)>>6&0x1f)*4 // with options
		}
		if !d.enter(tunnelBridged) {
			return isOther
		}
		if len(b) < n {
			return isShort
		}
		return d.ethernet(b[n:], wire-n)
	case etherETag, etherVNTag, etherHSR, etherTrustSec, etherArista:
		n := 4
		switch {
		case kind == etherETag || kind == etherTrustSec:
			n = 6
		case kind == etherArista && len(b) > 3:
			const short = 0x20 // a time stamp of 48 bits, not 64
			if n = 12; b[3] == short {
				n = 10
			}
		}
		if !d.enter(tunnelPortTag) {
			return isOther
		}
		if len(b) < n+2 {
			return isShort
		}
		return d.ether(binary.BigEndian.Uint16(b[n:]), b[n+2:], wire-n-2)
	}
	if kind > largestLength {
		return d.other(layerEther, uint32(kind))
	}
	if n := int(kind); n > 0 && n < wire { // the rest pads the frame
		b, wire = b[:min(n, len(b))], n
	}
	return d.llc(b, wire)
}

// cooked reads what follows the header of Linux's cooked capture: its protocol
// is an EtherType, but for the first few numbers and for some kinds of device.
func (d *decoder) cooked(device, protocol uint16, b []byte, wire int) verdict {
	const deviceRadiotap, deviceNetlink = 803, 824
	switch device {
	case deviceRadiotap:
		return d.radiotap(b, wire)
	case deviceNetlink:
		return d.other(layerLink, linkNetlink)
	}
	const raw8023, llc, ppp, firstEther = 0x0001, 0x0004, 0x0007, 0x0600
	switch {
	case protocol >= firstEther:
		return d.ether(protocol, b, wire)
	case protocol == llc:
		return d.llc(b, wire)
	case protocol == raw8023: // only Novell's IPX has it
		return d.other(layerLLC, 0xffff)
	case protocol == ppp:
		return d.ppp(b, wire)
	}
	return d.other(layerCooked, uint32(protocol))
}

// llc reads IEEE 802.2, and the SNAP header after it.
func (d *decoder) llc(b []byte, wire int) verdict {
	if !d.deeper() {
		return isOther
	}
	if len(b) < 3 {
		return isShort
	}
	const snap, ip, iso, unnumbered = 0xaaaa, 0x0606, 0xfefe, 0x03
	sap := binary.BigEndian.Uint16(b)
	switch {
	case sap == snap && b[2] == unnumbered:
	case sap == ip && b[2] == unnumbered:
		return d.ip(b[3:], wire-3)
	case sap == iso && b[2] == unnumbered && len(b) > 3 && b[3] == 0xcc: // NLPID of IP
		return d.ip(b[4:], wire-4)
	default:
		return d.other(layerLLC, uint32(sap))
	}
	if len(b) < 8 {
		return isShort
	}
	return d.snap(b[3:], wire-3)
}

// snap reads IEEE 802's SNAP header, of which 5 bytes are there.
func (d *decoder) snap(b []byte, wire int) verdict {
	organisation, kind := uint32(b[0])<<16|uint32(b[1])<<8|uint32(b[2]), binary.BigEndian.Uint16(b[3:])
	b, wire = b[5:], wire-5
	const ethernetTunnel, bridges, cisco = 0x0000f8, 0x0080c2, 0x00000c
	switch {
	case organisation == 0 || organisation == ethernetTunnel:
		if kind <= 1500 { // no EtherType: LLC in SNAP would open itself for ever
			return d.other(layerEther, uint32(kind))
		}
		return d.ether(kind, b, wire)
	case organisation == bridges && (kind == 1 || kind == 7): // Ethernet, with or without its checksum
		if !d.enter(tunnelBridged) {
			return isOther
		}
		const pad = 2
		if len(b) < pad {
			return isShort
		}
		return d.ethernet(b[pad:], wire-pad)
	case organisation == cisco && kind == 0x2000:
		return d.other(layerEther, uint32(kind))
	}
	return d.other(layerSNAP, organisation)
}

// mpls reads a stack of labels and what is below it, which no field names: IP,
// or Ethernet with or without a control word in front (RFC 4385, 4448).
func (d *decoder) mpls(b []byte, wire int) verdict {
	if !d.enter(tunnelMPLS) {
		return isOther
	}
	for bottom := false; !bottom; b, wire = b[4:], wire-4 {
		if len(b) < 4 {
			return isShort
		}
		bottom = b[2]&1 != 0
	}
	if len(b) == 0 {
		return isShort
	}
	switch first := b[0] >> 4; {
	case d.isIP(b, wire):
		return d.ip(b, wire)
	case first == 0 && len(b) >= 4 && d.isEthernet(b[4:], wire-4):
		return d.ethernet(b[4:], wire-4)
	case d.isEthernet(b, wire):
		return d.ethernet(b, wire)
	case first == 4 || first == 6:
		return d.ip(b, wire)
	case first == 1:
		return d.other(layerOther, otherControl)
	case len(b) < wire && len(b) < 18:
		return isShort
	}
	return d.other(layerOther, otherMPLS)
}

// nsh reads a network service header (RFC 8300).
func (d *decoder) nsh(b []byte, wire int) verdict {
	if !d.enter(tunnelNSH) {
		return isOther
	}
	if len(b) < 8 {
		return isShort
	}
	n := int(b[1]&0x3f) * 4
	if n < 8 || len(b) < n {
		return isShort
	}
	return d.service(b[3], b[n:], wire-n)
}

// service reads what the next-protocol numbers of NSH and VXLAN-GPE name.
func (d *decoder) service(next uint8, b []byte, wire int) verdict {
	switch next {
	case 1:
		return d.ipv4(b, wire)
	case 2:
		return d.ipv6(b, wire)
	case 3:
		return d.ethernet(b, wire)
	case 4:
		return d.nsh(b, wire)
	case 5:
		return d.mpls(b, wire)
	}
	return d.other(layerOther, otherService)
}

// pppoe reads a session's packet (RFC 2516) from its version on.
func (d *decoder) pppoe(b []byte, wire int) verdict {
	if !d.enter(tunnelPPPoE) {
		return isOther
	}
	if len(b) < 6 {
		return isShort
	}
	if b[1] != 0 { // discovery
		return d.other(layerEther, 0x8863)
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	b, wire = b[6:], wire-6
	if n < wire {
		b, wire = b[:min(n, len(b))], n
	}
	return d.ppp(b, wire)
}

// ppp reads PPP, with or without its address and control bytes, and with a
// protocol of one byte or two (RFC 1661, 1662).
func (d *decoder) ppp(b []byte, wire int) verdict {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 0x03 {
		b, wire = b[2:], wire-2
	}
	if len(b) < 1 || len(b) == 1 && b[0] == 0xff && wire > 1 {
		return isShort
	}
	protocol := uint16(b[0])
	if b[0]&1 != 0 {
		b, wire = b[1:], wire-1
	} else {
		if len(b) < 2 {
			return isShort
		}
		protocol = binary.BigEndian.Uint16(b)
		b, wire = b[2:], wire-2
	}
	switch protocol {
	case pppIPv4:
		return d.ipv4(b, wire)
	case pppIPv6:
		return d.ipv6(b, wire)
	case pppMPLS, pppMPLSUpstream:
		return d.mpls(b, wire)
	}
	return d.other(layerPPP, uint32(protocol))
}

// Protocols of PPP.
const (
	pppIPv4         = 0x0021
	pppIPv6         = 0x0057
	pppMPLS         = 0x0281
	pppMPLSUpstream = 0x0283
)

func (d *decoder) ciscoHDLC(b []byte, wire int) verdict {
	if len(b) < 4 {
		return isShort
	}
	kind := binary.BigEndian.Uint16(b[2:])
	if kind == 0x8035 {
		return d.other(layerOther, otherSLARP)
	}
	return d.ether(kind, b[4:], wire-4)
}

// nflog reads a message of Linux's netfilter log: attributes, of which one is
// the packet, from its IP header on.
func (d *decoder) nflog(b []byte, wire int) verdict {
	if len(b) < 4 {
		return isShort
	}
	const payload = 9
	cut := wire - len(b) // the packet is the last attribute
	for b = b[4:]; len(b) >= 4; {
		// In the byte order of the capturing host; lengths are small, and the
		// upper bits of the type are flags.
		n, kind := int(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint16(b[2:])&0x3fff
		if big := int(binary.BigEndian.Uint16(b)); n > len(b)+cut && big <= len(b)+cut || kind > 0xff {
			n, kind = big, binary.BigEndian.Uint16(b[2:])&0x3fff
		}
		if n < 4 {
			return isShort
		}
		if kind == payload {
			return d.ip(b[4:min(max(n, 4), len(b))], n-4)
		}
		padded := (n + 3) &^ 3
		if padded > len(b) {
			return isShort
		}
		b = b[padded:]
	}
	if cut > 0 {
		return isShort
	}
	return d.other(layerOther, otherNFLOG)
}

// pktap reads a packet of Apple's pktap: a header in the capturing host's byte
// order, little-endian on all that have it, which holds the link-layer type of
// what follows.
func (d *decoder) pktap(link uint32, b []byte, wire int) verdict {
	if len(b) < 12 {
		return isShort
	}
	n, kind, inner := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	const isPacket, smallest, largest = 1, 108, 4096
	if link == linkPKTAPOnUser && (n < smallest || n > largest || kind > isPacket) { // the user's own
		return d.other(layerLink, link)
	}
	if n < 12 || kind != isPacket || inner == linkPKTAP || inner == linkPKTAPOnUser {
		return d.other(layerOther, otherPKTAP)
	}
	if uint64(n) > uint64(len(b)) {
		return isShort
	}
	if !d.enter(tunnelPKTAP) {
		return isOther
	}
	return d.link(inner, b[n:], wire-int(n))
}

// otherLink reads the link layers that are rarely captured today.
func (d *decoder) otherLink(link uint32, b []byte, wire int) verdict {
	n := 0 // length of the header
	switch link {
	case linkFDDI:
		n = 13
	case linkTokenRing:
		n = 14
		if len(b) > n && b[8]&0x80 != 0 { // the sender's address says that a route follows
			n += int(b[n] & 0x1f)
		}
	case linkSLIP:
		return d.afterHeader(16, 16, linkRaw, b, wire)
	case linkFireWire:
		n = 16
	case linkInfiniBand:
		n = 40
	case linkFrameRelay:
		return d.frameRelay(b, wire)
	}
	if len(b) < n+4 {
		return isShort
	}
	switch link {
	case linkFireWire:
		return d.ether(binary.BigEndian.Uint16(b[n:]), b[n+2:], wire-n-2)
	case linkInfiniBand:
		return d.ether(binary.BigEndian.Uint16(b[n:]), b[n+4:], wire-n-4)
	}
	return d.llc(b[n:], wire-n)
}

// frameRelay reads RFC 2427's encapsulation, or Cisco's: an address of 2 to 4 bytes,
// and a network-layer protocol or an EtherType.
func (d *decoder) frameRelay(b []byte, wire int) verdict {
	n := 0
	for last := false; !last; n++ {
		if n == len(b) {
			return isShort
		}
		if last = b[n]&1 != 0; n == 4 {
			return d.other(layerLink, linkFrameRelay)
		}
	}
	b, wire = b[n:], wire-n
	if len(b) < 4 {
		return isShort
	}
	const unnumbered, pad, snap, ip, ip6 = 0x03, 0x00, 0x80, 0xcc, 0x8e
	if b[0] != unnumbered {
		return d.ether(binary.BigEndian.Uint16(b), b[2:], wire-2)
	}
	if b, wire = b[1:], wire-1; b[0] == pad {
		b, wire = b[1:], wire-1
	}
	switch b[0] {
	case ip, ip6:
		return d.ip(b[1:], wire-1)
	case snap:
		if len(b) < 6 {
			return isShort
		}
		return d.snap(b[1:], wire-1)
	}
	return d.other(layerLink, linkFrameRelay)
}

// switchTag passes over the tag that a switch's chip puts into frames for the host
// that it is part of.
func (d *decoder) switchTag(link uint32, b []byte, wire int) verdict {
	const addresses = 12
	n := 4
	if link == linkEDSA {
		n = 8
	}
	if link == linkBroadcomTag {
		return d.afterHeader(n, n, linkEthernet, b, wire)
	}
	if len(b) < addresses+n+2 {
		return isShort
	}
	b, wire = b[addresses+n:], wire-addresses-n
	return d.ether(binary.BigEndian.Uint16(b), b[2:], wire-2)
}
