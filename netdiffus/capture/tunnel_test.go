package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tshark"
)

var big = binary.BigEndian

// cat joins headers, given as bytes or as hexadecimal text, and payloads.
func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b = append(b, p...)
		case string:
			p = strings.ReplaceAll(p, " ", "")
			for ; len(p) > 0; p = p[2:] {
				var v byte
				if _, err := fmt.Sscanf(p[:2], "%02x", &v); err != nil {
					panic(err)
				}
				b = append(b, v)
			}
		case uint16:
			b = big.AppendUint16(b, p)
		case int: // a length
			b = big.AppendUint16(b, uint16(p))
		}
	}
	return b
}

// The innermost packet of all samples.
const innerPayload = 100

var innerTCP = cat(uint16(50000), uint16(443), "00000001 00000002 50 18 0400 0000 0000", make([]byte, innerPayload))

func ip4In(protocol byte, payload []byte) []byte {
	b := cat("45 00", 20+len(payload), "0007 0000 40", []byte{protocol}, "0000 0a000001 0a000002")
	big.PutUint16(b[10:], checksum(b, 0))
	return cat(b, payload)
}

func ip6In(next byte, payload []byte) []byte {
	return cat("60 00 0000", len(payload), []byte{next}, "40 20010db8000000000000000000000001 20010db8000000000000000000000002", payload)
}

func udpIn(from, to uint16, payload []byte) []byte {
	return cat(from, to, 8+len(payload), "0000", payload)
}

func etherIn(kind uint16, payload []byte) []byte {
	return cat("00005e005302 00005e005301", kind, payload)
}

// etherIP puts an IP packet of either version in an Ethernet frame.
func etherOf(ip []byte) []byte {
	if ip[0]>>4 == 6 {
		return etherIn(etherIPv6, ip)
	}
	return etherIn(etherIPv4, ip)
}

func etherKind(ip []byte) uint16 {
	if ip[0]>>4 == 6 {
		return etherIPv6
	}
	return etherIPv4
}

func pppKind(ip []byte) uint16 {
	if ip[0]>>4 == 6 {
		return pppIPv6
	}
	return pppIPv4
}

func udpTunnel(port uint16, payload ...any) []byte {
	return ip4In(protoUDP, udpIn(port, port, cat(payload...)))
}

func snap(ip []byte) []byte { return cat("aaaa03 000000", etherKind(ip), ip) }

// wrapper puts an IP packet into an encapsulation.
type wrapper struct {
	name    string
	link    uint32   // of the frame that results; 0 means raw IP
	tunnels []string // as Counts names them
	wrap    func(ip []byte) []byte
	outer   verdict // of decoding with Outer
	noShark bool    // tshark does not open it by itself
}

func linkOf(w wrapper) uint32 {
	if w.link == 0 {
		return linkRaw
	}
	return w.link
}

var wrappers = []wrapper{
	// Over IP.
	{name: "4in4", tunnels: []string{"IP in IP"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip4In(ipProtocol(ip), ip) }},
	{name: "in IPv6", tunnels: []string{"IP in IP"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip6In(ipProtocol(ip), ip) }},
	{name: "GRE", tunnels: []string{"GRE"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip4In(protoGRE, cat("0000", etherKind(ip), ip)) }},
	{name: "GRE with all fields", tunnels: []string{"GRE"}, outer: isOtherIP, noShark: true, wrap: func(ip []byte) []byte {
		return ip6In(protoGRE, cat("f000", etherKind(ip), "0000 0000 00000007 00000001", "0800 00 04 c0000201 0000 00 00", ip))
	}},
	{name: "GRE with key and sequence", tunnels: []string{"GRE"}, outer: isOtherIP, wrap: func(ip []byte) []byte {
		return ip4In(protoGRE, cat("3000", etherKind(ip), "00000007 00000001", ip))
	}},
	{name: "NVGRE", tunnels: []string{"NVGRE"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip4In(protoGRE, cat("2000 6558 000007 01", etherOf(ip))) }},
	{name: "bridged GRE", tunnels: []string{"GRE"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip4In(protoGRE, cat("0000 6558", etherOf(ip))) }},
	{name: "PPTP", tunnels: []string{"PPTP"}, outer: isOtherIP, wrap: func(ip []byte) []byte {
		return ip4In(protoGRE, cat("3081 880b", 4+len(ip), "0007 00000001 00000001 ff03", pppKind(ip), ip))
	}},
	{name: "WCCP", tunnels: []string{"GRE"}, outer: isOtherIP, noShark: true, wrap: func(ip []byte) []byte { return ip4In(protoGRE, cat("0000 883e 00000000", ip)) }},
	{name: "ERSPAN I", tunnels: []string{"ERSPAN I"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip4In(protoGRE, cat("0000 88be", etherOf(ip))) }},
	{name: "ERSPAN II", tunnels: []string{"ERSPAN II"}, outer: isOtherIP, wrap: func(ip []byte) []byte {
		return ip4In(protoGRE, cat("1000 88be 00000001 1001 0007 00000000", etherOf(ip)))
	}},
	{name: "ERSPAN III", tunnels: []string{"ERSPAN III"}, outer: isOtherIP, wrap: func(ip []byte) []byte {
		return ip4In(protoGRE, cat("1000 22eb 00000001 2001 0007 00000001 0000 0000", etherOf(ip)))
	}},
	{name: "ERSPAN III with the platform's", tunnels: []string{"ERSPAN III"}, outer: isOtherIP, wrap: func(ip []byte) []byte {
		return ip4In(protoGRE, cat("1000 22eb 00000001 2001 0007 00000001 0000 0001 0c000000 00000000", etherOf(ip)))
	}},
	{name: "EtherIP", tunnels: []string{"EtherIP"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip4In(protoEtherIP, cat("3000", etherOf(ip))) }},
	{name: "Ethernet in IPv6", tunnels: []string{"Ethernet in IP"}, outer: isOtherIP, noShark: true, wrap: func(ip []byte) []byte { return ip6In(protoEthernet, etherOf(ip)) }},
	{name: "MPLS in IP", tunnels: []string{"MPLS"}, outer: isOtherIP, wrap: func(ip []byte) []byte { return ip4In(protoMPLS, cat("00007 1 40", ip)) }},
	{name: "AH, then a tunnel", tunnels: []string{"AH", "IP in IP"}, outer: isOtherIP, wrap: func(ip []byte) []byte {
		return ip4In(protoAuth, cat([]byte{ipProtocol(ip)}, "04 0000 00000001 00000001 000000000000000000000000", ip))
	}},
	{name: "L2TPv3", tunnels: []string{"L2TPv3"}, outer: isOtherIP, noShark: true, wrap: func(ip []byte) []byte { return ip4In(protoL2TP, cat("00000007", etherOf(ip))) }},
	{name: "L2TPv3 with cookie and sublayer", tunnels: []string{"L2TPv3"}, outer: isOtherIP, noShark: true, wrap: func(ip []byte) []byte {
		return ip4In(protoL2TP, cat("00000007 f1f2f3f4f5f6f7f8 40000001", etherOf(ip)))
	}},

	// Over UDP.
	{name: "VXLAN", tunnels: []string{"VXLAN"}, wrap: func(ip []byte) []byte { return udpTunnel(portVXLAN, "08000000 00000700", etherOf(ip)) }},
	{name: "VXLAN, Linux's port", tunnels: []string{"VXLAN"}, wrap: func(ip []byte) []byte { return udpTunnel(portVXLANOld, "08000000 00000700", etherOf(ip)) }},
	{name: "VXLAN with group policy", tunnels: []string{"VXLAN"}, wrap: func(ip []byte) []byte { return udpTunnel(portVXLAN, "88000011 00000700", etherOf(ip)) }},
	{name: "VXLAN-GPE of IP", tunnels: []string{"VXLAN-GPE"}, wrap: func(ip []byte) []byte {
		next := "01"
		if ip[0]>>4 == 6 {
			next = "02"
		}
		return udpTunnel(portVXLANGPE, "0c0000", next, "00000700", ip)
	}},
	{name: "VXLAN-GPE of Ethernet", tunnels: []string{"VXLAN-GPE"}, wrap: func(ip []byte) []byte { return udpTunnel(portVXLANGPE, "0c000003 00000700", etherOf(ip)) }},
	{name: "VXLAN-GPE of NSH", tunnels: []string{"VXLAN-GPE", "NSH"}, wrap: func(ip []byte) []byte {
		return udpTunnel(portVXLANGPE, "0c000004 00000700 0fc2 02 03 00000701", etherOf(ip))
	}},
	{name: "Geneve", tunnels: []string{"Geneve"}, wrap: func(ip []byte) []byte { return udpTunnel(portGeneve, "00006558 00000700", etherOf(ip)) }},
	{name: "Geneve of IP with options", tunnels: []string{"Geneve"}, wrap: func(ip []byte) []byte {
		return udpTunnel(portGeneve, "0300", etherKind(ip), "00000700 0102 80 01 00000001 0102 00 00", ip)
	}},
	{name: "GTP-U", tunnels: []string{"GTP-U"}, wrap: func(ip []byte) []byte { return udpTunnel(portGTP, "30ff", len(ip), "00000007", ip) }},
	{name: "GTP-U with extension headers", tunnels: []string{"GTP-U"}, wrap: func(ip []byte) []byte {
		return udpTunnel(portGTP, "34ff", 8+len(ip), "00000007 0000 00 85 01 00 09 00", ip)
	}},
	{name: "Teredo", tunnels: []string{"Teredo", "IP in IP"}, wrap: func(ip []byte) []byte { return udpTunnel(portTeredo, teredoOf(ip)) }},
	{name: "Teredo with authentication and origin", tunnels: []string{"Teredo", "IP in IP"}, wrap: func(ip []byte) []byte {
		return udpTunnel(portTeredo, "0001 00 00 0000000000000000 00 0000 63bf 3fff fdfe", teredoOf(ip))
	}},
	{name: "L2TP", tunnels: []string{"L2TP"}, wrap: func(ip []byte) []byte { return udpTunnel(portL2TP, "0002 0007 0008 ff03", pppKind(ip), ip) }},
	{name: "L2TP with all fields", tunnels: []string{"L2TP"}, wrap: func(ip []byte) []byte {
		return udpTunnel(portL2TP, "4a02", 17+len(ip), "0007 0008 0001 0002 0002 0000", []byte{byte(pppKind(ip))}, ip)
	}},
	{name: "L2TPv3 over UDP", tunnels: []string{"L2TPv3"}, noShark: true, wrap: func(ip []byte) []byte { return udpTunnel(portL2TP, "0003 0000 00000007 f1f2f3f4", etherOf(ip)) }},
	{name: "MPLS in UDP", tunnels: []string{"MPLS in UDP", "MPLS"}, wrap: func(ip []byte) []byte { return udpTunnel(portMPLS, "00007040 00008140", ip) }},
	{name: "GRE in UDP", tunnels: []string{"GRE in UDP", "GRE"}, wrap: func(ip []byte) []byte { return udpTunnel(portGRE, "2000", etherKind(ip), "00000007", ip) }},
	{name: "CAPWAP of Ethernet", tunnels: []string{"CAPWAP"}, noShark: true, wrap: func(ip []byte) []byte { return udpTunnel(portCAPWAP, "00 100200 0000 0000", etherOf(ip)) }},
	{name: "CAPWAP of 802.11", tunnels: []string{"CAPWAP"}, noShark: true, wrap: func(ip []byte) []byte {
		return udpTunnel(portCAPWAP, "00 100300 0000 0000", "0801 0000 020000000001 020000000002 020000000003 0000", snap(ip))
	}},
	{name: "CAPWAP of 802.11, bytes swapped", tunnels: []string{"CAPWAP"}, wrap: func(ip []byte) []byte {
		return udpTunnel(portCAPWAP, "00 300330 0000 0000 06 020000000009 00 04 c0 2a 0000 0000 00", "0188 0000 020000000001 020000000002 020000000003 0000 0000", snap(ip))
	}},

	// Link layers.
	{name: "PBB", link: linkEthernet, tunnels: []string{"PBB (802.1ah)"}, wrap: func(ip []byte) []byte {
		return etherIn(etherQinQ, cat("0007 88e7 00000007", etherOf(ip)))
	}},
	{name: "MPLS", link: linkEthernet, tunnels: []string{"MPLS"}, wrap: func(ip []byte) []byte { return etherIn(etherMPLS, cat("00007040 00008140", ip)) }},
	{name: "MPLS with control word", link: linkEthernet, tunnels: []string{"MPLS"}, wrap: func(ip []byte) []byte { return etherIn(etherMPLS, cat("00007040 00008140 00000000", etherOf(ip))) }},
	{name: "MPLS of Ethernet", link: linkEthernet, tunnels: []string{"MPLS"}, wrap: func(ip []byte) []byte { return etherIn(etherMPLS, cat("00007040 00008140", etherOf(ip))) }},
	{name: "MPLS of a MAC address that begins with 4", link: linkEthernet, tunnels: []string{"MPLS"}, noShark: true, wrap: func(ip []byte) []byte {
		return etherIn(etherMPLS, cat("00008140", "45", etherOf(ip)[1:]))
	}},
	{name: "PPPoE", link: linkEthernet, tunnels: []string{"PPPoE"}, wrap: func(ip []byte) []byte {
		return etherIn(etherPPPoE, cat("1100 0007", 2+len(ip), pppKind(ip), ip, "0000"))
	}},
	{name: "NSH", link: linkEthernet, tunnels: []string{"NSH"}, wrap: func(ip []byte) []byte { return etherIn(etherNSH, cat("0fc2 02 03 00000701", etherOf(ip))) }},
	{name: "E-Tag", link: linkEthernet, tunnels: []string{tunnelPortTag.String()}, wrap: func(ip []byte) []byte { return etherIn(etherETag, cat("0000 0007 0000", etherKind(ip), ip)) }},
	{name: "VN-Tag", link: linkEthernet, tunnels: []string{tunnelPortTag.String()}, wrap: func(ip []byte) []byte { return etherIn(etherVNTag, cat("0000 0007", etherKind(ip), ip)) }},
	{name: "HSR", link: linkEthernet, tunnels: []string{tunnelPortTag.String()}, wrap: func(ip []byte) []byte { return etherIn(etherHSR, cat("1042 0001", etherKind(ip), ip)) }},
	{name: "TrustSec", link: linkEthernet, tunnels: []string{tunnelPortTag.String()}, wrap: func(ip []byte) []byte {
		return etherIn(etherTrustSec, cat("01 01 0001 0007", etherKind(ip), ip))
	}},
	{name: "TRILL", link: linkEthernet, tunnels: []string{tunnelBridged.String()}, wrap: func(ip []byte) []byte {
		return etherIn(etherTRILL, cat("0003 0001 0002", etherOf(ip)))
	}},
	{name: "TRILL with options", link: linkEthernet, tunnels: []string{tunnelBridged.String()}, noShark: true, wrap: func(ip []byte) []byte {
		return etherIn(etherTRILL, cat("0043 0001 0002 00000000", etherOf(ip)))
	}},
	{name: "FabricPath", link: linkEthernet, tunnels: []string{tunnelBridged.String()}, noShark: true, wrap: func(ip []byte) []byte {
		return etherIn(etherFabricPath, cat("0045", etherOf(ip)))
	}},
	{name: "Arista's time stamps", link: linkEthernet, tunnels: []string{tunnelPortTag.String()}, wrap: func(ip []byte) []byte {
		return etherIn(etherArista, cat("0001 0010 5ceeed57384f59c8", etherKind(ip), ip))
	}},
	{name: "Arista's short time stamps", link: linkEthernet, tunnels: []string{tunnelPortTag.String()}, wrap: func(ip []byte) []byte {
		return etherIn(etherArista, cat("0001 0020 ed57384f59c8", etherKind(ip), ip))
	}},
	{name: "GRE of 802.11", tunnels: []string{"GRE"}, outer: isOtherIP, wrap: func(ip []byte) []byte {
		return ip4In(protoGRE, cat("0000 8200 0801 0000 020000000001 020000000002 020000000003 0000", snap(ip)))
	}},
	{name: "FDDI", link: linkFDDI, wrap: func(ip []byte) []byte { return cat("50 020000000001 020000000002", snap(ip)) }},
	{name: "Token Ring", link: linkTokenRing, wrap: func(ip []byte) []byte { return cat("10 40 020000000001 020000000002", snap(ip)) }},
	{name: "Token Ring with a route", link: linkTokenRing, wrap: func(ip []byte) []byte { return cat("10 40 020000000001 820000000002 0630 0011 0020", snap(ip)) }},
	{name: "SLIP", link: linkSLIP, noShark: true, wrap: func(ip []byte) []byte { return cat("00 45", make([]byte, 14), ip) }},
	{name: "IEEE 1394", link: linkFireWire, wrap: func(ip []byte) []byte {
		return cat("0200000000000001 0200000000000002", etherKind(ip), ip)
	}},
	{name: "InfiniBand", link: linkInfiniBand, wrap: func(ip []byte) []byte { return cat(make([]byte, 40), etherKind(ip), "0000", ip) }},
	{name: "Frame Relay", link: linkFrameRelay, wrap: func(ip []byte) []byte {
		return cat("1841 03", []byte{map[byte]byte{4: 0xcc, 6: 0x8e}[ip[0]>>4]}, ip)
	}},
	{name: "Frame Relay with SNAP", link: linkFrameRelay, wrap: func(ip []byte) []byte { return cat("1841 03 00 80 000000", etherKind(ip), ip) }},
	{name: "Frame Relay, Cisco's", link: linkFrameRelay, wrap: func(ip []byte) []byte { return cat("1841", etherKind(ip), ip) }},
	{name: "DSA", link: linkDSA, noShark: true, wrap: func(ip []byte) []byte { return cat("00005e005302 00005e005301 00120003", etherKind(ip), ip) }},
	{name: "EDSA", link: linkEDSA, noShark: true, wrap: func(ip []byte) []byte {
		return cat("00005e005302 00005e005301 dada 0000 00120003", etherKind(ip), ip)
	}},
	{name: "Broadcom's tag", link: linkBroadcom, noShark: true, wrap: func(ip []byte) []byte {
		return cat("00005e005302 00005e005301 00000003", etherKind(ip), ip)
	}},
	{name: "Broadcom's tag in front", link: linkBroadcomTag, noShark: true, wrap: func(ip []byte) []byte { return cat("00000003", etherOf(ip)) }},
	{name: "802.3 with SNAP", link: linkEthernet, wrap: func(ip []byte) []byte { return etherIn(uint16(8+len(ip)), cat(snap(ip), "000000")) }},
	{name: "802.3 with IP's LLC", link: linkEthernet, noShark: true, wrap: func(ip []byte) []byte { return etherIn(uint16(3+len(ip)), cat("060603", ip)) }},
	{name: "SNAP in a VLAN", link: linkEthernet, wrap: func(ip []byte) []byte { return etherIn(etherVLAN, cat("0007", 8+len(ip), snap(ip))) }},
	{name: "bridged in SNAP", link: linkATM, tunnels: []string{tunnelBridged.String()}, wrap: func(ip []byte) []byte { return cat("aaaa03 0080c2 0007 0000", etherOf(ip)) }},
	{name: "PPP", link: linkPPP, wrap: func(ip []byte) []byte { return cat("ff03", pppKind(ip), ip) }},
	{name: "PPP, compressed", link: linkPPP, wrap: func(ip []byte) []byte { return cat([]byte{byte(pppKind(ip))}, ip) }},
	{name: "PPP of MPLS", link: linkPPP, tunnels: []string{"MPLS"}, wrap: func(ip []byte) []byte { return cat("ff03 0281 00007140", ip) }},
	{name: "PPP in HDLC framing", link: linkPPPHDLC, wrap: func(ip []byte) []byte { return cat("ff03", pppKind(ip), ip) }},
	{name: "Cisco HDLC as PPP", link: linkPPPHDLC, wrap: func(ip []byte) []byte { return cat("0f00", etherKind(ip), ip) }},
	{name: "PPPoE alone", link: linkPPPEther, tunnels: []string{"PPPoE"}, wrap: func(ip []byte) []byte { return cat("1100 0007", 2+len(ip), pppKind(ip), ip) }},
	{name: "PPP with direction", link: linkPPPWithDir, wrap: func(ip []byte) []byte { return cat("01 ff03", pppKind(ip), ip) }},
	{name: "PPP of pppd", link: linkPPPPppd, noShark: true, wrap: func(ip []byte) []byte { return cat("00 03", pppKind(ip), ip) }},
	{name: "Cisco HDLC", link: linkCiscoHDLC, wrap: func(ip []byte) []byte { return cat("0f00", etherKind(ip), ip) }},
	{name: "cooked with VLAN", link: linkLinuxSLL, wrap: func(ip []byte) []byte { return cat("0000 0001 0006 00005e005301 0000 8100 0007", etherKind(ip), ip) }},
	{name: "cooked with VLAN, as in Ethernet", link: linkLinuxSLL, noShark: true, wrap: func(ip []byte) []byte {
		return cat("0000 0001 0006 00005e005301 8100 0007 0000", etherKind(ip), ip)
	}},
	{name: "cooked Wi-Fi", link: linkLinuxSLL, noShark: true, wrap: func(ip []byte) []byte {
		return cat("0000 0323 0006 00005e005301 0000 0004", "0000 0800 00000000 0802 0000 020000000001 020000000002 020000000003 0000", snap(ip))
	}},
	{name: "IPNET", link: linkIPNet, noShark: true, wrap: func(ip []byte) []byte { return cat("01 02 0002 00000000 00000001 00000000 00000000 00000000", ip) }},
	{name: "cooked v2 with VLAN", link: linkLinuxSLL2, wrap: func(ip []byte) []byte {
		return cat("8100 0000 00000002 0001 00 06 00005e005301 0000 0007", etherKind(ip), ip)
	}},
	{name: "cooked with LLC", link: linkLinuxSLL, wrap: func(ip []byte) []byte { return cat("0000 0001 0006 00005e005301 0000 0004", snap(ip)) }},
	{name: "802.11", link: linkWireless, wrap: func(ip []byte) []byte { return cat("0801 0000 020000000001 020000000002 020000000003 0000", snap(ip)) }},
	{name: "802.11, numbered as a fragment", link: linkWireless, wrap: func(ip []byte) []byte {
		return cat("0801 0000 020000000001 020000000002 020000000003 7630", snap(ip))
	}},
	{name: "802.11 QoS with four addresses", link: linkWireless, wrap: func(ip []byte) []byte {
		return cat("8803 0000 020000000001 020000000002 020000000003 0000 020000000004 0000", snap(ip))
	}},
	{name: "802.11 with radiotap", link: linkRadiotap, wrap: func(ip []byte) []byte {
		return cat("0000 0800 00000000 0802 0000 020000000001 020000000002 020000000003 0000", snap(ip))
	}},
	{name: "802.11 padded", link: linkRadiotap, wrap: func(ip []byte) []byte {
		return cat("0000 0900 02000000 20 8802 0000 020000000001 020000000002 020000000003 0000 0000 0000", snap(ip))
	}},
	{name: "802.11 aggregate", link: linkRadiotap, wrap: func(ip []byte) []byte {
		return cat("0000 0800 00000000 8802 0000 020000000001 020000000002 020000000003 0000 8000", "020000000001 020000000003", 8+len(ip), snap(ip))
	}},
	{name: "802.11 aggregate of two", link: linkRadiotap, tunnels: []string{tunnelAggregate.String()}, noShark: true, wrap: func(ip []byte) []byte {
		one := cat("020000000001 020000000003", 8+len(ip), snap(ip))
		one = one[:len(one):len(one)]
		return cat("0000 0800 00000000 8802 0000 020000000001 020000000002 020000000003 0000 8000", one, make([]byte, -len(one)&3), one)
	}},
	{name: "802.11 with PPI", link: linkPPI, wrap: func(ip []byte) []byte {
		return cat("00 00 0800 69000000 0802 0000 020000000001 020000000002 020000000003 0000", snap(ip))
	}},
	{name: "802.11 with AVS", link: linkAVS, noShark: true, wrap: func(ip []byte) []byte {
		return cat("80211001 00000040", make([]byte, 56), "0802 0000 020000000001 020000000002 020000000003 0000", snap(ip))
	}},
	{name: "802.11 with Prism", link: linkPrism, noShark: true, wrap: func(ip []byte) []byte {
		return cat("44000000 90000000", make([]byte, 136), "0802 0000 020000000001 020000000002 020000000003 0000", snap(ip))
	}},
	{name: "NFLOG", link: linkNFLOG, wrap: func(ip []byte) []byte {
		n := binary.LittleEndian.AppendUint16(nil, uint16(4+len(ip)))
		return cat("02 00 0000 0800 0100 0800 00 00 0500 0a00 00 000000", n, "0900", ip)
	}},
	{name: "PKTAP", link: linkPKTAP, tunnels: []string{"PKTAP"}, wrap: func(ip []byte) []byte {
		return cat("6c000000 01000000 01000000", make([]byte, 96), etherOf(ip))
	}},
}

// teredoOf puts a packet into IPv6 of Teredo addresses.
func teredoOf(ip []byte) []byte {
	b := ip6In(ipProtocol(ip), ip)
	copy(b[8:], cat("20010000"))
	return b
}

// ipProtocol is the protocol of IP in IP.
func ipProtocol(ip []byte) byte {
	if ip[0]>>4 == 6 {
		return protoIPv6
	}
	return protoIPIP
}

// kindsOf returns the names of the tunnels that d passed.
func kindsOf(d *decoder) []string {
	var t tally
	t.count(&Frame{}, isSegment, d)
	return slices.Sorted(maps.Keys(t.sum().Tunnels))
}

// innermost are the packets that wrappers are tried with.
func innermost() map[string][]byte {
	return map[string][]byte{"IPv4": ip4In(protoTCP, innerTCP), "IPv6": ip6In(protoTCP, innerTCP)}
}

func TestTunnels(t *testing.T) {
	for _, w := range wrappers {
		for version, ip := range innermost() {
			name := w.name + " of " + version
			f := Frame{Link: linkOf(w), Data: w.wrap(ip)}
			f.Length = len(f.Data)
			var d decoder
			var s segment
			v := d.decode(&f, &s)
			if v != isSegment || s.payload != innerPayload || s.key.low.port != 50000 || s.key.high.port != 443 || s.key.protocol != protoTCP || !s.fromLow {
				t.Errorf("%s: verdict %d (%v), %d bytes, key %v", name, v, d.unread, s.payload, s.key)
			}
			if want := slices.Sorted(slices.Values(w.tunnels)); !slices.Equal(kindsOf(&d), want) {
				t.Errorf("%s: tunnels %q, want %q", name, kindsOf(&d), want)
			}

			d, s = decoder{outer: true}, segment{}
			v = d.decode(&f, &s)
			switch overUDP := w.link == 0 && w.outer == isSegment; {
			case v != w.outer:
				t.Errorf("%s: from outside verdict %d, want %d", name, v, w.outer)
			case overUDP && (s.key.protocol != protoUDP || s.key.version != 4 || s.payload != len(f.Data)-28):
				t.Errorf("%s: from outside key %v, %d bytes", name, s.key, s.payload)
			case v == isSegment && !overUDP && s.key.low.port != 50000:
				t.Errorf("%s: from outside key %v", name, s.key)
			}
		}
	}
}

// TestTunnelsCutShort cuts every tunnel at every byte: no panic, never a length
// that no header has, and the same packet wherever its ports are captured.
func TestTunnelsCutShort(t *testing.T) {
	for _, w := range wrappers {
		for version, ip := range innermost() {
			data := w.wrap(ip)
			for n := range data {
				var d decoder
				var s segment
				v := d.decode(&Frame{Link: linkOf(w), Data: data[:n:n], Length: len(data)}, &s)
				through := bytes.Index(data, innerTCP) + 14
				switch {
				case v == isSegment && s.key.low.port == 50000 && s.payload != innerPayload,
					v == isSegment && s.payload > len(data):
					t.Errorf("%s of %s cut to %d of %d bytes: %d bytes of payload", w.name, version, n, len(data), s.payload)
				case n >= through && (v != isSegment || s.key.low.port != 50000):
					t.Errorf("%s of %s cut to %d of %d bytes: verdict %d, key %v", w.name, version, n, len(data), v, s.key)
				case n < through && w.link == 0 && v == isOther:
					t.Errorf("%s of %s cut to %d of %d bytes: %v", w.name, version, n, len(data), d.unread)
				}
			}
		}
	}
}

// TestTunnelsInTunnels puts every tunnel into every other.
func TestTunnelsInTunnels(t *testing.T) {
	for version, ip := range innermost() {
		for _, inside := range wrappers {
			if inside.link != 0 {
				continue
			}
			for _, outside := range wrappers {
				data := outside.wrap(inside.wrap(ip))
				var d decoder
				var s segment
				v := d.decode(&Frame{Link: linkOf(outside), Data: data, Length: len(data)}, &s)
				if v != isSegment || s.payload != innerPayload || s.key.low.port != 50000 {
					t.Errorf("%s of %s in %s: verdict %d (%v), key %v", inside.name, version, outside.name, v, d.unread, s.key)
				}
			}
		}
	}
}

// TestTooManyTunnels: a hostile frame is left, whatever it nests.
func TestTooManyTunnels(t *testing.T) {
	for _, w := range wrappers {
		if w.link != 0 || len(w.tunnels) != 1 {
			continue
		}
		data := ip4In(protoTCP, innerTCP)
		for n := 1; n <= maxDepth+1; n++ {
			data = w.wrap(data)
			var d decoder
			var s segment
			v := d.decode(&Frame{Link: linkRaw, Data: data, Length: len(data)}, &s)
			if n < maxDepth/2 && v != isSegment || n > maxDepth && (v != isOther || d.unread.layer != layerOther) {
				t.Errorf("%d times %s: verdict %d", n, w.name, v)
			}
		}
	}
}

// TestOrdinaryUDPOnTunnelPorts: what is not the tunnel stays a UDP packet.
func TestOrdinaryUDPOnTunnelPorts(t *testing.T) {
	ports := []uint16{portL2TP, portGTP, portTeredo, portGRE, portVXLAN, portVXLANGPE, portCAPWAP, portGeneve, portMPLS, portVXLANOld}
	check := func(name string, data []byte, payload int) {
		t.Helper()
		var d decoder
		var s segment
		if v := d.decode(&Frame{Link: linkRaw, Data: data, Length: len(data)}, &s); v != isSegment || s.key.protocol != protoUDP || s.payload != payload || d.tunnels != 0 {
			t.Errorf("%s: verdict %d, key %v, %d bytes, tunnels %q", name, v, s.key, s.payload, kindsOf(&d))
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, port := range ports {
		for range 2000 {
			payload := make([]byte, r.IntN(200))
			for i := range payload {
				payload[i] = byte(r.Uint32())
				if r.IntN(2) == 0 {
					payload[i] = 0
				}
			}
			check(fmt.Sprintf("port %d: % x", port, payload), udpTunnel(port, payload), len(payload))
		}
		check("a DNS query", udpTunnel(port, "1234 0100 0001 0000 0000 0000 03777777 00 0001 0001"), 21)
		check("nothing", udpTunnel(port), 0)
	}
	check("GTP-U's echo", udpTunnel(portGTP, "3201 0004 00000000 0001 0000"), 12)
	check("L2TP's control", udpTunnel(portL2TP, "c802 000c 0007 0000 0001 0002"), 12)
	check("CAPWAP's keepalive", udpTunnel(portCAPWAP, "00 100308 0000 0000 0016"), 10)
	check("CAPWAP of DTLS", udpTunnel(portCAPWAP, "01000000 17 feff 0001 000000000001 0010"), 17)
}

// TestWrongLengths: a packet in a tunnel that claims more than the tunnel holds
// is no packet, and the tunnel over UDP a UDP packet. It is one if its checksum
// is right, where the tunnel holds Ethernet: then the mirror has cut it.
func TestWrongLengths(t *testing.T) {
	ip := ip4In(protoTCP, innerTCP)
	exact := []string{"GTP-U", "GTP-U with extension headers", "MPLS in UDP", "GRE in UDP"} // IP alone, which nothing pads
	for _, w := range wrappers {
		// 802.11 is not checked for IP, NSH not at all, and Teredo has IPv6
		// around the packet, which is what is checked.
		if w.link != 0 || w.outer != isSegment || strings.Contains(w.name, "802.11") || strings.Contains(w.name, "NSH") || strings.Contains(w.name, "Teredo") {
			continue
		}
		for _, right := range []bool{false, true} {
			wrong := bytes.Clone(ip)
			big.PutUint16(wrong[2:], uint16(len(ip)+1))
			if right {
				big.PutUint16(wrong[10:], 0)
				big.PutUint16(wrong[10:], checksum(wrong[:20], 0))
			}
			data := w.wrap(wrong)
			var d decoder
			var s segment
			v := d.decode(&Frame{Link: linkRaw, Data: data, Length: len(data)}, &s)
			port, payload, protocol := uint16(50000), innerPayload+1, uint8(protoTCP)
			if !right || slices.Contains(exact, w.name) {
				port, payload, protocol = big.Uint16(data[20:]), len(data)-28, protoUDP
			}
			if v != isSegment || s.key.protocol != protocol || s.key.low.port != port || s.payload != payload {
				t.Errorf("%s, checksum right: %v: verdict %d, key %v, %d bytes, want port %d and %d bytes", w.name, right, v, s.key, s.payload, port, payload)
			}
		}
	}
}

// TestFragmentedTunnel: the first fragment of a tunnel's packet has the headers
// of the packet within, and its length.
func TestFragmentedTunnel(t *testing.T) {
	for _, w := range wrappers {
		if w.link != 0 || w.wrap(ip4In(protoTCP, innerTCP))[0]>>4 != 4 {
			continue
		}
		data := w.wrap(ip4In(protoTCP, innerTCP))
		cut := (len(data)-20-50)&^7 + 20
		first := bytes.Clone(data[:cut])
		big.PutUint16(first[2:], uint16(cut))
		big.PutUint16(first[6:], 0x2000)
		var d decoder
		var s segment
		if v := d.decode(&Frame{Link: linkRaw, Data: first, Length: cut}, &s); v != isSegment || s.payload != innerPayload || s.key.low.port != 50000 {
			t.Errorf("%s: verdict %d, key %v, %d bytes", w.name, v, s.key, s.payload)
		}
		rest := cat(data[:20], data[cut:])
		big.PutUint16(rest[2:], uint16(len(rest)))
		big.PutUint16(rest[6:], uint16(cut-20)/8)
		if v := d.decode(&Frame{Link: linkRaw, Data: rest, Length: len(rest)}, &s); v != isFragment {
			t.Errorf("%s: the later fragment has verdict %d", w.name, v)
		}
	}
}

// TestUnreadByName: what is in no biflow is counted under its name.
func TestUnreadByName(t *testing.T) {
	for _, c := range []struct {
		name string
		link uint32
		data []byte
	}{
		{"EtherType 0x88cc (LLDP)", linkEthernet, etherIn(0x88cc, make([]byte, 46))},
		{"EtherType 0x0806 (ARP)", linkEthernet, etherIn(0x0806, make([]byte, 46))},
		{"EtherType 0x1234", linkEthernet, etherIn(0x8100, cat("0007 1234"))},
		{"LLC 0x4242 (spanning tree)", linkEthernet, etherIn(38, cat("424203", make([]byte, 35)))},
		{"SNAP of organisation 00:e0:2b", linkEthernet, etherIn(30, cat("aaaa03 00e02b 00bb", make([]byte, 22)))},
		{"IP protocol 1 (ICMP)", linkRaw, ip4In(1, make([]byte, 8))},
		{"IP protocol 50 (ESP)", linkRaw, ip6In(50, make([]byte, 8))},
		{"IP protocol 200", linkRaw, ip4In(200, make([]byte, 8))},
		{"IP protocol 1 (ICMP)", linkRaw, udpTunnel(portVXLAN, "08000000 00000700", etherOf(ip4In(1, make([]byte, 8))))},
		{"EtherType 0x0806 (ARP)", linkRaw, udpTunnel(portVXLAN, "08000000 00000700", etherIn(0x0806, cat("0001 0800 06 04 0001", make([]byte, 20))))},
		{"PPP protocol 0xc021 (LCP)", linkPPP, cat("ff03 c021 01 01 0004")},
		{"Cisco HDLC SLARP", linkCiscoHDLC, cat("8f00 8035 00000000")},
		{"link layer 189 (Linux USB)", 189, make([]byte, 48)},
		{"link layer 220 (Linux USB)", 220, make([]byte, 64)},
		{"link layer 777", 777, make([]byte, 64)},
		{"802.11 management", linkWireless, cat("8000", make([]byte, 30))},
		{"802.11 control", linkWireless, cat("d400", make([]byte, 12))},
		{"802.11 data without data", linkWireless, cat("c801", make([]byte, 30))},
		{"802.11 data, encrypted", linkRadiotap, cat("0000 0800 00000000 0841", make([]byte, 40))},
		{"no IP header (version 9)", linkRaw, cat("90", make([]byte, 30))},
	} {
		var d decoder
		var s segment
		f := Frame{Link: c.link, Data: c.data, Length: len(c.data)}
		v := d.decode(&f, &s)
		var n tally
		n.count(&f, v, &d)
		if counts := n.sum(); !maps.Equal(counts.Unread, map[string]int64{c.name: 1}) {
			t.Errorf("%s: counts %+v", c.name, counts)
		}
	}
}

// TestUnreadIsBounded: a hostile capture does not fill the memory with names.
func TestUnreadIsBounded(t *testing.T) {
	var n tally
	const frames = 3 * maxUnread
	for i := range uint32(frames) {
		n.count(&Frame{}, isOther, &decoder{unread: unread{layerSNAP, i}})
	}
	counts := n.sum()
	if got := counts.Unread[otherNames[otherFurther]]; len(counts.Unread) != maxUnread+1 || got != frames-maxUnread {
		t.Errorf("%d kinds, %d further, want %d and %d", len(counts.Unread), got, maxUnread+1, frames-maxUnread)
	}
}

func TestCountsInWords(t *testing.T) {
	c := Counts{Packets: 10, OtherIP: 1, NotIP: 5, Short: 4, CutOff: 3, CutTo: 40, Fragments: 2,
		Unread: map[string]int64{"EtherType 0x88cc (LLDP)": 5, "IP protocol 1 (ICMP)": 1}}
	want := []string{
		"5 frames of EtherType 0x88cc (LLDP)",
		"3 packets with headers cut off (captured with a snapshot length of 40)",
		"2 later fragments of IP packets",
		"1 packet of IP protocol 1 (ICMP)",
		"1 packet with headers that are damaged",
	}
	if got := c.LeftOut(); !slices.Equal(got, want) {
		t.Errorf("LeftOut = %q, want %q", got, want)
	}
	sum := Counts{Unread: map[string]int64{"IP protocol 1 (ICMP)": 1}, CutTo: 60}
	before := sum.Unread
	sum.Add(c)
	if sum.Packets != 10 || sum.CutTo != 60 || sum.Unread["IP protocol 1 (ICMP)"] != 2 || before["IP protocol 1 (ICMP)"] != 1 {
		t.Errorf("Add gives %+v, and leaves %v", sum, before)
	}
}

// TestCutHeaders reads a capture with a snapshot length of 40.
func TestCutHeaders(t *testing.T) {
	data := etherOf(ip4In(protoTCP, innerTCP))
	b := binary.LittleEndian.AppendUint32(nil, magicMicro)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, linkEthernet, 0, 0, 0)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, byte(len(data)), 0, 0, 0)
	_, counts, err := readAll(Options{}, append(b, data[:40]...))
	if err != nil || counts.CutOff != 1 || counts.CutTo != 40 || counts.Short != 1 {
		t.Errorf("counts %+v, %v", counts, err)
	}
}

// TestTunnelsAgreeWithTshark compares the innermost packet's addresses, ports
// and length with tshark's.
func TestTunnelsAgreeWithTshark(t *testing.T) {
	var names []string
	var frames []Frame
	var want []string
	add := func(name string, link uint32, data []byte) {
		names = append(names, name)
		frames = append(frames, Frame{Link: link, Data: data, Length: len(data)})
		var s segment
		decode(link, data, len(data), &s)
		from, to := s.key.low, s.key.high
		if !s.fromLow {
			from, to = to, from
		}
		want = append(want, fmt.Sprintf("%s,%s,%d,%d,%d", from.text(s.key.version), to.text(s.key.version), from.port, to.port, s.payload))
	}
	for _, w := range wrappers {
		if w.noShark {
			continue
		}
		for version, ip := range innermost() {
			add(w.name+" of "+version, linkOf(w), w.wrap(ip))
			for _, inside := range wrappers {
				if inside.link == 0 && !inside.noShark {
					add(inside.name+" of "+version+" in "+w.name, linkOf(w), w.wrap(inside.wrap(ip)))
				}
			}
		}
	}
	lines := tshark.Lines(t, writeFrames(t, frames), "-T", "fields", "-E", "separator=,", "-E", "occurrence=l", "-d", "udp.port==8472,vxlan",
		"-e", "_ws.col.Source", "-e", "_ws.col.Destination", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.len")
	if len(lines) != len(want) {
		t.Fatalf("tshark gives %d packets of %d", len(lines), len(want))
	}
	for i, line := range lines {
		if line != want[i] {
			t.Errorf("%s: %s, tshark %s", names[i], want[i], line)
		}
	}
}

// seeds gives each sample to f, with and without a cut.
func seeds(add func(link uint32, data []byte)) {
	for _, w := range wrappers {
		for _, ip := range innermost() {
			data := w.wrap(ip)
			add(linkOf(w), data)
			add(linkOf(w), data[:len(data)*2/3])
		}
	}
}

// checkDecoding decodes a frame of these bytes, of which the capture cut a few,
// and checks what has to hold whatever they are.
func checkDecoding(t *testing.T, link uint32, data []byte, cut uint8) {
	for _, outer := range []bool{false, true} {
		d := decoder{outer: outer}
		s := segment{payload: -1}
		f := Frame{Link: link, Data: data[:len(data):len(data)], Length: len(data) + int(cut)}
		v := d.decode(&f, &s)
		if v == isSegment && (s.payload < 0 || s.payload > maxLength || s.key.protocol != protoTCP && s.key.protocol != protoUDP || s.key.version != 4 && s.key.version != 6 || s.key.high.less(s.key.low)) {
			t.Errorf("segment %+v", s)
		}
		var n tally
		n.count(&f, v, &d)
		counts := n.sum()
		if (v == isOther || v == isOtherIP) && len(counts.Unread) != 1 || slices.Contains(slices.Collect(maps.Keys(counts.Unread)), "") {
			t.Errorf("unread %v", counts.Unread)
		}
	}
}

// FuzzLink: frames of every link layer.
func FuzzLink(f *testing.F) {
	seeds(func(link uint32, data []byte) { f.Add(link, data, uint8(len(data)%3)) })
	f.Fuzz(checkDecoding)
}

// FuzzEther: what follows every EtherType: MPLS, PPPoE, PBB, NSH, LLC.
func FuzzEther(f *testing.F) {
	seeds(func(link uint32, data []byte) {
		if link == linkEthernet {
			f.Add(big.Uint16(data[12:]), data[14:], uint8(0))
		}
	})
	f.Fuzz(func(t *testing.T, kind uint16, data []byte, cut uint8) {
		checkDecoding(t, linkEthernet, etherIn(kind, data), cut)
	})
}

// FuzzWireless: 802.11 frames.
func FuzzWireless(f *testing.F) {
	seeds(func(link uint32, data []byte) {
		if link == linkWireless {
			f.Add(data, uint8(0))
		}
	})
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) { checkDecoding(t, linkWireless, data, cut) })
}

// FuzzInIP: tunnels right over IP.
func FuzzInIP(f *testing.F) {
	seeds(func(link uint32, data []byte) {
		if link == linkRaw && len(data) > 20 && data[0]>>4 == 4 {
			f.Add(data[9], data[20:], uint8(0))
		}
	})
	f.Fuzz(func(t *testing.T, protocol byte, data []byte, cut uint8) {
		if len(data) < 60000 {
			checkDecoding(t, linkRaw, ip4In(protocol, data), cut)
		}
	})
}

// FuzzInUDP: tunnels over UDP.
func FuzzInUDP(f *testing.F) {
	seeds(func(link uint32, data []byte) {
		if link == linkRaw && len(data) > 28 && data[0]>>4 == 4 && data[9] == protoUDP {
			f.Add(big.Uint16(data[22:]), data[28:], uint8(0))
		}
	})
	f.Fuzz(func(t *testing.T, port uint16, data []byte, cut uint8) {
		if len(data) < 60000 {
			checkDecoding(t, linkRaw, udpTunnel(port, data), cut)
		}
	})
}
