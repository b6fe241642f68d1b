package connections_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// made draws timed flows of the labels in turn, with payloads that fit an MTU of
// 1500 with time stamps.
func made(n int, labels ...string) []traffic.Flow {
	r := rand.New(rand.NewPCG(1, 2))
	var flows []traffic.Flow
	for i := range n {
		f := traffic.Flow{Label: labels[i%len(labels)], Timed: true}
		for j := range 1 + r.IntN(30) {
			p := traffic.Packet{Length: 1 + r.IntN(1448), Dir: traffic.Direction(r.IntN(2))}
			if f.Label == "quic" { // shorter ones no packet of QUIC has
				p.Length += 40 * (1 - min(1, p.Length/40))
			}
			if f.Label == "dns" {
				p.Length = 19 + r.IntN(400)
			}
			if j == 0 && f.Label != "smtp" {
				p.Dir = traffic.Up
			}
			if j > 0 {
				p.IAT = float64(r.Int64N(80_000_000)) / 1e3
			}
			f.Packets = append(f.Packets, p)
		}
		flows = append(flows, f)
	}
	return flows
}

func write(t *testing.T, flows []traffic.Flow, p connections.Profile, o connections.Options) ([]byte, connections.Summary) {
	t.Helper()
	var out bytes.Buffer
	s, err := connections.Write(context.Background(), &out, traffic.All(flows), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), s
}

func readBack(t *testing.T, name string, file []byte, r traffic.Reader) []traffic.Flow {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	r.Warn = func(err error) { t.Errorf("%s: warning %v", name, err) }
	got, err := traffic.Collect(r.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// packetsOf are the flows' packets as text, sorted: the order and the labels of flows
// are not in a capture.
func packetsOf(flows []traffic.Flow) []string {
	var list []string
	for _, f := range flows {
		list = append(list, fmt.Sprint(f.Packets))
	}
	slices.Sort(list)
	return list
}

// Every flow comes back with its lengths, directions and times to the nanosecond,
// though connections overlap, whatever the profile.
func TestFlowsComeBack(t *testing.T) {
	labels := []string{"dns", "https", "ssh", "http", "smtp", "mqtt", "resp", "quic", "ntp", "unknown"}
	flows := made(200, labels...)
	for name, p := range map[string]connections.Profile{
		"zero":         {},
		"fast":         {Rate: 500},
		"back to back": {Starts: connections.BackToBack},
		"spread":       {Duration: time.Minute},
		"windows":      {Rate: 50, Network: connections.Network{System: "windows"}},
		"linux":        {Rate: 50, Network: connections.Network{System: "linux"}, Payload: "random"},
		"resets":       {Rate: 50, Resets: 1, Payload: "zeros"},
	} {
		for _, ng := range []bool{false, true} {
			file, s := write(t, flows, p, connections.Options{NG: ng})
			got := readBack(t, "a.pcap", file, traffic.Reader{})
			if !reflect.DeepEqual(packetsOf(got), packetsOf(flows)) {
				t.Errorf("%s, pcapng %v: %d flows came back other than the %d written", name, ng, len(got), len(flows))
			}
			if s.Connections != len(flows) || s.Cut != 0 {
				t.Errorf("%s: summary %+v", name, s)
			}
			if name == "fast" && s.MostOpen < 10 {
				t.Errorf("%s: at most %d connections at once", name, s.MostOpen)
			}
		}
	}
}

// With losses, what was sent again can be told from its numbers.
func TestLossesCanBeDropped(t *testing.T) {
	flows := made(100, "https")
	file, s := write(t, flows, connections.Profile{Rate: 100, Loss: 0.1}, connections.Options{})
	if s.SentAgain < 50 {
		t.Fatalf("%d segments were sent again", s.SentAgain)
	}
	got := readBack(t, "a.pcap", file, traffic.Reader{Capture: traffic.Assembly{DropRetransmissions: true}})
	if !reflect.DeepEqual(packetsOf(got), packetsOf(flows)) {
		t.Error("without what was sent again, other flows came back")
	}
	if all := readBack(t, "a.pcap", file, traffic.Reader{}); reflect.DeepEqual(packetsOf(all), packetsOf(flows)) {
		t.Error("what was sent again is not in the capture")
	}
}

// The same seed gives the same bytes, another one others.
func TestSameSeedSameBytes(t *testing.T) {
	flows := made(60, "https", "dns")
	sum := func(p connections.Profile) [32]byte {
		file, _ := write(t, flows, p, connections.Options{})
		return sha256.Sum256(file)
	}
	p := connections.Profile{Seed: 3, Duration: 20 * time.Second, Rate: 10, Loss: 0.02}
	if first, second := sum(p), sum(p); first != second {
		t.Error("the same profile gave other bytes")
	}
	q := p
	q.Seed = 4
	if sum(p) == sum(q) {
		t.Error("another seed gave the same bytes")
	}
}

// A duration and a rate take flows again, and end in time where that is asked for.
func TestDurationAndRate(t *testing.T) {
	flows := made(10, "https", "dns")
	p := connections.Profile{Duration: 100 * time.Second, Rate: 5, Cut: true}
	_, s := write(t, flows, p, connections.Options{})
	if s.Connections < 400 || s.Connections > 600 || s.Span > p.Duration {
		t.Errorf("%d connections over %v, want about 500 within %v", s.Connections, s.Span, p.Duration)
	}
	p.Classes = map[string]connections.Class{"dns": {Share: 9}, "https": {Share: 1}}
	_, s = write(t, flows, p, connections.Options{})
	if n := s.Classes[0].Connections; n < s.Connections*8/10 {
		t.Errorf("%d of %d connections are of the class with nine tenths", n, s.Connections)
	}
}

// Ports, protocols, times to live and starts come from the statistics of a capture.
func TestStatisticsAreFollowed(t *testing.T) {
	flows := made(200, "app")
	for i := range flows {
		c := &traffic.Connection{Protocol: traffic.UDP, ServerPort: 4500, ClientTTL: 61, ServerTTL: 44, Capture: "a", Start: int64(i) * 5e8}
		if i%4 == 0 {
			c.Protocol, c.ServerPort = traffic.TCP, 8443
		}
		flows[i].Connection = c
	}
	file, s := write(t, flows, connections.Profile{}, connections.Options{})
	if s.Starts != connections.Captured || s.Classes[0].Source != connections.FromCapture {
		t.Errorf("summary %+v", s)
	}
	if s.Span < 60*time.Second || s.Span > 150*time.Second {
		t.Errorf("200 connections, two a second, took %v", s.Span)
	}
	ports := map[uint16]int{}
	for _, f := range readBack(t, "a.pcap", file, traffic.Reader{KeepConnections: true}) {
		ports[f.Connection.ServerPort]++
		if f.Connection.ClientTTL != 61 || f.Connection.ServerTTL != 44 && f.Connection.ServerTTL != 0 {
			t.Fatalf("connection %+v", f.Connection)
		}
	}
	if ports[8443] < 20 || ports[4500] < 100 || len(ports) != 2 {
		t.Errorf("server ports %v", ports)
	}
}

func TestErrors(t *testing.T) {
	var out bytes.Buffer
	for _, c := range []struct {
		flows []traffic.Flow
		p     connections.Profile
		want  error
		text  string
	}{
		{made(1, "a"), connections.Profile{Starts: connections.Captured}, connections.ErrNoStarts, "not known"},
		{made(1, "a"), connections.Profile{Loss: 2}, connections.ErrProfile, "loss"},
		{nil, connections.Profile{}, nil, "no flows"},
		{[]traffic.Flow{{Packets: []traffic.Packet{{Length: 70000}}}}, connections.Profile{}, nil, "70000"},
		{made(40000, "a")[:1], connections.Profile{Duration: time.Hour, Rate: 1e5, Network: connections.Network{Hosts: 1}}, nil, "network.hosts"},
	} {
		out.Reset()
		_, err := connections.Write(context.Background(), &out, traffic.All(c.flows), c.p, connections.Options{})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("error %v, want %v with %q", err, c.want, c.text)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	path := filepath.Join(t.TempDir(), "a.pcap")
	if _, err := connections.WriteFile(ctx, path, "", traffic.All(made(10, "a")), connections.Profile{}, connections.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a capture that was cancelled is there")
	}
}

// tshark understands all payload, and has nothing to warn of.
func TestTsharkWarnsOfNothing(t *testing.T) {
	flows := made(300, "dns", "https", "ssh", "http", "smtp", "mqtt", "resp", "quic", "rtp", "unknown")
	file, _ := write(t, flows, connections.Profile{Rate: 200}, connections.Options{})
	path := filepath.Join(t.TempDir(), "a.pcap")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed (Debian: apt-get install tshark)")
	}
	c := exec.Command(program, "-n", "-r", path, "-Y", "_ws.expert.severity >= 0x600000", "-T", "fields", "-e", "frame.number", "-e", "_ws.col.protocol", "-e", "_ws.expert.message")
	warned, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(warned)) {
		// Of QUIC, nobody but the ends can decrypt what follows the first packets.
		if !strings.Contains(line, "Failed to create decryption context") {
			t.Errorf("tshark: %s", line)
		}
	}
}
