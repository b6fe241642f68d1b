package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// biflow is a flow under way: the packets with payload between two addresses
// and ports, both ways, without a time-out. Its client sent the SYN or, where
// there is none, the first packet.
type biflow struct {
	client, server endpoint
	packets        []traffic.Packet
	last           time.Time
}

type endpoint struct {
	host gopacket.Endpoint
	port uint16
}

type flowKey struct {
	from, to endpoint
	udp      bool
}

// assembler gathers the TCP and UDP packets of a capture into flows.
type assembler struct {
	maxPackets int // flows are cut to so many
	flows      []*biflow
	byKey      map[flowKey]*biflow // under both orders of the two ends

	parser  *gopacket.DecodingLayerParser
	eth     layers.Ethernet
	ip      layers.IPv4
	tcp     layers.TCP
	udp     layers.UDP
	decoded []gopacket.LayerType
}

func newAssembler(maxPackets int) *assembler {
	a := &assembler{maxPackets: maxPackets, byKey: map[flowKey]*biflow{}}
	a.parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &a.eth, &a.ip, &a.tcp, &a.udp)
	a.parser.IgnoreUnsupported = true
	return a
}

// segment is what matters of a packet.
type segment struct {
	flowKey
	payload int // bytes on the wire, whatever was captured
	syn     bool
}

func (k flowKey) reverse() flowKey { return flowKey{k.to, k.from, k.udp} }

// decode reads the headers of an Ethernet frame; ok is false if it is not TCP
// or UDP over IPv4.
func (a *assembler) decode(frame []byte) (s segment, ok bool) {
	if err := a.parser.DecodeLayers(frame, &a.decoded); err != nil || len(a.decoded) < 3 {
		return s, false
	}
	src, dst := a.ip.NetworkFlow().Endpoints()
	s.from.host, s.to.host = src, dst
	switch a.decoded[2] {
	case layers.LayerTypeTCP:
		s.from.port, s.to.port = uint16(a.tcp.SrcPort), uint16(a.tcp.DstPort)
		s.payload = int(a.ip.Length) - 4*int(a.ip.IHL) - 4*int(a.tcp.DataOffset)
		s.syn = a.tcp.SYN && !a.tcp.ACK
	case layers.LayerTypeUDP:
		s.from.port, s.to.port = uint16(a.udp.SrcPort), uint16(a.udp.DstPort)
		s.payload = int(a.udp.Length) - 8
		s.udp = true
	default:
		return s, false
	}
	return s, true
}

// add takes in a frame captured at a time.
func (a *assembler) add(at time.Time, frame []byte) {
	s, ok := a.decode(frame)
	if !ok {
		return
	}
	f := a.byKey[s.flowKey]
	if f == nil {
		f = &biflow{client: s.from, server: s.to}
		a.byKey[s.flowKey], a.byKey[s.reverse()] = f, f
		a.flows = append(a.flows, f)
	}
	if s.syn {
		f.client, f.server = s.from, s.to
	}
	if s.payload <= 0 || len(f.packets) == a.maxPackets {
		return
	}
	p := traffic.Packet{Length: s.payload, Dir: traffic.Down}
	if s.from == f.client {
		p.Dir = traffic.Up
	}
	if len(f.packets) > 0 {
		p.IAT = float64(at.Sub(f.last).Nanoseconds()) / 1e3
	}
	f.packets, f.last = append(f.packets, p), at
}

// labelled returns the flows that have packets, in the order of their first,
// under the names of their servers' ports.
func (a *assembler) labelled(names map[uint16]string) ([]traffic.Flow, error) {
	var flows []traffic.Flow
	for _, f := range a.flows {
		if len(f.packets) == 0 {
			continue
		}
		name, ok := names[f.server.port]
		if !ok {
			return nil, fmt.Errorf("a flow to port %d, where no server is", f.server.port)
		}
		flows = append(flows, traffic.Flow{Label: name, Packets: f.packets, Timed: true})
	}
	return flows, nil
}

// readFrames calls f with each packet of a pcap file.
func readFrames(path string, f func(info gopacket.CaptureInfo, frame []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := pcapgo.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for {
		frame, info, err := r.ReadPacketData()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = f(info, frame)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

// assemble reads the flows of a pcap file.
func assemble(path string, maxPackets int) (*assembler, error) {
	a := newAssembler(maxPackets)
	err := readFrames(path, func(info gopacket.CaptureInfo, frame []byte) error {
		a.add(info.Timestamp, frame)
		return nil
	})
	return a, err
}
