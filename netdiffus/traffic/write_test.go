package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tshark"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// made draws flows with payloads up to longest bytes and times in whole
// nanoseconds, as captures have them; some start downstream, one waits for
// hours.
func made(n, longest int, labels ...string) []Flow {
	r := rand.New(rand.NewPCG(5, 6))
	flows := make([]Flow, n)
	for i := range flows {
		f := Flow{Label: labels[i%len(labels)], Timed: true}
		for j := range 1 + r.IntN(40) {
			p := Packet{Length: 1 + r.IntN(longest), Dir: Direction(r.IntN(2))}
			if r.IntN(4) == 0 {
				p.Length = longest
			}
			if j > 0 {
				p.IAT = float64(r.Int64N(200_000_000)) / 1e3
			}
			if j == 3 && r.IntN(10) == 0 {
				p.IAT = float64(r.Int64N(int64(3*time.Hour))) / 1e3
			}
			if j == 4 {
				p.IAT = 0
			}
			f.Packets = append(f.Packets, p)
		}
		flows[i] = f
	}
	return flows
}

// TestWriteAndReadBack: every kind of file gives back exactly what was
// written.
func TestWriteAndReadBack(t *testing.T) {
	untimed := made(50, 1460, "a", "b")
	for i := range untimed {
		untimed[i].Timed = false
		for j := range untimed[i].Packets {
			untimed[i].Packets[j].IAT = 0
		}
	}
	odd := []Flow{{Label: "a \"quoted\", label\nof two lines; é", Packets: []Packet{{0, Up, 0}, {MaxLength, Down, 1e-7}, {0, Down, 12345678.9012345}}, Timed: true}}
	keyed := made(5, 1460, "a")
	for i := range keyed {
		keyed[i].Key = fmt.Sprintf("192.0.2.1,%d,198.51.100.1,9,6", 50000+i)
	}
	keyedUntimed := slices.Clone(untimed)
	for i := range keyedUntimed[:40] { // the others have none
		keyedUntimed[i].Key = fmt.Sprintf("192.0.2.1,%d,198.51.100.1,9,17", 50000+i)
	}
	for _, c := range []struct {
		file   string
		flows  []Flow
		writer Writer
	}{
		{"a.parquet", made(50, MaxLength, "a", "b"), Writer{}},
		{"a.parquet", odd, Writer{}},
		{"a.csv", made(50, MaxLength, "a", "b"), Writer{}},
		{"a.csv", untimed, Writer{}},
		{"a.csv", odd, Writer{}},
		{"a.tsv", odd, Writer{}},
		{"a.jsonl", made(50, MaxLength, "a", "b"), Writer{}},
		{"a.jsonl", odd, Writer{}},
		{"a.ndjson", untimed, Writer{}},
		{"a.jsonl", keyed, Writer{}},
		{"a.csv", keyed, Writer{}},
		{"a.parquet", keyed, Writer{}},
		{"a.parquet", keyedUntimed, Writer{}},
		{"a/a.pcap", made(200, 1460, "a"), Writer{}},
		{"a/a.pcap", made(50, 1440, "a"), Writer{Pcap: Pcap{IPv6: true}}},
		{"a/a.pcap", made(50, 1472, "a"), Writer{Pcap: Pcap{UDP: true, Start: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}}},
		{"a/a.pcap", made(50, 65535-48, "a"), Writer{Pcap: Pcap{UDP: true, IPv6: true, MTU: 65535}}},
		{"a/a.pcap", made(50, 65535-40, "a"), Writer{Pcap: Pcap{MTU: 65535, Port: 443}}},
	} {
		path := filepath.Join(t.TempDir(), c.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := c.writer.Write(path, All(c.flows)); err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		r := Reader{KeepKeys: c.flows[0].Key != "", KeepPadding: true, Warn: func(err error) { t.Errorf("%s: warning %v", c.file, err) }}
		got, err := Collect(r.Read(path))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
		} else if !reflect.DeepEqual(got, c.flows) {
			t.Errorf("%s: %d flows came back different from the %d written: %s", c.file, len(got), len(c.flows), firstDifference(got, c.flows))
		}
	}
}

func firstDifference(got, want []Flow) string {
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Sprintf("flow %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	return "one is longer"
}

// TestWriteFolderOfCaptures: a folder a label, the flows of each in order.
func TestWriteFolderOfCaptures(t *testing.T) {
	flows := made(90, 1460, "b", "a", "c d")
	path := filepath.Join(t.TempDir(), "captures") + string(os.PathSeparator)
	if err := Write(path, All(flows)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "c d", "c d.pcap")); err != nil {
		t.Error(err)
	}
	got, err := Collect(Read(path))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(flows, func(f, g Flow) int { return strings.Compare(f.Label, g.Label) })
	if !reflect.DeepEqual(got, flows) {
		t.Error(firstDifference(got, flows))
	}
}

// TestEmptyPacketsInCaptures: packets of 0 bytes are ours to make.
func TestEmptyPacketsInCaptures(t *testing.T) {
	flows := []Flow{
		{Label: "x", Timed: true, Packets: []Packet{{0, Up, 0}, {10, Down, 5}, {0, Up, 7}, {20, Up, 8}, {0, Up, 1}}},
		{Label: "x", Timed: true, Packets: []Packet{{0, Up, 0}}},
	}
	want := []Flow{{Label: "x", Timed: true, Packets: []Packet{{10, Down, 0}, {20, Up, 15}}}}
	for _, udp := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "x.pcap")
		if err := (Writer{Pcap: Pcap{UDP: udp}}).Write(path, All(flows)); err != nil {
			t.Fatal(err)
		}
		got, err := Collect(Reader{Label: LabelFromFile}.Read(path))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("UDP %v: %+v, %v, want %+v", udp, got, err, want)
		}
	}
}

// TestDrawnTimes: untimed flows get times from those given, the same for the
// same seed.
func TestDrawnTimes(t *testing.T) {
	flows := []Flow{{Label: "x", Packets: slices.Repeat([]Packet{{Length: 5}}, 50)}}
	times := []float64{1, 22.5, 333}
	var first [][]float64
	for _, seed := range []uint64{1, 1, 2} {
		path := filepath.Join(t.TempDir(), "x.pcap")
		if err := (Writer{Pcap: Pcap{Times: times, Seed: seed}}).Write(path, All(flows)); err != nil {
			t.Fatal(err)
		}
		got, err := Collect(Read(path))
		if err != nil {
			t.Fatal(err)
		}
		drawn := InterArrival{}.Values(got[0].Packets)
		for i, v := range drawn {
			if i > 0 && !slices.Contains(times, v) {
				t.Errorf("packet %d after %v microseconds, want one of %v", i, v, times)
			}
		}
		first = append(first, drawn)
	}
	if !slices.Equal(first[0], first[1]) || slices.Equal(first[0], first[2]) {
		t.Error("the seed does not settle the times")
	}
}

func TestWriteRefuses(t *testing.T) {
	one := func(label string, p ...Packet) []Flow { return []Flow{{Label: label, Packets: p, Timed: true}} }
	failing := func(yield func(Flow, error) bool) {
		_ = yield(one("x", Packet{Length: 1})[0], nil) && yield(Flow{}, errors.New("the source fails"))
	}
	for _, c := range []struct {
		path  string
		flows []Flow
		pcap  Pcap
		want  string
	}{
		{"a.xlsx", nil, Pcap{}, "cannot tell what to write"},
		{"a.pcap", append(one("x", Packet{1, Up, 0}), one("y", Packet{1, Up, 0})...), Pcap{}, `flow 1: label "y" after "x"`},
		{"a.pcap", one("x", Packet{1, Up, 0}, Packet{1461, Up, 0}), Pcap{}, "flow 0: packet 1 has 1461 bytes of payload, more than fits the MTU: one of 1500 carries 1460"},
		{"a.pcap", one("x", Packet{1, Up, 0}, Packet{1, Up, -1}), Pcap{}, "inter-arrival time -1"},
		{"a.pcap", one("x", Packet{1, Up, 0}, Packet{1, Up, 1e12}), Pcap{}, "from 0 to a day"},
		{"a.pcap", one("x", Packet{1, Up, 0}), Pcap{MTU: 40}, "MTU 40"},
		{"a.pcap", one("x", Packet{1, Up, 0}), Pcap{Start: time.Unix(-5, 0)}, "from 1970 to 2106"},
		{"a.pcap", one("x", Packet{1, Up, 0}), Pcap{Times: []float64{-3}}, "time 0 to draw from"},
		{"a/", one("../x", Packet{1, Up, 0}), Pcap{}, "cannot be a folder's name"},
		{"a/", one("", Packet{1, Up, 0}), Pcap{}, "the label is empty"},
		{"a.csv", one("x"), Pcap{}, "no packets"},
		{"a.jsonl", []Flow{{Label: "x", Packets: []Packet{{1, Up, 0}}}, {Label: "x", Packets: []Packet{{1, Up, 0}}, Timed: true}}, Pcap{}, "cannot be mixed"},
	} {
		dir := t.TempDir()
		err := Writer{Pcap: c.pcap}.Write(filepath.Join(dir, "a")+strings.TrimPrefix(c.path, "a"), All(c.flows))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 0 {
			t.Errorf("%s: left %v, %v", c.path, left, err)
		}
	}
	for _, name := range []string{"a.csv", "a.jsonl", "a.pcap", "a.parquet"} {
		if err := Write(filepath.Join(t.TempDir(), name), failing); err == nil || !strings.Contains(err.Error(), "the source fails") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestTsharkAcceptsCaptures has tshark check every checksum, and look for
// malformed packets, lost segments and wrong acknowledgements.
func TestTsharkAcceptsCaptures(t *testing.T) {
	real, err := Collect(Reader{MaxPackets: 32}.Read(realFlows(t)))
	if err != nil {
		t.Fatal(err)
	}
	real = real[:min(len(real), 100)]
	for i := range real {
		real[i].Label = "x"
	}
	for name, c := range map[string]struct {
		flows []Flow
		pcap  Pcap
	}{
		"TCP over IPv4":  {made(100, 1460, "x"), Pcap{}},
		"TCP over IPv6":  {made(40, 1440, "x"), Pcap{IPv6: true}},
		"UDP over IPv4":  {made(40, 1472, "x"), Pcap{UDP: true}},
		"UDP over IPv6":  {made(40, 1452, "x"), Pcap{UDP: true, IPv6: true}},
		"large packets":  {made(10, 60000, "x"), Pcap{MTU: 65535}},
		"cut in pieces":  {made(10, 60000, "x"), Pcap{Segment: true}},
		"flows captured": {real, Pcap{MTU: 65535}},
	} {
		path := filepath.Join(t.TempDir(), "a.pcap")
		if err := (Writer{Pcap: c.pcap}).Write(path, All(c.flows)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bad := tshark.Lines(t, path, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
			"-Y", `_ws.malformed || _ws.expert.severity >= "Warning" || tcp.checksum.status == "Bad" || udp.checksum.status == "Bad" || ip.checksum.status == "Bad" || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.retransmission`)
		if len(bad) > 0 {
			t.Errorf("%s: tshark objects to %d packets, first %s", name, len(bad), bad[0])
		}
		for i, status := range tshark.Lines(t, path, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
			"-T", "fields", "-e", "tcp.checksum.status", "-e", "udp.checksum.status") {
			if strings.TrimSpace(status) != "1" { // good
				t.Errorf("%s: tshark gives packet %d's checksum the status %q", name, i+1, status)
				break
			}
		}
	}
}

// realFlows are flows of real traffic: the project's own sample, or one of the
// shared captures.
func realFlows(t *testing.T) string {
	own, err := filepath.Glob(filepath.Join(golden.Root(t), "data", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if len(own) > 0 {
		return own[0]
	}
	return golden.Shared(t, "data/iot-sentinel/pcap/D-LinkCam")
}

// TestKeysAreOptIn: without KeepKeys nothing is read of a file's
// KEY, and nothing passes it on.
func TestKeysAreOptIn(t *testing.T) {
	flows := made(3, 1460, "a")
	for i := range flows {
		flows[i].Key = "192.0.2.1,50000,198.51.100.1,9,6"
	}
	for _, name := range []string{"a.parquet", "a.csv", "a.jsonl"} {
		dir := t.TempDir()
		path, again := filepath.Join(dir, name), filepath.Join(dir, "again-"+name)
		if err := Write(path, All(flows)); err != nil {
			t.Fatal(err)
		}
		if err := Write(again, Read(path)); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(again)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("192.0.2.1")) || bytes.Contains(data, []byte("KEY")) {
			t.Errorf("%s: keys that were not asked for are passed on", name)
		}
		if got, err := Collect(Reader{KeepKeys: true}.Read(path)); err != nil || got[2].Key != flows[2].Key {
			t.Errorf("%s: key %q, %v", name, got[2].Key, err)
		}
	}
	flows[0].Key = strings.Repeat("x", tables.MaxKey+1)
	if err := Write(filepath.Join(t.TempDir(), "a.parquet"), All(flows)); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("a key of %d bytes: %v", tables.MaxKey+1, err)
	}
}
