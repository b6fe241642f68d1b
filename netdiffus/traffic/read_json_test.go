package traffic

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// mirageCorpus writes flows as a MIRAGE file of the year's schema: 2019 has
// raw payload as lists of bytes and no time stamps, 2020 adds them and writes
// the payload as text, 2022 adds IP lengths and more metadata. The layout is
// the published one; the values are made up.
func mirageCorpus(year int, label string, flows [][]Packet) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, packets := range flows {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "\"192.0.2.1,%d,198.51.100.7,443,6\": {\"packet_data\": {", 50000+i)
		list := func(name string, value func(p Packet) string) {
			fmt.Fprintf(&b, "%q: [", name)
			for j, p := range packets {
				if j > 0 {
					b.WriteString(", ")
				}
				b.WriteString(value(p))
			}
			b.WriteString("], ")
		}
		list("src_port", func(p Packet) string { return []string{"50000", "443"}[p.Dir] })
		list("dst_port", func(p Packet) string { return []string{"443", "50000"}[p.Dir] })
		list("packet_dir", func(p Packet) string { return fmt.Sprint(int(p.Dir)) })
		if year >= 2022 {
			list("IP_packet_bytes", func(p Packet) string { return fmt.Sprint(p.Length + 40) })
			list("IP_header_bytes", func(Packet) string { return "20" })
		}
		list("L4_payload_bytes", func(p Packet) string { return fmt.Sprint(p.Length) })
		if year != 2020 {
			list("iat", func(p Packet) string { return fmt.Sprintf("%.9f", p.IAT/1e6) })
		} else {
			at := 1_600_000_000.0
			list("timestamp", func(p Packet) string { at += p.IAT / 1e6; return fmt.Sprintf("%.6f", at) })
		}
		list("TCP_win_size", func(Packet) string { return "65535" })
		fmt.Fprint(&b, `"L4_raw_payload": [`)
		for j := range packets {
			if j > 0 {
				b.WriteByte(',')
			}
			if year == 2019 {
				b.WriteString("[22, 3, 1, 2, 0]")
			} else {
				b.WriteString(`"\u0016\\x03\"] }"`)
			}
		}
		fmt.Fprintf(&b, `]}, "flow_features": {"packet_length": {"biflow": {"min": 0.0, "max": 1.5e3, "mean": null}, "ok": true}},`)
		fmt.Fprintf(&b, "\n\"flow_metadata\": {\"BF_num_packets\": %d, \"BF_duration\": 1e-3", len(packets))
		if label != "" {
			fmt.Fprintf(&b, ", \"BF_label\": %q, \"BF_activity\": \"Chat\"", label)
		}
		b.WriteString("}}")
	}
	b.WriteString("}\n")
	return b.Bytes()
}

var mirageFlows = [][]Packet{
	{{0, Up, 0}, {517, Up, 1500}, {0, Down, 250}, {1460, Down, 2000}, {33, Down, 4}},
	{{0, Up, 0}, {0, Down, 10}},
	{{48, Down, 0}, {48, Up, 1_000_000}},
}

// TestMIRAGE reads each year's schema: empty packets go, the time before them
// counts, and flows without payload are left out.
func TestMIRAGE(t *testing.T) {
	want := [][]Packet{
		{{517, Up, 0}, {1460, Down, 2250}, {33, Down, 4}},
		{{48, Down, 0}, {48, Up, 1_000_000}},
	}
	for _, year := range []int{2019, 2020, 2022} {
		for name, label := range map[string]string{
			"a.json": "com.example.app",
			"1494577390_com.example.app_MIRAGE-2019_traffic_dataset_labeled_biflows.json":                       "",
			"1620000000_com.example.app_mirage2020dataset_labeled_biflows_all_packets_encryption_metadata.json": "",
		} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, mirageCorpus(year, label, mirageFlows), 0o666); err != nil {
				t.Fatal(err)
			}
			flows, err := Collect(Read(path))
			if err != nil {
				t.Fatal(err)
			}
			if len(flows) != len(want) {
				t.Fatalf("%d, %s: %d flows, want %d", year, name, len(flows), len(want))
			}
			for i, f := range flows {
				if f.Label != "com.example.app" || !f.Timed || f.Key != "" {
					t.Errorf("%d, %s: flow %d: label %q, timed %v, key %q", year, name, i, f.Label, f.Timed, f.Key)
				}
				if !nearly(f.Packets, want[i]) {
					t.Errorf("%d, %s: flow %d: %v, want %v", year, name, i, f.Packets, want[i])
				}
			}
		}
	}
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, mirageCorpus(2022, "x", mirageFlows), 0o666); err != nil {
		t.Fatal(err)
	}
	flows, err := Collect(Reader{KeepEmpty: true, KeepKeys: true, MaxPackets: 3, Label: "all-{file}"}.Read(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(flows) != 3 || len(flows[0].Packets) != 3 || flows[0].Packets[0].Length != 0 ||
		flows[1].Key != "192.0.2.1,50001,198.51.100.7,443,6" || flows[1].Label != "all-a" {
		t.Errorf("with options: %+v", flows)
	}
}

// nearly compares packets, times to the microsecond (a time stamp in seconds
// holds no more).
func nearly(p, q []Packet) bool {
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		d := p[i].IAT - q[i].IAT
		if p[i].Length != q[i].Length || p[i].Dir != q[i].Dir || d > 1 || d < -1 {
			return false
		}
	}
	return true
}

func TestJSONLines(t *testing.T) {
	want := []Flow{
		{Label: "chat \"a\"", Packets: []Packet{{517, Up, 0}, {1460, Down, 2.5}}, Timed: true},
		{Label: "x", Packets: []Packet{{7, Up, 0}}, Timed: true},
	}
	lines := `{"LABEL":"chat \"a\"","PL":[517,1460],"DIR":[0,1],"IAT":[0,2.5],"note":{"a":[1,"]"]}}
{"dir":[0], "iat":[0.0], "pl":[7], "label":"x"}
`
	for name, text := range map[string]string{
		"lines": lines, "byte-order mark": byteOrderMark + lines, "array": "[" + strings.Replace(lines, "}}\n", "}},\n", 1) + "]",
		"signed": strings.NewReplacer(`[517,1460],"DIR":[0,1]`, "[-517,1460]", `"dir":[0], `, "", "[7]", "[-7]").Replace(lines),
	} {
		if got := readBytes(t, Reader{}, []byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	var warning error
	readBytes(t, Reader{Warn: func(err error) { warning = err }}, []byte(`{"LABEL":"x","PL":[7]}`))
	if warning == nil || !strings.Contains(warning.Error(), "downstream") {
		t.Errorf("no directions at all: warning %v", warning)
	}
}

func TestBadJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"LABEL":"x","PL":[1,2],"DIR":[0]}`:             "flow 0 has 2 values of PL, 1 of DIR",
		"{\"LABEL\":\"x\",\"PL\":[1],\n\"DIR\":[2]}":     "line 2, byte 31: flow 0, packet 0: direction is 2",
		`{"LABEL":"x","PL":[70000],"DIR":[0]}`:           "payload length is 70000",
		`{"LABEL":"x","PL":[1.5],"DIR":[0]}`:             "payload length is 1.5",
		`{"LABEL":"x","PL":[-1],"DIR":[0]}`:              "negative lengths beside DIR",
		`{"LABEL":"x","PL":["a"],"DIR":[0]}`:             `found '"' where a number should stand`,
		`{"LABEL":"x","PL":[1],"DIR":[0],"IAT":[NaN]}`:   `found 'N' where a number`,
		`{"LABEL":"x","PL":[1],"DIR":[0],"IAT":[1e999]}`: `"1e999" is not a number`,
		`{"LABEL":"x"}`:                                          "flow 0 has no column PL",
		`{"LABEL":"x","PL":[1`:                                   "is it cut off?",
		`{"LABEL":"x","PL":[1],"DIR":[0]} ]`:                     `found ']' where '{' should stand`,
		`{"a":` + strings.Repeat("[", 2000):                      "nested more than 1000 deep",
		`{"1,2,3,4,5":{"packet_data":{"L4_payload_bytes":[1]}}}`: "flow 0 has 1 values of L4_payload_bytes, 0 of packet_dir",
		`{"1,2,3,4,5":{"packet_data":{"packet_dir":[1]}}}`:       "flow 0 has no L4_payload_bytes",
	} {
		path := filepath.Join(t.TempDir(), "a.json")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Collect(Read(path))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%.60s: error %v, want the file, the line and %q", text, err, want)
		}
	}
}

// TestMIRAGEInLittleMemory reads a file of 64 MiB and watches the heap.
func TestMIRAGEInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a file of 64 MiB")
	}
	path := bigMIRAGE(t, 64<<20)
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // HeapAlloc counts garbage, too
	var before, m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	n := 0
	for _, err := range Read(path) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%1000 == 0 {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if most > before.HeapAlloc+16<<20 {
		t.Errorf("the heap grew from %d to %d bytes over %d flows", before.HeapAlloc, most, n)
	}
}

// bigMIRAGE writes a MIRAGE file of about that many bytes.
func bigMIRAGE(t testing.TB, size int) string {
	r := rand.New(rand.NewPCG(3, 4))
	flows := make([][]Packet, 200)
	for i := range flows {
		for range 1 + r.IntN(40) {
			flows[i] = append(flows[i], Packet{r.IntN(1461), Direction(r.IntN(2)), float64(r.IntN(100000))})
		}
	}
	piece := bytes.TrimSpace(mirageCorpus(2019, "x", flows))
	piece = piece[1 : len(piece)-1]
	path := filepath.Join(t.TempDir(), "big.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("{")
	for n := 0; n < size; n += len(piece) + 1 {
		if n > 0 {
			f.WriteString(",")
		}
		f.Write(piece)
	}
	f.WriteString("}")
	return path
}

func BenchmarkMIRAGE(b *testing.B) {
	path := bigMIRAGE(b, 16<<20)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		for _, err := range (Reader{MaxPackets: 10}).Read(path) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(mirageCorpus(2019, "x", mirageFlows))
	f.Add(mirageCorpus(2020, "", mirageFlows))
	f.Add([]byte(`{"LABEL":"x","PL":[-517,1460],"IAT":[0,2.5]}` + "\n[]"))
	f.Add([]byte(`{"LABEL":"x","PL":[-517],"KEY":"192.0.2.1,50000,198.51.100.7,443,6"}`))
	f.Add([]byte(`{"app":"chat","ppi":[[0,2],[1,-1],[5,6],[true,false]]}`))
	f.Add([]byte(`{"splt_direction":[0,1,-1],"splt_ps":[5,6,-1],"splt_piat_ms":[0,2,-1]}`))
	f.Add([]byte(`[{"app":7,"pkts_size":[5],"pkts_dir":[-1],"timetofirst":[0]}]`))
	f.Fuzz(func(t *testing.T, file []byte) { readForeign(t, "a.json", file) })
}

// readForeign reads bytes that may be anything: they give an error or flows
// that can be written, and no panic.
func readForeign(t *testing.T, name string, file []byte) {
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	r := Reader{Warn: func(error) {}, Recognized: func(string, string) {}, KeepEmpty: len(file)%2 == 0, KeepKeys: true}
	for flow, err := range r.Read(path) {
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("error %v does not name the file", err)
			}
			return
		}
		if err := check(flow, flow.Timed); err != nil {
			t.Errorf("flow %+v: %v", flow, err)
		}
	}
}
