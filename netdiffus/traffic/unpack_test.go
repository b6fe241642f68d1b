package traffic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, file []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstdCompressed(t testing.TB, file []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(file, nil)
}

func utf16Text(text string) []byte {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// writeFile writes a file into a new folder and returns its path.
func writeFile(t testing.TB, name string, file []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCompressed reads every kind of file compressed.
func TestCompressed(t *testing.T) {
	flows := []Flow{
		{Label: "chat", Timed: true, Packets: []Packet{{517, Up, 0}, {1460, Down, 2250}, {33, Down, 4}}},
		{Label: "chat", Timed: true, Packets: []Packet{{48, Up, 0}}},
	}
	folder := filepath.Join(t.TempDir(), "chat")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{".parquet", ".pcap", ".jsonl", ".csv"} {
		plain := filepath.Join(folder, "a"+ending)
		if err := Write(plain, All(flows)); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(plain)
		if err != nil {
			t.Fatal(err)
		}
		for name, compressed := range map[string][]byte{
			".gz": gzipped(t, file), ".zst": zstdCompressed(t, file), ".zst.gz": gzipped(t, zstdCompressed(t, file)),
		} {
			path := plain + name
			if err := os.WriteFile(path, compressed, 0o666); err != nil {
				t.Fatal(err)
			}
			flowsOf := Read(path)
			for range 2 {
				if got, err := Collect(flowsOf); err != nil || !reflect.DeepEqual(got, flows) {
					t.Errorf("%s: %+v, %v; want %+v", path, got, err, flows)
				}
			}
			if info, err := Stat(path); err != nil || info.Rows != 2 || !info.Timed {
				t.Errorf("Stat(%s) = %+v, %v", path, info, err)
			}
		}
		if got, err := Collect(Reader{Label: LabelFromFile}.Read(plain + ".gz")); err != nil || got[0].Label != "a" {
			t.Errorf("%s.gz labelled by file: %v, %v", ending, got, err)
		}
	}
	// .zst.gz is no ending of a file in a folder.
	if files, err := Files(folder); err != nil || len(files) != 12 {
		t.Errorf("Files finds %q, %v; want the 12 that are compressed at most once", files, err)
	}
}

// A capture that is cut off within its compression gives what comes before, as one
// that is not compressed does.
func TestCompressedCaptureCutOff(t *testing.T) {
	pcap := filepath.Join(t.TempDir(), "a.pcap")
	if err := Write(pcap, All([]Flow{{Label: "x", Packets: []Packet{{1, Up, 0}, {2, Down, 5}}}})); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(pcap)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(file)
	w.Flush() // and no end
	var damage *Damage
	flows := readBytes(t, Reader{Warn: func(err error) { errors.As(err, &damage) }}, out.Bytes())
	if len(flows) != 1 || len(flows[0].Packets) != 2 || damage == nil || damage.Offset != int64(len(file)) {
		t.Errorf("%+v, damage %+v; want the flow, and damage at %d", flows, damage, len(file))
	}
	path := writeFile(t, "a.csv.gz", gzipped(t, []byte("PL,LABEL\n-5 6,x\n"))[:25])
	if _, err := Collect(Read(path)); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "too early") {
		t.Errorf("a CSV file cut off: error %v", err)
	}
}

func TestTrailingBytesAreNoted(t *testing.T) {
	var warned error
	flows := readBytes(t, Reader{Warn: func(err error) { warned = err }}, append(gzipped(t, []byte("PL,LABEL\n-5 6,x\n")), "garbage"...))
	if len(flows) != 1 || warned == nil || !strings.Contains(warned.Error(), "left out what follows the compressed data") {
		t.Errorf("%+v, warning %v", flows, warned)
	}
}

// UTF-16 is what Excel and PowerShell write.
func TestUTF16(t *testing.T) {
	want := []Flow{{Label: "Zürich", Packets: []Packet{{5, Up, 0}, {6, Down, 0}}}}
	for name, file := range map[string][]byte{
		"CSV":                  utf16Text("LABEL;PL\r\nZürich;-5 6\r\n"),
		"JSON Lines":           utf16Text("{\"LABEL\":\"Zürich\",\"PL\":[-5,6]}\r\n"),
		"CSV, zstd-compressed": zstdCompressed(t, utf16Text("LABEL\tPL\r\nZürich\t-5 6\r\n")),
	} {
		if got := readBytes(t, Reader{}, file); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// A file that unpacks to very much is refused soon, in little memory.
func TestBomb(t *testing.T) {
	inner := zstdCompressed(t, []byte("PL,LABEL\n\""+strings.Repeat(" ", 1<<20)))
	bomb := gzipped(t, bytes.Repeat(inner, 1<<7)) // 128 MiB of blanks
	path := writeFile(t, "bomb.csv", bomb)
	if _, err := Collect(Read(path)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%d bytes that unpack to 128 MiB: error %v", len(bomb), err)
	}
	path = writeFile(t, "bomb.parquet", gzipped(t, zstdCompressed(t, append([]byte("PAR1"), make([]byte, 1<<27)...))))
	if _, err := Collect(Read(path)); err == nil || !strings.Contains(err.Error(), "it unpacks to more than is read") {
		t.Errorf("a Parquet file of 128 MiB of zeros: error %v", err)
	}
}
