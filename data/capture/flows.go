package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// labelled reads the flows of a capture, each under the name of its server's
// port. Nothing ends a flow but the capture: no two sessions share their ports.
func labelled(path string, maxPackets int, names map[uint16]string) ([]traffic.Flow, error) {
	var damage error
	r := traffic.Reader{
		MaxPackets: maxPackets,
		KeepKeys:   true,
		Capture:    traffic.Assembly{Idle: -1},
		Warn:       func(err error) { damage = err },
	}
	var flows []traffic.Flow
	for f, err := range r.Read(path) {
		if err != nil {
			return nil, err
		}
		port, err := serverPort(f.Key)
		if err != nil {
			return nil, err
		}
		if f.Label = names[port]; f.Label == "" {
			return nil, fmt.Errorf("a flow to port %d, where no server is", port)
		}
		f.Key = ""
		flows = append(flows, f)
	}
	return flows, damage
}

// serverPort is the fourth part of a flow's key.
func serverPort(key string) (uint16, error) {
	parts := strings.Split(key, ",")
	if len(parts) != 5 {
		return 0, fmt.Errorf("a flow of key %q", key)
	}
	port, err := strconv.ParseUint(parts[3], 10, 16)
	return uint16(port), err
}

// conversation names the packets between two ends, both ways.
type conversation struct {
	protocol  layers.IPProtocol
	low, high endpoint
}

type endpoint struct {
	host [4]byte
	port uint16
}

// frameReader finds the conversation that a frame belongs to.
type frameReader struct {
	parser  *gopacket.DecodingLayerParser
	eth     layers.Ethernet
	ip      layers.IPv4
	tcp     layers.TCP
	udp     layers.UDP
	decoded []gopacket.LayerType
}

func newFrameReader() *frameReader {
	r := &frameReader{}
	r.parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &r.eth, &r.ip, &r.tcp, &r.udp)
	r.parser.IgnoreUnsupported = true
	return r
}

// conversation reads the headers of an Ethernet frame; ok is false if it is
// not TCP or UDP over IPv4.
func (r *frameReader) conversation(frame []byte) (c conversation, ok bool) {
	if err := r.parser.DecodeLayers(frame, &r.decoded); err != nil || len(r.decoded) < 3 {
		return c, false
	}
	copy(c.low.host[:], r.ip.SrcIP)
	copy(c.high.host[:], r.ip.DstIP)
	switch c.protocol = r.ip.Protocol; r.decoded[2] {
	case layers.LayerTypeTCP:
		c.low.port, c.high.port = uint16(r.tcp.SrcPort), uint16(r.tcp.DstPort)
	case layers.LayerTypeUDP:
		c.low.port, c.high.port = uint16(r.udp.SrcPort), uint16(r.udp.DstPort)
	default:
		return c, false
	}
	if d := bytes.Compare(c.low.host[:], c.high.host[:]); d > 0 || d == 0 && c.low.port > c.high.port {
		c.low, c.high = c.high, c.low
	}
	return c, true
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
