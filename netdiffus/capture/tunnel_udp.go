package capture

import "encoding/binary"

// UDP ports of tunnels.
const (
	portL2TP     = 1701
	portGTP      = 2152
	portTeredo   = 3544
	portGRE      = 4754 // RFC 8086
	portVXLAN    = 4789
	portVXLANGPE = 4790
	portCAPWAP   = 5247
	portGeneve   = 6081
	portMPLS     = 6635 // RFC 7510
	portVXLANOld = 8472 // VXLAN before it had a port, and Linux's default
)

// isTunnelPort reports whether a tunnel may run between the ports. VXLAN and the
// like have any port as source; of others the answers come from the tunnel's.
func isTunnelPort(from, to uint16) bool {
	switch to {
	case portL2TP, portGTP, portTeredo, portGRE, portVXLAN, portVXLANGPE, portCAPWAP, portGeneve, portMPLS, portVXLANOld:
		return true
	}
	switch from {
	case portL2TP, portGTP, portTeredo, portCAPWAP:
		return true
	}
	return false
}

// inUDP reads a tunnel in the UDP datagram b, whose header has 8 bytes and whose
// payload had the length, bytes. It returns false for a datagram that is
// something else: a tunnel's header and the header of the packet in it have to
// be right, for no port is bound to its tunnel.
func (d *decoder) inUDP(b []byte, length int) (verdict, bool) {
	from, to := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[8:]
	b = b[:min(len(b), length)]
	switch to {
	case portVXLAN, portVXLANOld:
		return d.vxlan(b, length)
	case portVXLANGPE:
		return d.vxlanGPE(b, length)
	case portGeneve:
		return d.geneve(b, length)
	case portMPLS:
		return d.mplsUDP(b, length)
	case portGRE:
		return d.greUDP(b, length)
	}
	for _, port := range [2]uint16{to, from} {
		switch port {
		case portGTP:
			return d.gtp(b, length)
		case portCAPWAP:
			return d.capwap(b, length)
		case portTeredo:
			return d.teredo(b, length)
		case portL2TP:
			return d.l2tp(b, length)
		}
	}
	return 0, false
}

// open enters a tunnel in UDP and reads what is in it.
func (d *decoder) open(k tunnel, read func(d *decoder, b []byte, wire int) verdict, b []byte, wire int) (verdict, bool) {
	if !d.enter(k) {
		return isOther, true
	}
	return read(d, b, wire), true
}

// openAny is open for a tunnel whose packets are IP or Ethernet, as d finds.
func (d *decoder) openAny(k tunnel, kind uint16, b []byte, wire int) (verdict, bool) {
	switch {
	case kind == etherBridged && d.isEthernet(b, wire):
		return d.open(k, (*decoder).ethernet, b, wire)
	case kind == etherIPv4 && len(b) > 0 && b[0]>>4 == 4 && d.isIP(b, wire),
		kind == etherIPv6 && len(b) > 0 && b[0]>>4 == 6 && d.isIP(b, wire):
		return d.open(k, (*decoder).ip, b, wire)
	case kind == etherMPLS && isLabels(b):
		return d.open(k, (*decoder).mpls, b, wire)
	case kind == etherNSH && len(b) >= 2 && b[0]>>6 == 0 && b[1]&0x3f >= 2:
		return d.open(k, (*decoder).nsh, b, wire)
	}
	return 0, false
}

// vxlan reads RFC 7348's header, and Cisco's with a group policy in it.
func (d *decoder) vxlan(b []byte, wire int) (verdict, bool) {
	if len(b) < 8 {
		return 0, false
	}
	const hasNumber, hasGroup = 0x08, 0x80
	plain := b[0] == hasNumber && b[1] == 0 && b[2] == 0 && b[3] == 0
	group := b[0] == hasNumber|hasGroup && b[1]&^0x48 == 0 // don't learn, applied
	if b[7] != 0 || !plain && !group {
		return 0, false
	}
	return d.openAny(tunnelVXLAN, etherBridged, b[8:], wire-8)
}

// vxlanGPE reads draft-ietf-nvo3-vxlan-gpe.
func (d *decoder) vxlanGPE(b []byte, wire int) (verdict, bool) {
	if len(b) < 8 {
		return 0, false
	}
	const version, hasNumber, hasNext, reserved = 0x30, 0x08, 0x04, 0xc0
	if b[0]&(version|reserved) != 0 || b[0]&hasNumber == 0 || b[1] != 0 || b[2] != 0 || b[7] != 0 {
		return 0, false
	}
	kind := uint16(etherBridged)
	if b[0]&hasNext != 0 {
		kinds := [...]uint16{1: etherIPv4, 2: etherIPv6, 3: etherBridged, 4: etherNSH, 5: etherMPLS}
		if int(b[3]) >= len(kinds) {
			return 0, false
		}
		kind = kinds[b[3]]
	}
	return d.openAny(tunnelVXLANGPE, kind, b[8:], wire-8)
}

// geneve reads RFC 8926.
func (d *decoder) geneve(b []byte, wire int) (verdict, bool) {
	if len(b) < 8 || b[0]>>6 != 0 || b[1]&0x3f != 0 || b[7] != 0 {
		return 0, false
	}
	head := 8 + int(b[0]&0x3f)*4
	if head > len(b) {
		return 0, false
	}
	for options := b[8:head]; len(options) > 0; {
		if len(options) < 4 {
			return 0, false
		}
		n := 4 + int(options[3]&0x1f)*4
		if n > len(options) {
			return 0, false
		}
		options = options[n:]
	}
	return d.openAny(tunnelGeneve, binary.BigEndian.Uint16(b[2:]), b[head:], wire-head)
}

// gtp reads GTP-U of version 1 (3GPP TS 29.281), the messages that carry a
// packet. The others are of the tunnel's ends.
func (d *decoder) gtp(b []byte, wire int) (verdict, bool) {
	const versionAndGTP, spare, options, packet = 0x30, 0x08, 0x07, 0xff
	if len(b) < 8 || b[0]&0xf0 != versionAndGTP || b[0]&spare != 0 || b[1] != packet {
		return 0, false
	}
	if n := int(binary.BigEndian.Uint16(b[2:])); n != wire-8 && !(d.part && n > wire-8) {
		return 0, false
	}
	head := 8
	if b[0]&options != 0 {
		head = 12
		if len(b) < head {
			return 0, false
		}
		for next := b[11]; next != 0; next = b[head-1] { // extension headers
			if len(b) <= head {
				return 0, false
			}
			n := int(b[head]) * 4
			if n == 0 || len(b) < head+n {
				return 0, false
			}
			head += n
		}
	}
	b, wire = b[head:], wire-head
	switch {
	case d.fillsIP(b, wire):
		return d.open(tunnelGTP, (*decoder).ip, b, wire)
	case d.isEthernet(b, wire): // a 5G session of Ethernet
		return d.open(tunnelGTP, (*decoder).ethernet, b, wire)
	}
	return 0, false
}

// capwap reads the data channel of RFC 5415, where it is not encrypted: 802.11
// frames (RFC 5416) or those of Ethernet.
func (d *decoder) capwap(b []byte, wire int) (verdict, bool) {
	if len(b) < 8 || b[0] != 0 { // version 0, and no DTLS
		return 0, false
	}
	bits := uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	const native, fragment, keepAlive, reserved, is80211 = 0x100, 0x80, 0x08, 0x07, 1
	const hasInfo, hasRadio = 0x20, 0x10
	head, binding := int(bits>>19)*4, bits>>9&0x1f
	if bits&(keepAlive|reserved) != 0 || head < 8 || head > len(b) || b[7]&0x07 != 0 {
		return 0, false
	}
	n := 8 // what the optional parts, each with its length in front, make of it
	for _, bit := range []uint32{hasRadio, hasInfo} {
		if bits&bit != 0 && n < head {
			n += (1 + int(b[n]) + 3) &^ 3
		}
	}
	if n != head {
		return 0, false
	}
	offset := int(binary.BigEndian.Uint16(b[6:])&^7) / 8
	if bits&fragment == 0 && offset > 0 {
		return 0, false
	}
	if bits&fragment != 0 && offset > 0 {
		d.tunnels |= 1 << tunnelCAPWAP
		return isFragment, true
	}
	d.part = d.part || bits&fragment != 0
	b, wire = b[head:], wire-head
	if bits&native == 0 {
		if !d.isEthernet(b, wire) {
			return 0, false
		}
		return d.open(tunnelCAPWAP, (*decoder).ethernet, b, wire)
	}
	if binding != is80211 || len(b) < 2 {
		return 0, false
	}
	// Many access points swap the two bytes of frame control. The lower four
	// bits of the first are 8 in a data frame: its version and type.
	const isData, isManagement, low, power = 0x08, 0, 0x0f, 0x18
	first, second := b[0], b[1]
	if first&low != isData && second&low == isData {
		first, second = second, first
	}
	switch {
	case wire < 24, first&low != isData && first&low != isManagement:
		return 0, false
	case first&low == isManagement && second&^power != 0: // retried, asleep
		return 0, false
	}
	if !d.enter(tunnelCAPWAP) {
		return isOther, true
	}
	return d.wirelessFrame(first, second, b, wire), true
}

// teredo reads RFC 4380: IPv6, maybe behind a proof of who sent it and behind
// where it was seen to come from. One end has a Teredo address, 2001::/32, or
// asks a router for it.
func (d *decoder) teredo(b []byte, wire int) (verdict, bool) {
	if len(b) >= 4 && b[0] == 0 && b[1] == 1 { // authentication
		n := 13 + int(b[2]) + int(b[3])
		if len(b) < n {
			return 0, false
		}
		b, wire = b[n:], wire-n
	}
	if len(b) >= 8 && b[0] == 0 && b[1] == 0 { // origin
		b, wire = b[8:], wire-8
	}
	if len(b) < 40 || b[0]>>4 != 6 {
		return 0, false
	}
	if !d.fillsIP(b, wire) {
		return 0, false
	}
	const prefix, linkLocal = "\x20\x01\x00\x00", "\xfe\x80"
	if string(b[8:12]) != prefix && string(b[24:28]) != prefix && string(b[8:10]) != linkLocal {
		return 0, false
	}
	return d.open(tunnelTeredo, (*decoder).ip, b, wire)
}

// l2tp reads the data messages of version 2 (RFC 2661) and 3 (RFC 3931).
func (d *decoder) l2tp(b []byte, wire int) (verdict, bool) {
	const control, hasLength, hasSequence, hasOffset, reserved, version = 0x8000, 0x4000, 0x0800, 0x0200, 0x34f0, 0x000f
	if len(b) < 6 {
		return 0, false
	}
	flags := binary.BigEndian.Uint16(b)
	if flags&(control|reserved) != 0 {
		return 0, false
	}
	if flags&version == 3 {
		if flags != 3 || len(b) < 8 || b[2] != 0 || b[3] != 0 || binary.BigEndian.Uint32(b[4:]) == 0 {
			return 0, false
		}
		return d.l2tpSession(b[8:], wire-8)
	}
	if flags&version != 2 {
		return 0, false
	}
	head := 6
	if flags&hasLength != 0 {
		head += 2
		if int(binary.BigEndian.Uint16(b[2:])) != wire && !d.part {
			return 0, false
		}
	}
	if flags&hasSequence != 0 {
		head += 4
	}
	if flags&hasOffset != 0 {
		if len(b) < head+2 {
			return 0, false
		}
		head += 2 + int(binary.BigEndian.Uint16(b[head:]))
	}
	if len(b) < head || !d.isPPP(b[head:], wire-head) {
		return 0, false
	}
	return d.open(tunnelL2TP, (*decoder).ppp, b[head:], wire-head)
}

// isLabels reports whether b holds a stack of MPLS labels with its bottom.
func isLabels(b []byte) bool {
	for ; len(b) > 4; b = b[4:] {
		if b[2]&1 != 0 {
			return true
		}
	}
	return false
}

func (d *decoder) mplsUDP(b []byte, wire int) (verdict, bool) {
	inner, left := b, wire
	for len(inner) > 4 && inner[2]&1 == 0 {
		inner, left = inner[4:], left-4
	}
	if len(inner) <= 4 || !d.fillsIP(inner[4:], left-4) {
		return 0, false
	}
	return d.open(tunnelMPLSUDP, (*decoder).mpls, b, wire)
}

func (d *decoder) greUDP(b []byte, wire int) (verdict, bool) {
	const key = 0x2000
	if len(b) < 4 || binary.BigEndian.Uint16(b)&^key != 0 {
		return 0, false
	}
	head := 4
	if b[0] != 0 {
		head = 8
	}
	kind := binary.BigEndian.Uint16(b[2:])
	if len(b) < head || kind != etherIPv4 && kind != etherIPv6 && kind != etherBridged {
		return 0, false
	}
	inner, left := b[head:], wire-head
	if kind == etherBridged && !d.isEthernet(inner, left) || kind != etherBridged && !d.fillsIP(inner, left) {
		return 0, false
	}
	return d.open(tunnelGREUDP, (*decoder).gre, b, wire)
}
