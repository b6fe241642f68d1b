package traffic

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Captures show what a connection is, and keys a part of it; without being asked
// for, neither comes with the flows.
func TestKeepConnections(t *testing.T) {
	dir := t.TempDir()
	start := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	flow := Flow{Label: filepath.Base(dir), Packets: []Packet{{Length: 10}, {Length: 20, Dir: Down, IAT: 5}}, Timed: true}
	capture := filepath.Join(dir, "a.pcap")
	if err := (Writer{Pcap: Pcap{Port: 443, Start: start}}).Write(capture, All([]Flow{flow})); err != nil {
		t.Fatal(err)
	}
	keyed := flow
	keyed.Key = "192.0.2.1,50000,198.51.100.1,53,17"
	paths := map[string]Connection{capture: {Protocol: TCP, ServerPort: 443, ClientTTL: 64, ServerTTL: 64, Capture: capture, Start: start.UnixNano()}}
	for _, ending := range []string{".parquet", ".csv", ".jsonl"} {
		path := filepath.Join(dir, "a"+ending)
		if err := Write(path, All([]Flow{keyed})); err != nil {
			t.Fatal(err)
		}
		paths[path] = Connection{Protocol: UDP, ServerPort: 53}
	}
	for path, want := range paths {
		got, err := Collect(Reader{KeepConnections: true}.Read(path))
		if err != nil || len(got) != 1 || got[0].Connection == nil || *got[0].Connection != want || got[0].Key != "" {
			t.Errorf("%s: %+v, %v, want the connection %+v and no key", path, got, err, want)
		}
		if got, err := Collect(Read(path)); err != nil || got[0].Connection != nil {
			t.Errorf("%s: %+v, %v without being asked for a connection", path, got, err)
		}
	}
	// What is no key is passed over where only connections are asked for.
	odd := filepath.Join(dir, "odd.csv")
	if err := os.WriteFile(odd, []byte("PL,DIR,LABEL,KEY\n[5],[0],a,\xff\xfe\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := Collect(Reader{KeepConnections: true}.Read(odd)); err != nil || got[0].Connection != nil {
		t.Errorf("a key that is none: %+v, %v", got, err)
	}
}
