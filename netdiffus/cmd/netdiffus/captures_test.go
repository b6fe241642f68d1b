package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
		"captures": 1., "joined_to": 1., "packets": 7., "tcp_or_udp": 6., "later_fragments": 0., "other_ip": 0., "not_ip": 1., "cut_short_or_damaged": 0.,
		"tunnels": map[string]any{}, "unread": map[string]any{"EtherType 0x88cc (LLDP)": 1.},
		"duplicates": 3., "duplicates_dropped": true, "retransmissions": 0., "spurious_retransmissions": 0., "retransmissions_dropped": false,
		"unsorted": 0., "out_of_order": 0., "late": 0., "connections": 1., "ended_by_reuse": 0., "ended_by_idle_timeout": 0., "ended_by_active_timeout": 0.,
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

// Every verb that reads flows says what a capture without any holds.
func TestNothingReadable(t *testing.T) {
	lldp := make([]byte, 60)
	lldp[12], lldp[13] = 0x88, 0xcc
	var m capture.PacketMaker
	client := &capture.Peer{Addr: netip.MustParseAddr("192.0.2.1"), Port: 50000}
	server := &capture.Peer{Addr: netip.MustParseAddr("198.51.100.1"), Port: 443}
	cut := m.Datagram(client, server, 100)[:40]
	for _, c := range []struct {
		path, want string
	}{
		{captureOf(t, lldp, lldp), "none of its 2 packets could be read as TCP or UDP: 2 frames of EtherType 0x88cc (LLDP)"},
		{cutCaptureOf(t, cut), "1 packet with headers cut off (captured with a snapshot length of 40)"},
		{captureOf(t), "there are no flows in the input: no packets in 1 capture"},
	} {
		for _, args := range [][]string{{"flows"}, {"convert", "--out", filepath.Join(t.TempDir(), "set")}, {"chain", "--out", filepath.Join(t.TempDir(), "a.csv")}} {
			if _, _, err := execute(t.Context(), append(args, "--in", c.path)...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", args[0], err, c.want)
			}
		}
	}
}

// A set of captures that goes on in the next file is one capture with --join.
func TestFlowsJoin(t *testing.T) {
	whole, err := os.ReadFile(doubled(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	at, parts := 24, 0
	for ; at < len(whole); parts++ { // a file a packet
		end := at + 16 + int(binary.LittleEndian.Uint32(whole[at+8:]))
		file := append(slices.Clone(whole[:24]), whole[at:end]...)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("cap.pcap%d", parts)), file, 0o666); err != nil {
			t.Fatal(err)
		}
		at = end
	}
	stdout, _, err := execute(t.Context(), "flows", "--in", dir, "--join", "--drop-duplicates")
	if err != nil || !strings.Contains(stdout, "7 captures, joined to 1: 7 packets, 6 of them TCP or UDP") || !strings.Contains(stdout, "1        3    in all") {
		t.Errorf("%v: %s", err, stdout)
	}
	stdout, stderr, err := execute(t.Context(), "flows", "--in", dir)
	if want := "cap.pcap0 and 6 more seem to be parts of one capture, by their names: flows are cut where a file ends (--join reads them as one)"; !strings.Contains(stderr, want) {
		t.Errorf("warned %q, want %q", stderr, want)
	}
	if err != nil || !strings.Contains(stdout, "7 captures: 7 packets") || !strings.Contains(stdout, "6        6    in all") {
		t.Errorf("not joined: %v: %s", err, stdout)
	}
	stdout, _, err = execute(t.Context(), "convert", "--in", dir, "--join", "--out", filepath.Join(dir, "set"), "--json")
	if err != nil || !strings.Contains(stdout, `"flows": 1,`) {
		t.Errorf("convert: %v: %s", err, stdout)
	}
}

// cutCaptureOf is captureOf for a frame of which more was on the wire.
func cutCaptureOf(t *testing.T, frame []byte) string {
	t.Helper()
	path := captureOf(t, frame)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(file[24+12:], 142)
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}
