package capture

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// wire is a packet of a test's capture, between one client and one server.
type wire struct {
	at       time.Duration
	flags    string // of TCP: S, A, F, R; "U" is UDP; a "<" is from the server
	seq, ack uint32
	payload  int
	id       uint16 // of IPv4; 0 makes it IPv6
}

// record writes packets as pcap.
func record(t testing.TB, packets []wire) []byte {
	b := littleEndian.AppendUint32(nil, magicNano)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, linkRaw, 0, 0, 0)
	for _, p := range packets {
		has := func(flag string) bool { return strings.Contains(p.flags, flag) }
		var ip gopacket.SerializableLayer
		var checked gopacket.NetworkLayer
		protocol := layers.IPProtocolTCP
		if has("U") {
			protocol = layers.IPProtocolUDP
		}
		if p.id != 0 {
			v4 := &layers.IPv4{Version: 4, TTL: 64, Id: p.id, Protocol: protocol, SrcIP: clientV4, DstIP: serverV4}
			if has("<") {
				v4.SrcIP, v4.DstIP = v4.DstIP, v4.SrcIP
			}
			ip, checked = v4, v4
		} else {
			v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: protocol, SrcIP: clientV6, DstIP: serverV6}
			if has("<") {
				v6.SrcIP, v6.DstIP = v6.DstIP, v6.SrcIP
			}
			ip, checked = v6, v6
		}
		ports := [2]uint16{50000, 443}
		if has("<") {
			ports = [2]uint16{443, 50000}
		}
		var transport gopacket.SerializableLayer
		if has("U") {
			udp := &layers.UDP{SrcPort: layers.UDPPort(ports[0]), DstPort: layers.UDPPort(ports[1])}
			udp.SetNetworkLayerForChecksum(checked)
			transport = udp
		} else {
			tcp := &layers.TCP{SrcPort: layers.TCPPort(ports[0]), DstPort: layers.TCPPort(ports[1]), Seq: p.seq, Ack: p.ack, Window: 1000,
				SYN: has("S"), ACK: has("A"), FIN: has("F"), RST: has("R")}
			tcp.SetNetworkLayerForChecksum(checked)
			transport = tcp
		}
		// The first bytes of a UDP payload are p.seq.
		payload := make([]byte, p.payload)
		if len(payload) >= 4 {
			binary.BigEndian.PutUint32(payload, p.seq)
		}
		frame := serialise(t, ip, transport, gopacket.Payload(payload))
		at := int64(time.Hour + p.at)
		for _, v := range []uint32{uint32(at / 1e9), uint32(at % 1e9), uint32(len(frame)), uint32(len(frame))} {
			b = littleEndian.AppendUint32(b, v)
		}
		b = append(b, frame...)
	}
	return b
}

// assembleFile returns the biflows of a capture, as signed does, and what they were
// made of.
func assembleFile(t testing.TB, file []byte, o Options) ([][]int, Assembled) {
	t.Helper()
	var flows []gathered
	counts, err := Read(bytes.NewReader(file), o, func(b *Biflow) bool {
		flows = append(flows, gatheredFrom(b))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return signed(flows), counts.Assembled
}

// handshake is a connection of 10 bytes up and 20 down from the time on, with
// the client's initial sequence number. It has no end.
func handshake(at time.Duration, isn uint32) []wire {
	const ms = time.Millisecond
	return []wire{
		{at, "S", isn, 0, 0, 1}, {at + 2*ms, "SA<", isn / 2, isn + 1, 0, 2}, {at + 4*ms, "A", isn + 1, isn/2 + 1, 0, 3},
		{at + 6*ms, "A", isn + 1, isn/2 + 1, 10, 4}, {at + 8*ms, "A<", isn/2 + 1, isn + 11, 20, 5},
	}
}

// closing is the FINs of handshake's connection.
func closing(at time.Duration, isn uint32) []wire {
	const ms = time.Millisecond
	return []wire{
		{at, "FA", isn + 11, isn/2 + 21, 0, 6}, {at + 2*ms, "FA<", isn/2 + 21, isn + 12, 0, 7}, {at + 4*ms, "A", isn + 12, isn/2 + 22, 0, 8},
	}
}

func TestPortReuse(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	join := func(parts ...[]wire) (all []wire) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	one, two := []int{-10, 20}, [][]int{{-10, 20}, {-10, 20}}
	const isn, other = 4_294_967_200, 7_000_000 // the first wraps around
	reset := []wire{{s, "RA<", isn/2 + 21, isn + 11, 0, 9}}
	cases := []struct {
		name    string
		packets []wire
		want    [][]int
		counts  Assembled
	}{
		{"one connection", join(handshake(0, isn), closing(s, isn)), [][]int{one}, Assembled{Biflows: 1}},
		{"a SYN after FINs", join(handshake(0, isn), closing(s, isn), handshake(2*s, other)), two, Assembled{Biflows: 2, Reused: 1}},
		{"with the same number, as generators do", join(handshake(0, isn), closing(s, isn), handshake(2*s, isn)), two, Assembled{Biflows: 2, Reused: 1}},
		{"a SYN after RST", join(handshake(0, isn), reset, handshake(2*s, other)), two, Assembled{Biflows: 2, Reused: 1}},
		{"a SYN in an open connection", join(handshake(0, isn), handshake(2*s, other)), two, Assembled{Biflows: 2, Reused: 1}},
		{"a SYN where the connection's own was not captured", join(handshake(0, isn)[3:], handshake(2*s, other)), two, Assembled{Biflows: 2, Reused: 1}},
		{"a SYN sent again", join([]wire{{0, "S", isn, 0, 0, 1}}, handshake(3*s, isn)), [][]int{one}, Assembled{Biflows: 1, Retransmissions: 1}},
		{"a SYN sent again after a refusal", join([]wire{{0, "S", isn, 0, 0, 1}, {ms, "RA<", 0, isn + 1, 0, 1}}, handshake(s, isn)), [][]int{one}, Assembled{Biflows: 1, Retransmissions: 1}},
		{"another SYN after a refusal", join([]wire{{0, "S", isn, 0, 0, 1}, {ms, "RA<", 0, isn + 1, 0, 1}}, handshake(s, other)), [][]int{one}, Assembled{Biflows: 2, Reused: 1}},
		{"another SYN at once, none answered", join([]wire{{0, "S", isn, 0, 0, 1}}, handshake(ms, other)), [][]int{one}, Assembled{Biflows: 1}},
		{"another SYN after silence, none answered", join([]wire{{0, "S", isn, 0, 0, 1}}, handshake(3*s, other)), [][]int{one}, Assembled{Biflows: 2, Reused: 1}},
		{"both ends open at once", []wire{{0, "S", isn, 0, 0, 1}, {ms, "S<", 5, 0, 0, 2}, {4 * ms, "A", isn + 1, 6, 10, 3}, {6 * ms, "A<", 6, isn + 11, 20, 4}}, [][]int{one}, Assembled{Biflows: 1}},
		{"a SYN-ACK whose SYN was not captured", join(handshake(0, isn), closing(s, isn), handshake(2*s, other)[1:]), two, Assembled{Biflows: 2, Reused: 1}},
		{"a SYN that comes late", func() []wire { w := handshake(0, isn); w[0], w[3] = w[3], w[0]; return w }(), [][]int{one}, Assembled{Biflows: 1, OutOfOrder: 1}},
		{"late packets", join(handshake(0, isn), closing(s, isn), handshake(2*s, other), []wire{
			{2*s + 20*ms, "FA<", isn/2 + 21, isn + 12, 0, 20}, {2*s + 21*ms, "A<", isn/2 + 1, isn + 11, 20, 21}, {2*s + 22*ms, "A", other + 11, other/2 + 21, 7, 22},
		}), [][]int{one, {-10, 20, -7}}, Assembled{Biflows: 2, Reused: 1, Late: 2}},
	}
	for _, c := range cases {
		flows, counts := assembleFile(t, record(t, c.packets), Options{})
		kept := flows[:0]
		for _, f := range flows {
			if len(f) > 0 {
				kept = append(kept, f)
			}
		}
		if !reflect.DeepEqual(kept, c.want) {
			t.Errorf("%s: flows %v, want %v", c.name, kept, c.want)
		}
		if counts != c.counts {
			t.Errorf("%s: counts %+v, want %+v", c.name, counts, c.counts)
		}
	}
}

// TestActiveTimeoutKeepsTheConnection: the second part of a flow that was cut
// goes on with the sequence numbers of the first.
func TestActiveTimeoutKeepsTheConnection(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	packets := append(handshake(0, 100), wire{2 * s, "A", 101, 71, 10, 9}, wire{2*s + 2*ms, "A", 111, 71, 5, 10})
	flows, counts := assembleFile(t, record(t, packets), Options{Assembly: Assembly{Active: s, DropRetransmissions: true}})
	if want := [][]int{{-10, 20}, {-5}}; !reflect.DeepEqual(flows, want) {
		t.Errorf("flows %v, want %v", flows, want)
	}
	if want := (Assembled{Biflows: 2, Active: 1, Retransmissions: 1, Spurious: 1}); counts != want {
		t.Errorf("counts %+v, want %+v", counts, want)
	}
}

// TestActiveTimeoutAtReuse: where the duration has passed as another connection
// begins, its client is its own SYN's sender.
func TestActiveTimeoutAtReuse(t *testing.T) {
	packets := handshake(0, 100)
	for _, p := range handshake(2*time.Second, 5000) { // the other end connects
		if strings.Contains(p.flags, "<") {
			p.flags = strings.TrimSuffix(p.flags, "<")
		} else {
			p.flags += "<"
		}
		packets = append(packets, p)
	}
	flows, counts := assembleFile(t, record(t, packets), Options{Assembly: Assembly{Active: time.Second}})
	if want := [][]int{{-10, 20}, {-10, 20}}; !reflect.DeepEqual(flows, want) || counts.Reused != 1 {
		t.Errorf("flows %v, want %v; %+v", flows, want, counts)
	}
}

func TestRetransmissions(t *testing.T) {
	const ms = time.Millisecond
	data := func(at time.Duration, seq uint32, payload int) wire {
		return wire{at, "A", seq, 1, payload, uint16(1 + at/ms)}
	}
	cases := []struct {
		name    string
		packets []wire
		dropped [][]int
		counts  Assembled
	}{
		{"in order", []wire{data(0, 1, 10), data(2*ms, 11, 20), data(4*ms, 31, 30)}, [][]int{{-10, -20, -30}}, Assembled{}},
		{"sent again", []wire{data(0, 1, 10), data(2*ms, 11, 20), data(4*ms, 11, 20)}, [][]int{{-10, -20}}, Assembled{Retransmissions: 1}},
		{"sent again though acknowledged", []wire{data(0, 1, 10), {2 * ms, "A<", 1, 11, 0, 99}, data(4*ms, 1, 10)}, [][]int{{-10}}, Assembled{Retransmissions: 1, Spurious: 1}},
		{"sent again in other pieces", []wire{data(0, 1, 10), data(2*ms, 11, 20), data(4*ms, 1, 30)}, [][]int{{-10, -20}}, Assembled{Retransmissions: 1}},
		{"sent again with more", []wire{data(0, 1, 10), data(2*ms, 1, 30)}, [][]int{{-10, -30}}, Assembled{}},
		{"out of order", []wire{data(0, 1, 10), data(2*ms, 31, 30), data(4*ms, 11, 20)}, [][]int{{-10, -30, -20}}, Assembled{OutOfOrder: 1}},
		{"out of order, then sent again", []wire{data(0, 1, 10), data(2*ms, 31, 30), data(4*ms, 11, 20), data(6*ms, 11, 20)}, [][]int{{-10, -30, -20}}, Assembled{OutOfOrder: 1, Retransmissions: 1}},
		{"from the middle of a gap", []wire{data(0, 1, 10), data(2*ms, 41, 10), data(4*ms, 21, 10), data(6*ms, 11, 10), data(8*ms, 31, 10), data(10*ms, 21, 10)},
			[][]int{{-10, -10, -10, -10, -10}}, Assembled{OutOfOrder: 3, Retransmissions: 1}},
		{"two gaps at once", []wire{data(0, 1, 10), data(2*ms, 21, 10), data(4*ms, 41, 10), data(6*ms, 11, 30), data(8*ms, 11, 10), data(10*ms, 31, 10)},
			[][]int{{-10, -10, -10, -30}}, Assembled{OutOfOrder: 1, Retransmissions: 2}},
		{"before the first", []wire{data(0, 31, 10), data(2*ms, 11, 10), data(4*ms, 21, 10), data(6*ms, 11, 10)}, [][]int{{-10, -10, -10}}, Assembled{OutOfOrder: 2, Retransmissions: 1}},
		{"around the largest number", []wire{data(0, math.MaxUint32-4, 10), data(2*ms, 5, 20), data(4*ms, math.MaxUint32-4, 10)}, [][]int{{-10, -20}}, Assembled{Retransmissions: 1}},
		{"numbers that begin anew", []wire{data(0, 1, 10), data(2*ms, 1<<31, 10), data(4*ms, 1<<31+10, 10)}, [][]int{{-10, -10, -10}}, Assembled{}},
		{"bare acknowledgements", []wire{data(0, 1, 10), data(2*ms, 11, 0), data(4*ms, 11, 0), data(6*ms, 11, 5)}, [][]int{{-10, -5}}, Assembled{}},
	}
	for _, c := range cases {
		c.counts.Biflows = 1
		file := record(t, c.packets)
		var all [][]int
		for _, p := range c.packets {
			if all == nil {
				all = [][]int{nil}
			}
			if p.payload > 0 {
				all[0] = append(all[0], -p.payload)
			}
		}
		for _, drop := range []bool{false, true} {
			flows, counts := assembleFile(t, file, Options{Assembly: Assembly{DropRetransmissions: drop}})
			want := all
			if drop {
				want = c.dropped
			}
			if !reflect.DeepEqual(flows, want) {
				t.Errorf("%s, drop %v: flows %v, want %v", c.name, drop, flows, want)
			}
			if counts != c.counts {
				t.Errorf("%s, drop %v: counts %+v, want %+v", c.name, drop, counts, c.counts)
			}
		}
	}
}

// TestGapsAreBounded: of an end that loses every other packet few gaps are held.
func TestGapsAreBounded(t *testing.T) {
	var c connection
	for i := range uint32(100_000) {
		c.place(0, 2*i, 1)
	}
	if gaps := c.gaps[0]; len(gaps) != maxGaps || cap(gaps) > 2*maxGaps {
		t.Errorf("%d gaps held, room for %d, want %d", len(gaps), cap(gaps), maxGaps)
	}
}
