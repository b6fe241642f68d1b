package pytorch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// archived is a checkpoint in the zip format with the pickle program.
func archived(t testing.TB, program string, entries map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name, content string, method uint16) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("archive/data.pkl", program, zip.Store)
	for name, content := range entries {
		add("archive/"+name, content, zip.Deflate)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tensorProgram is the pickle of {"a": tensor} over storage "0" of float32
// values; the numbers are below 256.
func tensorProgram(values, offset byte, shape, stride string) string {
	return "\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK" +
		string([]byte{values}) + "tQK" + string([]byte{offset}) + shape + stride + "\x89NtRs."
}

// readAll reads all that a file holds.
func readAll(data []byte) error {
	f, err := newFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	_, err = f.StateDict()
	if _, adamErr := f.Adam(); err != nil && adamErr == nil {
		return nil
	}
	return err
}

// TestBigEndian reads values as a machine of the other kind saves them.
func TestBigEndian(t *testing.T) {
	f := reopen(t, archived(t, tensorProgram(4, 1, "K\x02\x85", "K\x02\x85"), map[string]string{
		"byteorder": "big", "data/0": "\x00\x00\x00\x00\x3f\x80\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00",
	}))
	values, err := stateDict(t, f)[0].Float32s()
	if err != nil || len(values) != 2 || values[0] != 1 || values[1] != -2 {
		t.Errorf("values %v (%v), want 1 and -2", values, err)
	}
}

func TestNothingIsRun(t *testing.T) {
	for _, g := range []string{
		"os\nsystem", "posix\nsystem", "builtins\neval", "__builtin__\nexec", "subprocess\nPopen",
		"torch.storage\n_load_from_bytes", "torch.jit\nload", "numpy.core.multiarray\nscalar", "torch\nComplexFloatStorage",
	} {
		err := readAll(archived(t, "\x80\x02c"+g+"\n(X\x02\x00\x00\x00idtR.", nil))
		if name := strings.Replace(g, "\n", ".", 1); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "byte 2") {
			t.Errorf("reading a call of %s = %v", name, err)
		}
	}
	for name, program := range map[string]string{
		"a class that is no function": "\x80\x02ctorch\nFloatStorage\n)R.",
		"a string":                    "\x80\x02U\x02id)R.",
		"by the instance opcode":      "\x80\x02(U\x02idios\nsystem\n.",
		"by the extension registry":   "\x80\x02\x82\x01.",
		"persistent module":           "\x80\x02(U\x06moduletQ.",
	} {
		if err := readAll(archived(t, program, nil)); err == nil {
			t.Errorf("reading a call of %s passed", name)
		}
	}
}

func TestBadFiles(t *testing.T) {
	good := encoded(t, State(sample()))
	four := map[string]string{"data/0": strings.Repeat("\x00", 16)}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "empty"},
		{"text", []byte("hello, world"), "no checkpoint"},
		{"cut short", good[:len(good)/2], "zip"},
		{"tar", append(make([]byte, 257), "ustar\x0000"...), "tar"},
		{"another zip", archived(t, "", nil)[:0], "empty"},
		{"no pickle's end", archived(t, "\x80\x02}", nil), "byte 3: the pickle ends too soon"},
		{"empty stack", archived(t, "\x80\x02.", nil), "empty stack"},
		{"no mark", archived(t, "\x80\x02t.", nil), "mark"},
		{"string without end", archived(t, "\x80\x02X\xff\xff\xff\xffa.", nil), "ends too soon"},
		{"no memo", archived(t, "\x80\x02h\x05.", nil), "memo 5"},
		{"no dict", archived(t, "\x80\x02K\x01.", nil), "want a state dict"},
		{"no tensors", archived(t, "\x80\x02}X\x01\x00\x00\x00aK\x01s.", nil), `its keys are "a"`},
		{"storage missing", archived(t, tensorProgram(4, 0, "K\x04\x85", "K\x01\x85"), nil), `storage "0" is missing`},
		{"storage short", archived(t, tensorProgram(5, 0, "K\x05\x85", "K\x01\x85"), four), "16 bytes, want 20"},
		{"beyond the storage", archived(t, tensorProgram(4, 1, "K\x04\x85", "K\x01\x85"), four), "beyond storage"},
		{"negative size", archived(t, tensorProgram(4, 0, "J\xff\xff\xff\xff\x85", "K\x01\x85"), four), "negative"},
		{"negative stride", archived(t, tensorProgram(4, 3, "K\x02\x85", "J\xff\xff\xff\xff\x85"), four), "negative"},
		{"ranks differ", archived(t, tensorProgram(4, 0, "K\x04\x85", "K\x01K\x01\x86"), four), "one length"},
		{"huge", archived(t, tensorProgram(4, 0, "J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87", "K\x00K\x00K\x00\x87"), four), "too large"},
		{"repeated", archived(t, tensorProgram(4, 0, "J\xff\xff\xff\x7f\x85", "K\x00\x85"), four), "more memory"},
		{"bomb", archived(t, tensorProgram(4, 0, "K\x04\x85", "K\x01\x85"), map[string]string{"data/0": strings.Repeat("\x00", 64<<20)}), "more memory"},
	} {
		if err := readAll(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
	damaged := bytes.Clone(good)
	damaged[bytes.Index(damaged, []byte{0, 0, 0x90, 0x40})] ^= 1 // in 4.5
	if err := readAll(damaged); err == nil || !strings.Contains(err.Error(), "archive/data/0, at byte") {
		t.Errorf("a damaged tensor: %v", err)
	}
}

// TestBadLegacyFiles cuts a file of the old format at every byte, and makes
// its sizes lie.
func TestBadLegacyFiles(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("testdata", "pt_legacy_plain.pt"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if readAll(good[:n]) == nil {
			t.Errorf("the first %d of %d bytes passed", n, len(good))
		}
	}
	for i := 0; i+8 <= len(good); i++ {
		bad := bytes.Clone(good)
		binary.LittleEndian.PutUint64(bad[i:], 1<<43)
		readAll(bad) // without a panic
	}
}

// TestMemory reads files made to take as much as they can.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads files of some megabytes")
	}
	const n = 4 << 20
	entries := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := range n / 100 {
			z.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)})
		}
		z.Close()
		return b.Bytes()
	}
	for name, data := range map[string][]byte{
		"empty dicts":    archived(t, "\x80\x02]("+strings.Repeat("}", n)+"e.", nil),
		"numbers":        archived(t, "\x80\x02]("+strings.Repeat("K\xff", n/2)+"e.", nil),
		"nested lists":   archived(t, "\x80\x02"+strings.Repeat("]", n)+strings.Repeat("a", n-1)+".", nil),
		"marks":          archived(t, "\x80\x02"+strings.Repeat("(", n), nil),
		"memo":           archived(t, "\x80\x02N"+strings.Repeat("\x94", n)+".", nil),
		"doubled tuples": archived(t, "\x80\x02N"+strings.Repeat("2\x86", n/2)+".", nil),
		"doubled size":   archived(t, tensorProgram(4, 0, "N"+strings.Repeat("2\x86", 99), "K\x01\x85"), nil),
		"entries":        entries(),
	} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := readAll(data)
		runtime.ReadMemStats(&after)
		taken, limit := int64(after.TotalAlloc-before.TotalAlloc), int64(64<<20+8*len(data))
		if taken > limit {
			t.Errorf("%s: reading %d bytes allocated %d in all, want at most %d", name, len(data), taken, limit)
		}
		t.Logf("%-16s %8d bytes: %9d allocated in all, %v", name, len(data), taken, err)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.pt")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds in testdata")
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(encoded(f, State(sample())))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := newFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		list, err := file.StateDict()
		file.Adam()
		if err != nil {
			return
		}
		for _, n := range list {
			if err := n.check(); err != nil {
				t.Errorf("tensor %q: %v", n.Name, err)
			}
		}
	})
}

// FuzzPickle runs the machine alone, so that the fuzzer need not find its way
// through a zip archive's checksums.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(tensorProgram(4, 0, "K\x04\x85", "K\x01\x85")))
	f.Add([]byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94]\x94(K\x01\x8a\x01\xffGabcdefgh\x88Ne\x86."))
	f.Add([]byte("(lp0\nI01\naF1.5\naVx\nag0\na."))
	f.Fuzz(func(t *testing.T, program []byte) {
		file := &File{mem: newBudget(int64(len(program))), storages: map[string]*storage{}}
		file.load = func(s *storage) ([]byte, error) {
			if err := file.mem.spend(s.bytes()); err != nil {
				return nil, err
			}
			return make([]byte, s.bytes()), nil
		}
		m := machine{data: program, mem: file.mem, persistent: file.resolve}
		var err error
		if file.Root, err = m.run(); err != nil {
			return
		}
		list, _ := file.StateDict()
		for _, n := range list {
			if err := n.check(); err != nil {
				t.Errorf("tensor %q: %v", n.Name, err)
			}
		}
		file.Adam()
		file.Step()
	})
}
