package capture

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tshark"
	"github.com/netdiffus/netdiffus-go/netdiffus/longtest"
)

// TestPayloadsAgreeWithTshark compares each packet's payload length with
// tshark's, in the shared captures, the project's own and those made for
// TestDecode. Exceptions: ICMP errors quote a packet's headers, which tshark
// shows as that packet's; and tshark gives the first fragment of a UDP
// datagram the whole datagram's length.
func TestPayloadsAgreeWithTshark(t *testing.T) {
	var captures []string
	own, err := filepath.Glob(filepath.Join(golden.Root(t), "data", "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	captures = append(captures, own...)
	captures = append(captures, writeSampleCapture(t))
	captures = append(captures, sharedCaptures(t)...)
	for _, path := range captures {
		lines := tshark.Lines(t, path, "-T", "fields", "-E", "separator=,", "-E", "occurrence=f",
			"-e", "icmp.type", "-e", "icmpv6.type", "-e", "tcp.len", "-e", "udp.length", "-e", "ip.flags.mf", "-e", "ipv6.fraghdr.more")
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		frames, err := Open(f)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; ; n++ {
			var p Frame
			if err := frames.Next(&p); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if n >= len(lines) {
				continue
			}
			var s segment
			got := -1
			if decode(p.Link, p.Data, p.Length, &s) == isSegment {
				got = s.payload
			}
			cells := strings.Split(lines[n], ",")
			isICMP := cells[0] != "" || cells[1] != ""
			fragmented := isTrue(cells[4]) || isTrue(cells[5])
			want := -1
			switch {
			case isICMP:
			case cells[2] != "":
				want, _ = strconv.Atoi(cells[2])
			case cells[3] != "":
				want, _ = strconv.Atoi(cells[3])
				want -= 8
				if fragmented && want > got {
					want = got
				}
			}
			if got != want {
				t.Errorf("%s packet %d: payload %d, tshark %d (%s)", filepath.Base(path), n+1, got, want, lines[n])
			}
		}
		if n != len(lines) {
			t.Errorf("%s: %d packets, tshark counts %d", path, n, len(lines))
		}
	}
	t.Logf("%d captures agree", len(captures))
}

func isTrue(cell string) bool { return cell == "1" || cell == "True" }

// sharedCaptures lists the developers' captures, none where they are absent:
// one a class, and all three with NETDIFFUS_LONG=1.
func sharedCaptures(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join(golden.Root(t), "..", "shared", "data", "iot-sentinel", "pcap")
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	if !longtest.On() { // one of each three
		kept := paths[:0]
		for i, path := range paths {
			if i%3 == 0 {
				kept = append(kept, path)
			}
		}
		paths = kept
	}
	if len(paths) == 0 {
		t.Log("the developers' captures (../shared) are not here: only the project's own are compared")
	}
	return paths
}
