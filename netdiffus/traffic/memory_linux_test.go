//go:build !race

// The race detector multiplies memory.

package traffic

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMemoryOnHostileFiles reads files made to fill the memory, each in a
// process of its own, which may take 64 MiB and 8 times the file's size.
func TestMemoryOnHostileFiles(t *testing.T) {
	const mega = 1 << 20
	pad := func(head, piece, tail string, size int) []byte {
		return []byte(head + strings.Repeat(piece, size/len(piece)) + tail)
	}
	files := map[string][]byte{
		"flows of one packet.pcap":       tinyPackets(16*mega, true),
		"one flow.pcap":                  tinyPackets(8*mega, false),
		"interfaces.pcapng":              manyInterfaces(),
		"one flow.jsonl":                 pad(`{"LABEL":"x","PL":[1`, ",1", "]}", 8*mega),
		"lists of one flow.jsonl":        append(pad(`{"LABEL":"x","PL":[1`, ",1", `],"DIR":[1`, 3*mega), append(pad("", ",1", `],"IAT":[1`, 3*mega), pad("", ",1", "]}", 3*mega)...)...),
		"long text.json":                 pad(`{"LABEL":"`, "x", `","PL":[1]}`, 8*mega),
		"nested.json":                    pad(`{"a":`, "[", "", 8*mega),
		"flows of one packet.json":       pad(`{"1,2,3,4,5":{"packet_data":{"packet_dir":[1],"L4_payload_bytes":[1]}}`, `,"1,,,,":{"packet_data":{"packet_dir":[1],"L4_payload_bytes":[1]}}`, "}", 8*mega),
		"a list in a cell.csv":           pad("PL\n\"", "1,", "\"\n", 8*mega),
		"an open quote.csv":              pad("PL\n\"", "x", "", 8*mega),
		"cells.csv":                      pad("PL_0", ",PL_1", "\n1,1,1\n", 8*mega),
		"commas.csv":                     pad("PL\n", ",", "", 8*mega),
		"flows of one packet, mixed.csv": mixedFlows(8 * mega),
	}
	for name, file := range files {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(os.Args[0], "-test.run=^TestReadInChild$")
		c.Env = append(os.Environ(), "NETDIFFUS_READ="+path)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %.500s", name, err, out)
			continue
		}
		var peak int64
		if i := bytes.Index(out, []byte("VmHWM:")); i >= 0 {
			fmt.Sscanf(string(out[i:]), "VmHWM: %d kB", &peak)
		}
		if peak <<= 10; peak == 0 {
			t.Fatalf("%s: no peak of memory in %.500s", name, out)
		}
		if limit := int64(64*mega + 8*len(file)); peak > limit {
			t.Errorf("%s (%d MiB): %d MiB of memory, want at most %d", name, len(file)>>20, peak>>20, limit>>20)
		} else {
			t.Logf("%s (%d MiB): %d MiB of %d", name, len(file)>>20, peak>>20, limit>>20)
		}
	}
}

// TestReadInChild is what the processes of TestMemoryOnHostileFiles run.
func TestReadInChild(t *testing.T) {
	path := os.Getenv("NETDIFFUS_READ")
	if path == "" {
		t.Skip("run by TestMemoryOnHostileFiles")
	}
	for _, err := range (Reader{Warn: func(error) {}}).Read(path) {
		if err != nil {
			fmt.Println(err)
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.Write(status)
}

// tinyPackets is a raw IP capture of UDP packets cut after their ports and
// length, all at one time: a flow each, or all of one.
func tinyPackets(size int, flows bool) []byte {
	const linkRaw, protoUDP = 101, 17
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, linkRaw, 0, 0, 0}
	packet := []byte{0x45, 0, 0, 29, 0, 0, 0, 0, 64, protoUDP, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1, 200, 0, 0, 9, 0, 9, 0, 0}
	for n := uint32(0); len(b) < size; n++ {
		if flows {
			binary.BigEndian.PutUint32(packet[12:], n)
		}
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(packet)), 0, 0, 0, 29, 0, 0, 0)
		b = append(b, packet...)
	}
	return b
}

// manyInterfaces is a pcapng file of nothing but interfaces.
func manyInterfaces() []byte {
	section := []byte{0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0}
	one := []byte{1, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0}
	return append(section, bytes.Repeat(one, 100_000)...)
}

// mixedFlows is a CSV file of flows that come back once, at its end.
func mixedFlows(size int) []byte {
	var b bytes.Buffer
	b.WriteString("FLOW,PL,LABEL\n")
	for n := 0; b.Len() < size; n++ {
		fmt.Fprintf(&b, "%x,1,x\n", n)
	}
	b.WriteString("0,1,x\n")
	return b.Bytes()
}
