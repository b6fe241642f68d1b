package connections

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// seen makes flows of a class: a DNS query and a TLS connection in turn, and a few
// to ports of their own.
func seen(label, capture string, n int) []traffic.Flow {
	var flows []traffic.Flow
	for i := range n {
		f := traffic.Flow{Label: label, Packets: []traffic.Packet{{Length: 517}, {Length: 1400, Dir: traffic.Down}}}
		c := &traffic.Connection{Protocol: traffic.TCP, ServerPort: 443, ClientTTL: 64, ServerTTL: 53, Capture: capture, Start: int64(i) * 2e9}
		switch {
		case i%10 == 9:
			c.Protocol, c.ServerPort = traffic.UDP, uint16(50000+i)
		case i%2 == 0:
			c.Protocol, c.ServerPort, c.ServerTTL = traffic.UDP, 53, 0
			f.Packets = []traffic.Packet{{Length: 33}, {Length: 90, Dir: traffic.Down}}
		}
		f.Connection = c
		flows = append(flows, f)
	}
	return flows
}

func TestCounter(t *testing.T) {
	var c Counter
	if c.Statistics() != nil {
		t.Error("statistics of no flows are not nil")
	}
	c.Add(traffic.Flow{Label: "keyless"})
	for _, f := range append(seen("b", "1.pcap", 100), seen("a", "2.pcap", 1)...) {
		c.Add(f)
	}
	s := c.Statistics()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if len(s.Classes) != 2 || s.Class("keyless") != nil || s.Class("a").Arrivals != nil {
		t.Fatalf("classes %+v", s.Classes)
	}
	b := s.Class("b")
	want := []Service{
		{Protocol: udp, Port: 53, Flows: 50, ClientTTL: []Count{{64, 50}}, Starts: map[string]int{"u6d7": 50}},
		{Protocol: tcp, Port: 443, Flows: 40, ClientTTL: []Count{{64, 40}}, ServerTTL: []Count{{53, 40}}, Starts: map[string]int{"u10d11": 40}},
		{Protocol: udp, Port: 0, Flows: 10, ClientTTL: []Count{{64, 10}}, ServerTTL: []Count{{53, 10}}, Starts: map[string]int{"u10d11": 10}},
	}
	if b.Flows != 100 || !reflect.DeepEqual(b.Services, want) {
		t.Errorf("services %+v, want %+v", b.Services, want)
	}
	if len(b.Arrivals) != quantiles+1 || math.Abs(b.Arrivals[16]-2) > 0.2 {
		t.Errorf("times between starts %v, want 2 s within an eighth of an octave", b.Arrivals)
	}
}

// A capture's first connection does not come after the last one of another.
func TestCounterPartsCaptures(t *testing.T) {
	var c Counter
	for i, capture := range []string{"1", "2"} {
		for _, f := range seen("a", capture, 2) {
			f.Connection.Start += 1e15 * int64(i)
			c.Add(f)
		}
	}
	if a := c.Statistics().Class("a").Arrivals; a[0] < 1.8 || a[quantiles] > 2.2 {
		t.Errorf("times between starts %v, want 2 s", a)
	}
}

func TestStatisticsCheck(t *testing.T) {
	for text, want := range map[string]string{
		`{"classes":[{"label":"b"},{"label":"a"}]}`:                                                                             "sorted",
		`{"classes":[{"label":"a","services":[{"protocol":"sctp","port":1,"flows":1}]}]}`:                                       "tcp or udp",
		`{"classes":[{"label":"a","services":[{"protocol":"tcp","port":65536,"flows":1}]}]}`:                                    "65536",
		`{"classes":[{"label":"a","arrivals":[1]}]}`:                                                                            "quantiles",
		`{"classes":[{"label":"a","services":[{"protocol":"tcp","port":1,"flows":1,"client_ttl":[{"value":256,"count":1}]}]}]}`: "256",
	} {
		var s Statistics
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
