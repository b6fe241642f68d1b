package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// datagram returns a raw IPv4 UDP packet from client to server, or back.
func datagram(t testing.TB, payload int, down bool) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: clientV4, DstIP: serverV4}
	udp := &layers.UDP{SrcPort: 50000, DstPort: 9}
	if down {
		ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
		udp.SrcPort, udp.DstPort = udp.DstPort, udp.SrcPort
	}
	udp.SetNetworkLayerForChecksum(ip)
	return serialise(t, ip, udp, gopacket.Payload(make([]byte, payload)))
}

// threeDatagrams is what the containers below hold: 10 bytes up, 20 down after
// 1,234.567 microseconds, 30 up after half a second more.
var (
	threeTimes    = []int64{1_700_000_000_000_000_000, 1_700_000_000_001_234_567, 1_700_000_000_501_234_567}
	threePayloads = []int{10, 20, 30}
	threeDown     = []bool{false, true, false}
)

// classic writes the three datagrams as pcap.
func classic(t testing.TB, order binary.AppendByteOrder, nano bool) []byte {
	magic, unit := uint32(magicMicro), int64(1000)
	if nano {
		magic, unit = magicNano, 1
	}
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 65535, linkRaw} {
		b = order.AppendUint32(b, v)
	}
	for i, at := range threeTimes {
		data := datagram(t, threePayloads[i], threeDown[i])
		for _, v := range []uint32{uint32(at / 1e9), uint32(at % 1e9 / unit), uint32(len(data)), uint32(len(data))} {
			b = order.AppendUint32(b, v)
		}
		b = append(b, data...)
	}
	return b
}

// variant writes the three datagrams as a pcap file of the magic number and version,
// in which extra bytes follow the 16 of a packet's header.
func variant(t testing.TB, order binary.AppendByteOrder, magic uint32, minor uint16, unit int64, extra int) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, minor)
	for _, v := range []uint32{0, 0, 65535, linkRaw} {
		b = order.AppendUint32(b, v)
	}
	for i, at := range threeTimes {
		data := datagram(t, threePayloads[i], threeDown[i])
		captured, length := uint32(len(data)), uint32(len(data)+4)
		if minor < 4 {
			captured, length = length, captured
		}
		for _, v := range []uint32{uint32(at / 1e9), uint32(at % 1e9 / unit), captured, length} {
			b = order.AppendUint32(b, v)
		}
		b = append(append(b, bytes.Repeat([]byte{0x7f}, extra)...), data...)
	}
	return b
}

// snoop writes the three datagrams in Ethernet as a snoop file, padded by so many
// bytes.
func snoop(t testing.TB, pad int) []byte {
	b := append([]byte(magicSnoop), 0, 0, 0, 2, 0, 0, 0, 4)
	for i, at := range threeTimes {
		data := etherIn(etherIPv4, datagram(t, threePayloads[i], threeDown[i]))
		n := uint32(len(data))
		for _, v := range []uint32{n, n, 24 + n + uint32(pad), 0, uint32(at / 1e9), uint32(at % 1e9 / 1000)} {
			b = big.AppendUint32(b, v)
		}
		b = append(append(b, data...), make([]byte, pad)...)
	}
	return b
}

func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	size := uint32(len(body) + 12)
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, size)
	return order.AppendUint32(append(b, body...), size)
}

// blocks writes the three datagrams as a pcapng section with time stamps of
// the resolution (if_tsresol; 0xff leaves the option out) and offset in
// seconds, as blocks of the kind.
func blocks(t testing.TB, order binary.AppendByteOrder, resolution byte, offset int64, kind uint32) []byte {
	head := order.AppendUint32(nil, 0x1a2b3c4d)
	head = order.AppendUint32(head, 1) // version 1.0
	if order == binary.AppendByteOrder(binary.BigEndian) {
		head = []byte{0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0}
	}
	head = order.AppendUint64(head, math.MaxUint64) // length not given
	b := block(order, magicBlocks, head)

	in := order.AppendUint16(nil, linkRaw)
	in = order.AppendUint16(in, 0)
	in = order.AppendUint32(in, 0)
	if resolution != 0xff {
		in = order.AppendUint16(order.AppendUint16(in, 9), 1)
		in = append(in, resolution, 0, 0, 0)
	}
	in = order.AppendUint64(order.AppendUint16(order.AppendUint16(in, 14), 8), uint64(offset))
	in = order.AppendUint32(in, 0) // end of options
	b = append(b, block(order, blockInterface, in)...)
	b = append(b, block(order, 0x0bad, []byte("a block that nobody knows"))...)

	for i, at := range threeTimes {
		data := datagram(t, threePayloads[i], threeDown[i])
		at -= offset * 1e9
		var stamp uint64
		switch {
		case resolution == 0xff:
			stamp = uint64(at / 1000)
		case resolution&0x80 != 0:
			seconds, rest := uint64(at/1e9), uint64(at%1e9)
			n := resolution & 0x7f
			stamp = seconds<<n | uint64(math.Round(math.Ldexp(float64(rest)/1e9, int(n))))
		default:
			stamp = uint64(float64(at/1e9)*math.Pow10(int(resolution))) + uint64(math.Round(float64(at%1e9)*math.Pow10(int(resolution)-9)))
		}
		var p []byte
		switch kind {
		case blockSimple:
			p = order.AppendUint32(nil, uint32(len(data)))
		default:
			p = order.AppendUint32(nil, 0) // interface (and, of old, the drops)
			p = order.AppendUint32(p, uint32(stamp>>32))
			p = order.AppendUint32(p, uint32(stamp))
			p = order.AppendUint32(p, uint32(len(data)))
			p = order.AppendUint32(p, uint32(len(data)))
		}
		b = append(b, block(order, kind, append(p, data...))...)
	}
	return b
}

var littleEndian = binary.AppendByteOrder(binary.LittleEndian)

func TestCaptureFiles(t *testing.T) {
	little, big := littleEndian, binary.AppendByteOrder(binary.BigEndian)
	cases := []struct {
		name string
		file []byte
		unit float64 // of the file's time stamps, microseconds; 0: it has none
	}{
		{"pcap", classic(t, little, false), 1},
		{"pcap, big-endian", classic(t, big, false), 1},
		{"pcap, nanoseconds", classic(t, little, true), 1e-3},
		{"pcap, nanoseconds, big-endian", classic(t, big, true), 1e-3},
		{"pcap 2.2, lengths in the other order", variant(t, little, magicMicro, 2, 1000, 0), 1},
		{"pcap, modified", variant(t, little, magicModified, 4, 1000, 8), 1},
		{"pcap, modified, big-endian, longer", variant(t, big, magicModified, 4, 1000, 12), 1},
		{"pcap, modified, ordinary magic number", variant(t, big, magicMicro, 4, 1000, 8), 1},
		{"pcap, Nokia's", variant(t, little, magicMicro, 4, 1000, 4), 1},
		{"pcap, nanoseconds under the wrong magic number", variant(t, little, magicMicro, 4, 1, 0), 1e-3},
		{"pcap, modified, the same", variant(t, big, magicModified, 4, 1, 8), 1e-3},
		{"snoop", snoop(t, 2), 1},
		{"pcapng", blocks(t, little, 0xff, 0, blockPacket), 1},
		{"pcapng, big-endian", blocks(t, big, 6, 0, blockPacket), 1},
		{"pcapng, nanoseconds", blocks(t, little, 9, 0, blockPacket), 1e-3},
		{"pcapng, milliseconds", blocks(t, little, 3, 0, blockPacket), 1e3},
		{"pcapng, 2^-30 s", blocks(t, little, 0x80|30, 0, blockPacket), 1e-3},
		{"pcapng, offset", blocks(t, big, 9, 1_600_000_000, blockPacket), 1e-3},
		{"pcapng, obsolete packet blocks", blocks(t, little, 9, 0, blockOldPacket), 1e-3},
		{"pcapng, simple packet blocks", blocks(t, little, 9, 0, blockSimple), 0},
		{"pcapng, two sections", append(blocks(t, little, 9, 0, blockPacket), block(big, magicBlocks, []byte{0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255})...), 1e-3},
	}
	for _, c := range cases {
		flows, _, err := readAll(Options{}, c.file)
		if err != nil || len(flows) != 1 || flows[0].timed != (c.unit > 0) {
			t.Errorf("%s: flows %+v, %v", c.name, flows, err)
			continue
		}
		if len(flows[0].packets) != 3 {
			t.Errorf("%s: packets %v", c.name, flows[0].packets)
			continue
		}
		for i, p := range flows[0].packets {
			if p.Length != threePayloads[i] || p.FromClient == threeDown[i] {
				t.Errorf("%s: packet %d is %+v", c.name, i, p)
			}
			want := 0.0
			if i > 0 {
				want = float64(threeTimes[i]-threeTimes[i-1]) / 1e3
			}
			iat := 0.0
			if i > 0 {
				iat = float64(p.Time-flows[0].packets[i-1].Time) / 1e3
			}
			if c.unit > 0 && math.Abs(iat-want) > 1.001*c.unit || c.unit == 0 && iat != 0 {
				t.Errorf("%s: packet %d comes after %v microseconds, want %v", c.name, i, iat, want)
			}
		}
	}
}

// readAll returns the biflows of a capture, and what Read returned beside.
func readAll(o Options, file []byte) ([]gathered, Counts, error) {
	var flows []gathered
	counts, err := Read(bytes.NewReader(file), o, func(b *Biflow) bool {
		flows = append(flows, gatheredFrom(b))
		return true
	})
	return flows, counts, err
}

// TestDamagedCaptures cuts captures at every byte and breaks length fields:
// what came before is read, and the error names the offset.
func TestDamagedCaptures(t *testing.T) {
	little := littleEndian
	for name, file := range map[string][]byte{
		"pcap":         classic(t, little, true),
		"microseconds": classic(t, little, false),
		"pcapng":       blocks(t, little, 9, 0, blockPacket),
	} {
		clean := 0
		for n := 28; n < len(file); n++ {
			flows, _, err := readAll(Options{}, file[:n])
			packets := 0
			for _, f := range flows {
				packets += len(f.packets)
			}
			var damage *Damage
			switch {
			case err == nil:
				clean++ // cut between two packets
			case !errors.As(err, &damage) || damage.Offset > int64(n):
				t.Errorf("%s cut to %d bytes: error %v", name, n, err)
			}
			if want := wholePackets(file[:n], name == "pcapng"); packets != want {
				t.Errorf("%s cut to %d bytes: %d packets, want %d", name, n, packets, want)
			}
		}
		if clean > 7 {
			t.Errorf("%s: %d cuts gave no *Damage", name, clean)
		}
	}
	broken := classic(t, little, true)
	second := 24 + 16 + 38
	binary.LittleEndian.PutUint32(broken[second+8:], 1<<30)
	flows, _, err := readAll(Options{}, broken)
	var damage *Damage
	if len(flows) != 1 || len(flows[0].packets) != 1 || !errors.As(err, &damage) || damage.Offset != int64(second) {
		t.Errorf("broken length: flows %v, error %v, want one packet and offset %d", flows, err, second)
	}
	if !strings.Contains(fmt.Sprint(err), fmt.Sprintf("byte %d: a packet claims 1073741824 captured bytes", second)) {
		t.Errorf("error %v", err)
	}
}

// A snoop file that is cut off, or of which a length is broken, gives what came
// before; a version that is not known names the cure.
func TestDamagedSnoop(t *testing.T) {
	file := snoop(t, 0)
	at := 16 // of the packets
	for n := range threePayloads {
		end := at + int(big.Uint32(file[at+8:]))
		for _, cut := range []int{at, at + 1, at + 23, end - 1} {
			flows, _, err := readAll(Options{}, file[:cut])
			packets := 0
			for _, f := range flows {
				packets += len(f.packets)
			}
			if _, damaged := errors.AsType[*Damage](err); packets != n || damaged != (cut != at) {
				t.Errorf("cut to %d bytes: %d packets, %v", cut, packets, err)
			}
		}
		broken := bytes.Clone(file)
		big.PutUint32(broken[at+8:], 20)
		if flows, counts, err := readAll(Options{}, broken); counts.Packets != int64(n) || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("byte %d: a packet claims", at)) {
			t.Errorf("broken length: flows %v, %+v, %v", flows, counts, err)
		}
		at = end
	}
	file[11] = 3
	if _, _, err := readAll(Options{}, file); err == nil || !strings.Contains(err.Error(), "snoop version 3") || !strings.Contains(err.Error(), "editcap") {
		t.Errorf("version 3: %v", err)
	}
	file[11], file[15] = 2, 7
	if _, counts, _ := readAll(Options{}, file); counts.Unread["link layer 7 of snoop"] != 3 {
		t.Errorf("link layer 7: %+v", counts)
	}
}

// What is read as other than the header says is remarked, and nothing else is; a few
// stamps of a million microseconds, as some old programs wrote them, are no
// nanoseconds.
func TestWrongMagic(t *testing.T) {
	wrong := variant(t, littleEndian, magicMicro, 4, 1, 0)
	if _, counts, err := readAll(Options{}, wrong); err != nil || len(counts.Remarks) != 1 || !strings.Contains(counts.Remarks[0], "nanoseconds") || counts.Unsorted != 0 {
		t.Errorf("%+v, %v", counts, err)
	}
	file := classic(t, littleEndian, false)
	for range 10 {
		file = append(file, file[24:]...)
	}
	binary.LittleEndian.PutUint32(file[24+4:], 1_000_003)
	_, counts, err := readAll(Options{}, file)
	if err != nil || counts.Remarks != nil {
		t.Errorf("%+v, %v", counts, err)
	}
	if counts.Unsorted == 0 || counts.UnsortedBy < 400*time.Millisecond || counts.UnsortedBy > 2*time.Second {
		t.Errorf("times go back, and the counts are %+v", counts)
	}
}

// wholePackets counts the packets that lie whole in a capture's beginning.
func wholePackets(file []byte, ng bool) int {
	n := 0
	if !ng {
		for at := 24; at+16 <= len(file); n++ {
			at += 16 + int(binary.LittleEndian.Uint32(file[at+8:]))
			if at > len(file) {
				break
			}
		}
		return n
	}
	for at := 0; at+8 <= len(file); {
		kind := binary.LittleEndian.Uint32(file[at:])
		at += int(binary.LittleEndian.Uint32(file[at+4:]))
		if at <= len(file) && kind == blockPacket {
			n++
		}
	}
	return n
}

func TestNotCaptures(t *testing.T) {
	for name, file := range map[string][]byte{
		"version":   append([]byte{0xd4, 0xc3, 0xb2, 0xa1, 9, 0}, make([]byte, 18)...),
		"header":    {0xd4, 0xc3, 0xb2, 0xa1, 2, 0},
		"pcapng":    {0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0},
		"byteorder": append([]byte{0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0}, make([]byte, 20)...),
	} {
		var damage *Damage
		if flows, _, err := readAll(Options{}, file); err == nil || errors.As(err, &damage) || flows != nil {
			t.Errorf("%s: flows %v, error %v, want an error that is no *Damage", name, flows, err)
		}
	}
}

// TestGopacketWritesWeRead holds the readers against gopacket's writers.
func TestGopacketWritesWeRead(t *testing.T) {
	var plain, ng bytes.Buffer
	w := pcapgo.NewWriterNanos(&plain)
	if err := w.WriteFileHeader(65535, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	b, err := pcapgo.NewNgWriter(&ng, layers.LinkTypeRaw)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range threeTimes {
		data := datagram(t, threePayloads[i], threeDown[i])
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(0, at), CaptureLength: len(data), Length: len(data)}
		if err := errors.Join(w.WritePacket(ci, data), b.WritePacket(ci, data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, file := range [][]byte{plain.Bytes(), ng.Bytes()} {
		flows, _, err := readAll(Options{}, file)
		if err != nil || len(flows) != 1 || len(flows[0].packets) != 3 || flows[0].packets[1].Time != threeTimes[1] {
			t.Errorf("flows %+v, %v", flows, err)
		}
	}
}

// FuzzCapture: whatever the bytes, reading ends without a panic, and what it
// gives are packets in order of time with lengths that are possible.
func FuzzCapture(f *testing.F) {
	little, big := littleEndian, binary.AppendByteOrder(binary.BigEndian)
	f.Add(classic(f, little, false))
	f.Add(classic(f, big, true))
	f.Add(variant(f, little, magicModified, 4, 1, 8))
	f.Add(variant(f, big, magicMicro, 2, 1000, 4))
	f.Add(snoop(f, 2))
	f.Add(blocks(f, little, 9, 0, blockPacket))
	f.Add(blocks(f, big, 0x80|40, -5, blockPacket))
	f.Add(blocks(f, little, 6, 0, blockSimple))
	f.Fuzz(func(t *testing.T, file []byte) {
		o := Options{MaxPackets: 4, Assembly: Assembly{Active: time.Second, MaxOpen: 3}, KeepEmpty: len(file)%2 == 0}
		flows, counts, err := readAll(o, file)
		if errors.Is(err, io.EOF) {
			t.Errorf("the end of the file came out as an error")
		}
		kept := int64(0)
		for _, f := range flows {
			for i, p := range f.packets {
				if p.Length < 0 || p.Length > maxLength || i > 0 && p.Time < f.packets[i-1].Time {
					t.Errorf("packet %+v", p)
				}
			}
			kept += int64(len(f.packets))
		}
		if kept > counts.Segments {
			t.Errorf("%d packets kept of %d", kept, counts.Segments)
		}
	})
}
