package traffic

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// readBytes reads a file of these bytes, whose reading must not warn.
func readBytes(t testing.TB, r Reader, file []byte) []Flow {
	t.Helper()
	path := filepath.Join(t.TempDir(), "class", "a.bin")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	if r.Warn == nil {
		r.Warn = func(err error) { t.Errorf("warning: %v", err) }
	}
	flows, err := Collect(r.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	return flows
}

// oneFlow is a capture of one flow: 10 bytes up, 1.5 microseconds later 20 down.
func oneFlow(t *testing.T) (path string, flow Flow) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "class", "a.pcap")
	if err := os.Mkdir(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	flow = Flow{Label: "class", Timed: true, Packets: []Packet{{10, Up, 0}, {20, Down, 1.5}}}
	if err := Write(path, All([]Flow{flow})); err != nil {
		t.Fatal(err)
	}
	return path, flow
}

func TestKeysOfCaptures(t *testing.T) {
	path, want := oneFlow(t)
	for _, keep := range []bool{false, true} {
		if keep {
			want.Key = "192.0.2.1,49152,198.51.100.1,9,6"
		}
		if got, err := Collect(Reader{KeepKeys: keep}.Read(path)); err != nil || !reflect.DeepEqual(got, []Flow{want}) {
			t.Errorf("KeepKeys %v: flows %+v, %v, want %+v", keep, got, err, want)
		}
	}
}

// TestInterArrivalSkipsDroppedPackets: the time of a packet that is not kept is
// part of the next one's.
func TestInterArrivalSkipsDroppedPackets(t *testing.T) {
	path, _ := oneFlow(t)
	var sum float64
	all, err := Collect(Reader{KeepEmpty: true}.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all[0].Packets {
		sum += p.IAT
	}
	if len(all[0].Packets) <= 2 || sum <= 1.5 {
		t.Errorf("with empty packets %+v, want the handshake's as well", all[0].Packets)
	}
}

// TestDamageNamesTheFile: a capture that breaks off gives its flows and a
// warning.
func TestDamageNamesTheFile(t *testing.T) {
	path, flow := oneFlow(t)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file[:len(file)-1], 0o666); err != nil {
		t.Fatal(err)
	}
	var damage *Damage
	var warning error
	got, err := Collect(Reader{Warn: func(err error) { warning = err }}.Read(path))
	if err != nil || !reflect.DeepEqual(got, []Flow{flow}) {
		t.Errorf("flows %+v, %v, want %+v", got, err, flow)
	}
	if !errors.As(warning, &damage) || damage.Path != path || damage.Offset >= int64(len(file)) {
		t.Errorf("warning %v, want *Damage with the path", warning)
	}
}

// TestNotCaptures: what starts as a capture and is none is an error that names
// the file.
func TestNotCaptures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pcap")
	if err := os.WriteFile(path, []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0}, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(Read(path)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names the file", err)
	}
}
