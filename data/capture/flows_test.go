package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// tcpFrame builds an Ethernet frame between two hosts by their last bytes. Both count from
// sequence number 0, which SYN has.
func tcpFrame(t *testing.T, from, to byte, fromPort, toPort uint16, payload int, flags func(*layers.TCP)) []byte {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: []byte{192, 0, 2, from}, DstIP: []byte{192, 0, 2, to}}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(fromPort), DstPort: layers.TCPPort(toPort), ACK: true, Seq: 1, Ack: 1}
	if flags(tcp); tcp.SYN {
		tcp.Seq = 0
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, eth, ip, tcp, gopacket.Payload(make([]byte, payload)))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLabelled(t *testing.T) {
	plain := func(*layers.TCP) {}
	syn := func(tcp *layers.TCP) { tcp.SYN, tcp.ACK = true, false }
	path := filepath.Join(t.TempDir(), "raw.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := pcapgo.NewWriterNanos(file)
	if err := w.WriteFileHeader(1<<16, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	cut := 80
	start := time.Unix(1000, 0)
	conversations := map[conversation]int{}
	frames := newFrameReader()
	for i, frame := range [][]byte{
		tcpFrame(t, 20, 10, 80, 4000, 0, func(tcp *layers.TCP) { tcp.SYN = true }), // the answer was captured first
		tcpFrame(t, 10, 20, 4000, 80, 0, syn),
		tcpFrame(t, 10, 20, 4000, 80, 100, plain),
		append(tcpFrame(t, 20, 10, 80, 4000, 1, plain), 0, 0, 0, 0, 0), // Ethernet's padding is no payload
		tcpFrame(t, 20, 10, 80, 4000, 0, plain),
		tcpFrame(t, 20, 10, 80, 4000, 1448, plain), // cut by the capture
		tcpFrame(t, 10, 20, 4000, 80, 7, plain),    // past the limit
		tcpFrame(t, 20, 10, 80, 4001, 5, plain),    // another flow, begun before the capture
		{1, 2, 3},
	} {
		info := gopacket.CaptureInfo{Timestamp: start.Add(time.Duration(i) * time.Millisecond), Length: len(frame), CaptureLength: min(cut, len(frame))}
		if err := w.WritePacket(info, frame[:info.CaptureLength]); err != nil {
			t.Fatal(err)
		}
		if c, ok := frames.conversation(frame); ok {
			conversations[c]++
		}
	}
	got, err := labelled(path, 3, map[uint16]string{80: "web", 4001: "odd"})
	want := []traffic.Flow{
		{Label: "web", Timed: true, Packets: []traffic.Packet{
			{Length: 100, Dir: traffic.Up},
			{Length: 1, Dir: traffic.Down, IAT: 1000},
			{Length: 1448, Dir: traffic.Down, IAT: 2000},
		}},
		{Label: "odd", Timed: true, Packets: []traffic.Packet{{Length: 5, Dir: traffic.Up}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("flows %v, %v; want %v", got, err, want)
	}
	if _, err := labelled(path, 3, map[uint16]string{80: "web"}); err == nil {
		t.Error("a flow of no class gave no error")
	}
	if len(conversations) != 2 {
		t.Errorf("conversations %v, want two", conversations)
	}
}
