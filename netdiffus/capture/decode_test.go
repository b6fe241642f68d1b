package capture

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// The captures of these tests are made with gopacket, so that our reading is
// held against another's writing.

var (
	macs     = layers.Ethernet{SrcMAC: net.HardwareAddr{0, 0, 0x5e, 0, 0x53, 1}, DstMAC: net.HardwareAddr{0, 0, 0x5e, 0, 0x53, 2}}
	clientV4 = net.IP{192, 0, 2, 1}
	serverV4 = net.IP{198, 51, 100, 1}
	clientV6 = net.ParseIP("2001:db8::1")
	serverV6 = net.ParseIP("2001:db8::2")
)

func serialise(t testing.TB, parts ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func tcpOver(ip gopacket.NetworkLayer, payload int, flags string) []gopacket.SerializableLayer {
	tcp := &layers.TCP{SrcPort: 50000, DstPort: 9, Window: 1000, SYN: flags == "S" || flags == "SA", ACK: flags != "S"}
	tcp.SetNetworkLayerForChecksum(ip)
	return []gopacket.SerializableLayer{tcp, gopacket.Payload(make([]byte, payload))}
}

func udpOver(ip gopacket.NetworkLayer, payload int) []gopacket.SerializableLayer {
	udp := &layers.UDP{SrcPort: 50000, DstPort: 9}
	udp.SetNetworkLayerForChecksum(ip)
	return []gopacket.SerializableLayer{udp, gopacket.Payload(make([]byte, payload))}
}

// sample is a frame and what decode should make of it.
type sample struct {
	name    string
	link    uint32
	data    []byte
	want    verdict
	payload int
}

// samples are frames of every kind that is read, and some that are not.
func samples(t testing.TB) []sample {
	v4 := func(p layers.IPProtocol) *layers.IPv4 {
		return &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: clientV4, DstIP: serverV4}
	}
	v6 := func(next layers.IPProtocol) *layers.IPv6 {
		return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: clientV6, DstIP: serverV6}
	}
	ether := func(kind layers.EthernetType) *layers.Ethernet {
		e := macs
		e.EthernetType = kind
		return &e
	}
	join := func(first []gopacket.SerializableLayer, rest ...gopacket.SerializableLayer) []byte {
		return serialise(t, append(first, rest...)...)
	}
	type stack = []gopacket.SerializableLayer
	ip4, ip6 := v4(layers.IPProtocolTCP), v6(layers.IPProtocolUDP)
	raw4 := join(stack{ip4}, tcpOver(ip4, 100, "A")...)
	raw6 := join(stack{ip6}, udpOver(ip6, 200)...)
	behind := func(head []byte, ip []byte) []byte { return append(bytes.Clone(head), ip...) }

	// IPv6 with hop-by-hop options, a routing header and destination options.
	extended := make([]byte, 40, 200)
	copy(extended, raw6)
	extended[6] = protoHopByHop
	extended = append(extended, protoRouting, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // PadN of 12
	extended = append(extended, protoDestination, 0, 99, 0, 0, 0, 0, 0)
	extended = append(extended, protoUDP, 0, 1, 4, 0, 0, 0, 0)
	extended = append(extended, raw6[40:]...)
	binary.BigEndian.PutUint16(extended[4:], uint16(len(extended)-40))

	// An AH header of 24 bytes before TCP.
	auth := behind(raw4[:20], append([]byte{protoTCP, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, raw4[20:]...))
	auth[9] = protoAuth
	binary.BigEndian.PutUint16(auth[2:], uint16(len(auth)))

	fragment := func(flagsOffset uint16) []byte {
		ip := v4(layers.IPProtocolUDP)
		b := join(stack{ip}, udpOver(ip, 1472)...)
		binary.BigEndian.PutUint16(b[24:], 3008) // of the whole datagram
		binary.BigEndian.PutUint16(b[6:], flagsOffset)
		return b
	}
	fragment6 := func(flagsOffset uint16) []byte {
		b := behind(raw6[:40], append([]byte{protoUDP, 0, 0, 0, 0, 0, 0, 7}, raw6[40:]...))
		b[6] = protoFragment
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
		binary.BigEndian.PutUint16(b[42:], flagsOffset)
		return b
	}
	offloaded := bytes.Clone(raw4)
	binary.BigEndian.PutUint16(offloaded[2:], 0)
	vlan := func(kind layers.EthernetType) *layers.Dot1Q { return &layers.Dot1Q{VLANIdentifier: 7, Type: kind} }
	padded := join(stack{ether(layers.EthernetTypeIPv4), ip4}, tcpOver(ip4, 2, "A")...)
	for len(padded) < 60 {
		padded = append(padded, 0)
	}

	return []sample{
		{"TCP", linkEthernet, join(stack{ether(layers.EthernetTypeIPv4), ip4}, tcpOver(ip4, 100, "A")...), isSegment, 100},
		{"UDP over IPv6", linkEthernet, join(stack{ether(layers.EthernetTypeIPv6), ip6}, udpOver(ip6, 200)...), isSegment, 200},
		{"Ethernet padding", linkEthernet, padded, isSegment, 2},
		{"VLAN", linkEthernet, join(stack{ether(layers.EthernetTypeDot1Q), vlan(layers.EthernetTypeIPv4), ip4}, tcpOver(ip4, 100, "A")...), isSegment, 100},
		{"QinQ", linkEthernet, join(stack{ether(layers.EthernetTypeQinQ), vlan(layers.EthernetTypeDot1Q), vlan(layers.EthernetTypeIPv6), ip6}, udpOver(ip6, 200)...), isSegment, 200},
		{"cooked v1", linkLinuxSLL, behind([]byte{0, 0, 0, 1, 0, 6, 0, 0, 0x5e, 0, 0x53, 1, 0, 0, 8, 0}, raw4), isSegment, 100},
		{"cooked v2", linkLinuxSLL2, behind([]byte{0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 0, 0, 0x5e, 0, 0x53, 1, 0, 0}, raw6), isSegment, 200},
		{"raw", linkRaw, raw4, isSegment, 100},
		{"raw, version 6", linkRaw, raw6, isSegment, 200},
		{"raw IPv4", linkIPv4, raw4, isSegment, 100},
		{"raw IPv6", linkIPv6, raw6, isSegment, 200},
		{"raw on BSD", linkRawBSD, raw4, isSegment, 100},
		{"raw on OpenBSD", linkRawOBSD, raw6, isSegment, 200},
		{"null, little-endian", linkNull, behind([]byte{2, 0, 0, 0}, raw4), isSegment, 100},
		{"null, big-endian", linkNull, behind([]byte{0, 0, 0, 30}, raw6), isSegment, 200},
		{"loop", linkLoop, behind([]byte{0, 0, 0, 2}, raw4), isSegment, 100},
		{"IPv6 extension headers", linkRaw, extended, isSegment, 200},
		{"authentication header", linkRaw, auth, isSegment, 100},
		{"first fragment", linkRaw, fragment(0x2000), isSegment, 1472},
		{"later fragment", linkRaw, fragment(185), isFragment, 0},
		{"first fragment, IPv6", linkRaw, fragment6(1), isSegment, 200},
		{"later fragment, IPv6", linkRaw, fragment6(8), isFragment, 0},
		{"segmentation offload", linkRaw, offloaded, isSegment, 100},
		{"ICMP", linkRaw, serialise(t, v4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}), isOtherIP, 0},
		{"ARP", linkEthernet, serialise(t, ether(layers.EthernetTypeARP), &layers.ARP{AddrType: 1, Protocol: 0x800, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1,
			SourceHwAddress: macs.SrcMAC, SourceProtAddress: clientV4, DstHwAddress: macs.DstMAC, DstProtAddress: serverV4}), isOther, 0},
		{"IPv4 without payload", linkRaw, raw4[:20], isShort, 0},
		{"captured up to the flags", linkRaw, raw4[:34], isSegment, 100},
		{"captured to before the flags", linkRaw, raw4[:33], isShort, 0},
	}
}

// decode decodes one frame, tunnels included.
func decode(link uint32, b []byte, wire int, s *segment) verdict {
	var d decoder
	return d.decode(&Frame{Link: link, Data: b, Length: wire}, s)
}

func TestDecode(t *testing.T) {
	for _, c := range samples(t) {
		var s segment
		got := decode(c.link, c.data, len(c.data), &s)
		if got != c.want || got == isSegment && s.payload != c.payload {
			t.Errorf("%s: decode = %d with %d bytes, want %d with %d", c.name, got, s.payload, c.want, c.payload)
		}
		if got == isSegment && (s.key.low.port != 50000 || s.key.high.port != 9 || !s.fromLow) {
			t.Errorf("%s: key %+v, from its lower end %v", c.name, s.key, s.fromLow)
		}
	}
}

// TestDecodeCutShort cuts every sample at every byte: no panic, and never more
// payload than the whole packet has.
func TestDecodeCutShort(t *testing.T) {
	for _, c := range samples(t) {
		for n := range c.data {
			var s segment
			if got := decode(c.link, c.data[:n], len(c.data), &s); got == isSegment && s.payload > max(c.payload, 0) {
				t.Errorf("%s cut to %d bytes: %d bytes of payload", c.name, n, s.payload)
			}
		}
	}
}

// writeSampleCapture writes the samples that tshark reads too.
func writeSampleCapture(t testing.TB) string {
	var frames []Frame
	for _, c := range samples(t) {
		if c.want != isShort && len(c.data) > 40 {
			frames = append(frames, Frame{Link: c.link, Data: c.data, Length: len(c.data)})
		}
	}
	return writeFrames(t, frames)
}

// writeFrames writes frames into one pcapng file, each of an interface of its
// link type.
func writeFrames(t testing.TB, frames []Frame) string {
	head := append([]byte{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 8)...)
	file := block(littleEndian, magicBlocks, head)
	for n, f := range frames {
		file = append(file, block(littleEndian, blockInterface, littleEndian.AppendUint64(nil, uint64(f.Link)))...)
		packet := littleEndian.AppendUint32(nil, uint32(n))
		packet = littleEndian.AppendUint64(packet, 0) // time
		packet = littleEndian.AppendUint32(packet, uint32(len(f.Data)))
		packet = littleEndian.AppendUint32(packet, uint32(f.Length))
		file = append(file, block(littleEndian, blockPacket, append(packet, f.Data...))...)
	}
	path := filepath.Join(t.TempDir(), "frames.pcapng")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}
