package capture

import "encoding/binary"

// wireless reads an IEEE 802.11 frame. Of several packets in one frame (A-MSDU)
// it reads the first.
func (d *decoder) wireless(b []byte, wire int) verdict {
	if len(b) < 2 {
		return isShort
	}
	return d.wirelessFrame(b[0], b[1], b, wire)
}

// wirelessFrame reads a frame of which first and second are the bytes of frame
// control, whatever b begins with.
func (d *decoder) wirelessFrame(first, second byte, b []byte, wire int) verdict {
	const version, management, control, data = 0x03, 0, 1, 2
	if first&version != 0 {
		return d.other(layerWireless, wirelessExtension)
	}
	switch first >> 2 & 3 {
	case management:
		return d.other(layerWireless, wirelessManagement)
	case control:
		return d.other(layerWireless, wirelessControl)
	case data:
		return d.wirelessData(first, second, b, wire)
	}
	return d.other(layerWireless, wirelessExtension)
}

func (d *decoder) wirelessData(first, second byte, b []byte, wire int) verdict {
	const (
		noData, qos                         = 0x40, 0x80       // of the subtype, in the first byte
		toDS, fromDS, protected, htControl  = 1, 2, 0x40, 0x80 // of the second
		aggregate, fragment, toAndFrom, htc = 0x80, 0x0f, toDS | fromDS, 4
	)
	if first&noData != 0 {
		return d.other(layerWireless, wirelessNoData)
	}
	if second&protected != 0 {
		return d.other(layerWireless, wirelessEncrypted)
	}
	head, several := 24, false
	if second&toAndFrom == toAndFrom {
		head += 6
	}
	if len(b) < head {
		return isShort
	}
	later := b[22]&fragment != 0
	if first&qos != 0 {
		if len(b) < head+2 {
			return isShort
		}
		several = b[head]&aggregate != 0
		head += 2
		if second&htControl != 0 {
			head += htc
		}
	}
	if len(b) < head {
		return isShort
	}
	// Access points number what they send through CAPWAP as they like: a frame
	// that begins with LLC is no later fragment.
	if later && !isSNAP(b[head:]) {
		return isFragment
	}
	// Some cards pad the header to a multiple of 4 bytes.
	pad := (head + 3) &^ 3
	if several {
		const sub = 14 // addresses and length
		if len(b) < head+sub {
			return isShort
		}
		if n := int(binary.BigEndian.Uint16(b[head+12:])); n < wire-head-sub {
			const smallest = sub + 8 // a packet more, and no checksum or padding
			if wire-head-sub-n >= smallest {
				d.tunnels |= 1 << tunnelAggregate
			}
			wire = head + sub + n
			b = b[:min(len(b), wire)]
		}
		return d.llc(b[head+sub:], wire-head-sub)
	}
	if pad != head && !isSNAP(b[head:]) && len(b) >= pad && isSNAP(b[pad:]) {
		head = pad
	}
	return d.llc(b[head:], wire-head)
}

func isSNAP(b []byte) bool {
	return len(b) >= 3 && b[0] == 0xaa && b[1] == 0xaa && b[2] == 0x03
}

// radiotap passes over the header that most Wi-Fi captures have.
func (d *decoder) radiotap(b []byte, wire int) verdict {
	if len(b) < 8 {
		return isShort
	}
	return d.afterHeader(int(binary.LittleEndian.Uint16(b[2:])), 8, linkWireless, b, wire)
}

// prism passes over a Prism or AVS header, of which the first says its length in
// the capturing host's byte order and the second in network byte order.
func (d *decoder) prism(b []byte, wire int) verdict {
	if len(b) < 8 {
		return isShort
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n > 1<<16 {
		n = binary.LittleEndian.Uint32(b[4:])
	}
	return d.afterHeader(int(min(n, 1<<17)), 8, linkWireless, b, wire)
}

// ppi passes over a header of per-packet information, which names the link layer
// of what follows.
func (d *decoder) ppi(b []byte, wire int) verdict {
	if len(b) < 8 {
		return isShort
	}
	link := binary.LittleEndian.Uint32(b[4:])
	if link == linkPPI || link == linkPKTAP {
		return d.other(layerLink, linkPPI)
	}
	return d.afterHeader(int(binary.LittleEndian.Uint16(b[2:])), 8, link, b, wire)
}

// afterHeader reads a frame of the link layer after a header of n bytes, which
// has smallest bytes at least.
func (d *decoder) afterHeader(n, smallest int, link uint32, b []byte, wire int) verdict {
	if n < smallest || n > len(b) {
		return isShort
	}
	return d.link(link, b[n:], wire-n)
}
