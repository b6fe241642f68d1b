package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// captureOf writes a capture of Ethernet frames, a second apart.
func captureOf(t *testing.T, frames ...[]byte) string {
	t.Helper()
	return captureBy(t, func(write func(at int64, frame []byte)) {
		for i, frame := range frames {
			write(int64(i)*1e9, frame)
		}
	})
}

// captureBy writes a capture of the Ethernet frames that fill writes, with their times
// in nanoseconds.
func captureBy(t *testing.T, fill func(write func(at int64, frame []byte))) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	fill(func(at int64, frame []byte) {
		if err := w.Write(at, frame); err != nil {
			t.Fatal(err)
		}
	})
	return path
}

func TestFlowsNamesWhatIsNotRead(t *testing.T) {
	lldp := make([]byte, 60)
	lldp[12], lldp[13] = 0x88, 0xcc
	_, _, err := execute(t.Context(), "flows", "--in", captureOf(t, lldp, lldp))
	if err == nil || !strings.Contains(err.Error(), "2 frames of EtherType 0x88cc (LLDP)") {
		t.Errorf("error %v, want one that names LLDP", err)
	}
}

func TestFlowsReadsInnerOrOuter(t *testing.T) {
	inner := func(port uint16) []byte {
		var m capture.PacketMaker
		client := &capture.Peer{Addr: netip.MustParseAddr("192.0.2.1"), Port: port}
		server := &capture.Peer{Addr: netip.MustParseAddr("192.0.2.2"), Port: 443}
		return bytes.Clone(m.Segment(client, server, capture.PSH|capture.ACK, 10, 1460))
	}
	vxlan := func(frame []byte) []byte {
		var m capture.PacketMaker
		from := &capture.Peer{Addr: netip.MustParseAddr("198.51.100.1"), Port: 50000}
		to := &capture.Peer{Addr: netip.MustParseAddr("198.51.100.2"), Port: 4789}
		b := bytes.Clone(m.Datagram(from, to, 8+len(frame)))
		b[42] = 8
		copy(b[50:], frame)
		return b
	}
	path := captureOf(t, vxlan(inner(50001)), vxlan(inner(50002)), vxlan(inner(50003)))
	for tunnels, want := range map[string]int{"inner": 3, "outer": 1} {
		out := filepath.Join(t.TempDir(), "a.parquet")
		if _, _, err := execute(t.Context(), "flows", "--in", path, "--label", "x", "--tunnels", tunnels, "--out", out); err != nil {
			t.Fatal(err)
		}
		if got := readFlows(t, traffic.Reader{}, out); len(got) != want {
			t.Errorf("--tunnels %s: %d flows, want %d", tunnels, len(got), want)
		}
	}
	if _, _, err := execute(t.Context(), "flows", "--in", path, "--tunnels", "both"); err == nil || !strings.Contains(err.Error(), "want inner or outer") {
		t.Errorf("--tunnels both: %v", err)
	}
}
