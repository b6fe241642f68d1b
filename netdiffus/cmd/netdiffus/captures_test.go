package main

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
)

// doubled writes a capture of 3 datagrams of which each is there twice, 5
// microseconds apart, and an LLDP frame.
func doubled(t *testing.T) string {
	t.Helper()
	var m capture.PacketMaker
	client := &capture.Peer{Addr: netip.MustParseAddr("192.0.2.1"), Port: 50000}
	server := &capture.Peer{Addr: netip.MustParseAddr("198.51.100.1"), Port: 443}
	return captureBy(t, func(write func(at int64, frame []byte)) {
		for i := range int64(3) {
			frame := m.Datagram(client, server, 100+int(i))
			write(i*1e9, frame)
			write(i*1e9+5000, frame)
		}
		lldp := make([]byte, 60)
		lldp[12], lldp[13] = 0x88, 0xcc
		write(4e9, lldp)
	})
}

func TestFlowsSummary(t *testing.T) {
	path := doubled(t)
	stdout, stderr, err := execute(t.Context(), "flows", "--in", path, "--label", "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1 capture: 7 packets, 6 of them TCP or UDP\n",
		"in no flow  1 frame of EtherType 0x88cc (LLDP)\n",
		"duplicates  3 packets captured twice, 50% of TCP and UDP: kept (--drop-duplicates leaves them out)\n",
		"connections 1\n", "1        6    in all",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("printed %q, want %q in it", stdout, want)
		}
	}
	if want := path + ": 3 packets, 50% of TCP and UDP, were captured twice (--drop-duplicates leaves them out)"; !strings.Contains(stderr, want) {
		t.Errorf("warned %q, want %q", stderr, want)
	}
	stdout, stderr, err = execute(t.Context(), "flows", "--in", path, "--label", "x", "--drop-duplicates")
	if err != nil || stderr != "" || !strings.Contains(stdout, "left out") || !strings.Contains(stdout, "1        3    in all") {
		t.Errorf("without duplicates: %v, printed %q and %q", err, stdout, stderr)
	}
}

func TestSummaryAsJSON(t *testing.T) {
	path := doubled(t)
	dir := t.TempDir()
	want := map[string]any{
		"captures": 1., "packets": 7., "tcp_or_udp": 6., "later_fragments": 0., "other_ip": 0., "not_ip": 1., "cut_short_or_damaged": 0.,
		"tunnels": map[string]any{}, "unread": map[string]any{"EtherType 0x88cc (LLDP)": 1.},
		"duplicates": 3., "duplicates_dropped": true, "retransmissions": 0., "spurious_retransmissions": 0., "retransmissions_dropped": false,
		"out_of_order": 0., "late": 0., "connections": 1., "ended_by_reuse": 0., "ended_by_idle_timeout": 0., "ended_by_active_timeout": 0.,
		"ended_as_too_many_were_open": 0.,
	}
	for _, args := range [][]string{
		{"flows", "--out", filepath.Join(dir, "a.parquet"), "--rest", filepath.Join(dir, "b.parquet"), "--share", "0.9999"}, // read twice, counted once
		{"convert", "--out", filepath.Join(dir, "set")},
	} {
		stdout, _, err := execute(t.Context(), append(args, "--in", path, "--label", "x", "--drop-duplicates", "--json")...)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Flows    int
			Classes  []struct{ Label string }
			Captures map[string]any
		}
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatalf("%s: %v: %q", args[0], err, stdout)
		}
		if !reflect.DeepEqual(got.Captures, want) {
			t.Errorf("%s: %v, want %v", args[0], got.Captures, want)
		}
		if got.Flows != 1 || len(got.Classes) != 1 || got.Classes[0].Label != "x" {
			t.Errorf("%s: %+v", args[0], got)
		}
	}
	stdout, _, err := execute(t.Context(), "flows", "--in", filepath.Join(dir, "a.parquet"), "--json")
	if err != nil || strings.Contains(stdout, "captures") {
		t.Errorf("of Parquet: %v, printed %s", err, stdout)
	}
}
