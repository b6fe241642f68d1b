package capture

import "fmt"

// unread names a packet that is in no biflow: what was met where IP, TCP or UDP
// was looked for.
type unread struct {
	layer  layer
	number uint32
}

// layer is what unread.number is a number of.
type layer uint8

const (
	layerLink     layer = iota // link-layer type of the capture
	layerEther                 // EtherType
	layerLLC                   // DSAP and SSAP of IEEE 802.2
	layerSNAP                  // organisation of IEEE 802 SNAP
	layerCooked                // protocol of Linux's cooked capture that is no EtherType
	layerPPP                   // protocol of PPP
	layerIP                    // protocol of IP
	layerWireless              // type of IEEE 802.11 frame, see wirelessNames
	layerVersion               // version of IP, where 4 or 6 should stand
	layerOther                 // see otherNames
)

func (u unread) String() string {
	n := u.number
	switch u.layer {
	case layerLink:
		if n&linkSnoop != 0 {
			return fmt.Sprintf("link layer %d of snoop", n&^linkSnoop)
		}
		return named(fmt.Sprintf("link layer %d", n), linkNames[n])
	case layerEther:
		return named(fmt.Sprintf("EtherType 0x%04x", n), etherNames[uint16(n)])
	case layerLLC:
		return named(fmt.Sprintf("LLC 0x%04x", n), llcNames[uint16(n)])
	case layerSNAP:
		return fmt.Sprintf("SNAP of organisation %02x:%02x:%02x", n>>16&255, n>>8&255, n&255)
	case layerCooked:
		return named(fmt.Sprintf("cooked protocol 0x%04x", n), cookedNames[uint16(n)])
	case layerPPP:
		return named(fmt.Sprintf("PPP protocol 0x%04x", n), pppNames[uint16(n)])
	case layerIP:
		return named(fmt.Sprintf("IP protocol %d", n), ipNames[uint8(n)])
	case layerWireless:
		return wirelessNames[n]
	case layerVersion:
		return fmt.Sprintf("no IP header (version %d)", n)
	}
	return otherNames[n]
}

func named(number, name string) string {
	if name == "" {
		return number
	}
	return number + " (" + name + ")"
}

// Kinds of layerWireless.
const (
	wirelessManagement = iota
	wirelessControl
	wirelessExtension
	wirelessNoData
	wirelessEncrypted
)

var wirelessNames = []string{
	wirelessManagement: "802.11 management",
	wirelessControl:    "802.11 control",
	wirelessExtension:  "802.11 extension",
	wirelessNoData:     "802.11 data without data",
	wirelessEncrypted:  "802.11 data, encrypted",
}

// Kinds of layerOther.
const (
	otherTooDeep = iota
	otherMPLS
	otherNFLOG
	otherControl
	otherService
	otherSLARP
	otherPKTAP
	otherFurther
)

var otherNames = []string{
	otherTooDeep: fmt.Sprintf("more than %d tunnels, one in the other", maxDepth),
	otherMPLS:    "MPLS with a payload that is not known",
	otherNFLOG:   "NFLOG without a packet",
	otherControl: "MPLS control channel",
	otherService: "NSH or VXLAN-GPE with a protocol that is not known",
	otherSLARP:   "Cisco HDLC SLARP",
	otherPKTAP:   "PKTAP without a packet",
	otherFurther: fmt.Sprintf("kinds beyond the first %d", maxUnread),
}

// linkNames are link-layer types that are met and not read.
var linkNames = map[uint32]string{
	7: "ARCnet", 106: "ATM", 107: "Frame Relay", 117: "OpenBSD pflog", 123: "SunATM", 129: "ARCnet",
	130: "Juniper", 131: "Juniper", 132: "Juniper", 133: "Juniper", 134: "Juniper", 135: "Juniper", 136: "Juniper", 137: "Juniper",
	164: "Juniper", 167: "Juniper", 168: "Juniper", 178: "Juniper", 179: "Juniper", 180: "Juniper", 181: "Juniper", 182: "multilink Frame Relay",
	143: "DOCSIS", 147: "user 0", 148: "user 1", 149: "user 2", 150: "user 3",
	186: "USB", 187: "Bluetooth HCI", 189: "Linux USB", 190: "CAN", 195: "IEEE 802.15.4", 201: "Bluetooth HCI",
	203: "LAPD", 215: "IEEE 802.15.4", 220: "Linux USB", 227: "CAN", 230: "IEEE 802.15.4", 231: "D-Bus",
	243: "MPEG-2 transport stream", 245: "NFC", 247: "InfiniBand", 249: "USBPcap", 251: "Bluetooth LE",
	252: "Wireshark upper PDU", 253: "Linux netlink", 254: "Bluetooth monitor", 256: "Bluetooth LE",
	266: "macOS USB", 272: "nordic Bluetooth LE", 279: "EPON", 283: "IEEE 802.15.4", 288: "USB 2.0",
}

// etherNames are the EtherTypes that are met and not read.
var etherNames = map[uint16]string{
	0x0806: "ARP", 0x0842: "Wake-on-LAN", 0x2000: "CDP", 0x2001: "NHRP", 0x22ea: "SRP", 0x22f0: "AVTP",
	0x6002: "DEC MOP", 0x6003: "DECnet", 0x6004: "DEC LAT", 0x8035: "RARP", 0x809b: "AppleTalk", 0x80f3: "AppleTalk ARP",
	0x8137: "IPX", 0x8204: "QNX", 0x8808: "Ethernet flow control", 0x8809: "slow protocols: LACP", 0x8819: "CobraNet",
	0x8863: "PPPoE discovery", 0x886d: "Intel teaming", 0x8870: "jumbo frames", 0x887b: "HomePlug", 0x888e: "802.1X",
	0x8892: "PROFINET", 0x8899: "Realtek", 0x889a: "HyperSCSI", 0x88a2: "ATA over Ethernet", 0x88a4: "EtherCAT", 0x88ab: "Powerlink",
	0x88b5: "experimental", 0x88b6: "experimental", 0x88b8: "GOOSE", 0x88ba: "sampled values", 0x88bf: "MikroTik RoMON",
	0x88c7: "802.11 pre-authentication", 0x88cc: "LLDP", 0x88cd: "SERCOS", 0x88d9: "LLTD", 0x88e1: "HomePlug AV", 0x88e3: "MRP",
	0x88e5: "MACsec", 0x88f5: "MVRP", 0x88f6: "MMRP", 0x88f7: "PTP", 0x88fb: "PRP", 0x8902: "802.1ag CFM", 0x8906: "FCoE",
	0x8914: "FIP", 0x8915: "RoCE", 0x8917: "802.21", 0x893a: "IEEE 1905", 0x8942: "TTEthernet", 0x9000: "loopback test",
	0x9998: "Cisco keepalive",
}

// llcNames are the users of IEEE 802.2, by DSAP and SSAP.
var llcNames = map[uint16]string{
	0x4242: "spanning tree", 0xe0e0: "IPX", 0xf0f0: "NetBIOS", 0xfefe: "IS-IS", 0xffff: "IPX", 0x8080: "XNS",
	0x0404: "SNA", 0x0000: "null",
}

// cookedNames are protocols that Linux numbers itself (its if_ether.h).
var cookedNames = map[uint16]string{
	0x0003: "any", 0x000c: "CAN", 0x000d: "CAN FD", 0x000e: "CAN XL", 0x0017: "infrared", 0x00f6: "IEEE 802.15.4",
	0x00f7: "CAIF", 0x00f8: "DSA", 0x00f9: "MAP",
}

var pppNames = map[uint16]string{
	0x002d: "Van Jacobson compressed TCP", 0x002f: "Van Jacobson uncompressed TCP", 0x003d: "multilink", 0x00fb: "compressed link",
	0x00fd: "compressed", 0x8021: "IPCP", 0x8057: "IPv6CP", 0x80fb: "CCP of a link", 0x80fd: "CCP", 0x8281: "MPLSCP",
	0xc021: "LCP", 0xc023: "PAP", 0xc025: "LQR", 0xc223: "CHAP", 0xc227: "EAP", 0x8207: "CDPCP", 0x0207: "CDP", 0x0031: "bridged",
}

var ipNames = map[uint8]string{
	0: "hop-by-hop options", 1: "ICMP", 2: "IGMP", 3: "GGP", 4: "IP in IP", 8: "EGP", 9: "IGP", 27: "RDP", 33: "DCCP", 41: "IPv6 in IP", 46: "RSVP",
	47: "GRE", 50: "ESP", 51: "AH", 55: "mobile IP", 58: "ICMPv6", 59: "no payload", 84: "TTP", 88: "EIGRP", 89: "OSPF", 94: "IPIP", 97: "EtherIP",
	98: "encapsulation header", 103: "PIM", 108: "IPComp", 112: "VRRP", 115: "L2TP", 124: "IS-IS", 132: "SCTP", 133: "Fibre Channel",
	136: "UDP-Lite", 137: "MPLS in IP", 142: "ROHC", 143: "Ethernet", 255: "reserved",
}
