package unpack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const text = "LABEL,PL\nx,\"-517,1460\"\n"

// The text as the programs xz 5.4 (-9e) and bzip2 1.0 compress it; Go has no
// encoder of either that this module needs.
var (
	textXZ    = decode("/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQAWTEFCRUwsUEwKeCwiLTUxNywxNDYwIgoAANYO5ef2tl6WAAEvF4EISbEftvN9AQAAAAAEWVo=")
	textBzip2 = decode("QlpoOTFBWSZTWeDi6UIAAApegAAQEAZngDIEQAAAQCAAIpo2oNonqFMABNGoOi4IMQcbmklDfF3JFOFCQ4OLpQg=")
)

func decode(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func packGzip(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func packZstd(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(b, nil)
}

func encodeUTF16(order binary.AppendByteOrder, s string) []byte {
	b := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// cat joins.
func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// read reads a file of these contents twice, from its beginning each time.
func read(t testing.TB, file []byte, l limits) (string, *File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := open(path, l)
	if err != nil {
		return "", nil, err
	}
	t.Cleanup(func() { f.Close() })
	first, err := io.ReadAll(f)
	if err2 := f.Rewind(); (err2 == nil) != (err == nil) && err == nil {
		t.Fatalf("rewinding: %v", err2)
	} else if err2 == nil {
		again, err2 := io.ReadAll(f)
		if string(again) != string(first) || (err == nil) != (err2 == nil) {
			t.Errorf("read %q, %v and then %q, %v", first, err, again, err2)
		}
	}
	return string(first), f, err
}

func TestRead(t *testing.T) {
	accents := "LÄBEL,PL\n😀,1\n"
	for name, c := range map[string]struct {
		file       []byte
		want       string
		compressed bool
	}{
		"plain":                       {[]byte(text), text, false},
		"empty":                       {nil, "", false},
		"gzip":                        {packGzip([]byte(text)), text, true},
		"gzip of nothing":             {packGzip(nil), "", true},
		"members of gzip":             {cat(packGzip([]byte(text)), packGzip(nil), packGzip([]byte(text))), text + text, true},
		"zstd":                        {packZstd([]byte(text)), text, true},
		"frames of zstd, one to skip": {cat([]byte("\x50\x2a\x4d\x18\x02\x00\x00\x00xy"), packZstd([]byte(text)), packZstd([]byte(text))), text + text, true},
		"xz":                          {textXZ, text, true},
		"streams of xz":               {cat(textXZ, textXZ), text + text, true},
		"bzip2":                       {textBzip2, text, true},
		"streams of bzip2":            {cat(textBzip2, textBzip2), text + text, true},
		"xz in gzip":                  {packGzip(textXZ), text, true},
		"gzip in gzip":                {packGzip(packGzip([]byte(text))), text, true},
		"UTF-16, little-endian":       {encodeUTF16(binary.LittleEndian, accents), accents, false},
		"UTF-16, big-endian":          {encodeUTF16(binary.BigEndian, accents), accents, false},
		"UTF-16 in zstd in gzip":      {packGzip(packZstd(encodeUTF16(binary.LittleEndian, accents))), accents, true},
		"magic alone is text":         {[]byte("BZh9 is a word"), "BZh9 is a word", false},
	} {
		got, f, err := read(t, c.file, standard)
		if err != nil || got != c.want || f.Compressed() != c.compressed || f.Trailing() {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
			continue
		}
		onDisk, contents, err := f.Size()
		want := int64(len(c.want))
		if !c.compressed {
			want = onDisk
		}
		if err != nil || onDisk != int64(len(c.file)) || contents != want {
			t.Errorf("%s: Size() = %d, %d, %v; want %d, %d", name, onDisk, contents, err, len(c.file), want)
		}
	}
}

func TestTrailing(t *testing.T) {
	for _, tail := range []string{"garbage", "\x00\x00\x00", "\x1f"} {
		got, f, err := read(t, cat(packGzip([]byte(text)), []byte(tail)), standard)
		if err != nil || got != text || !f.Trailing() {
			t.Errorf("gzip and %q: %q, %v, want the text and a note of what follows", tail, got, err)
		}
	}
	// The programs zstd and xz refuse this as well; so does Go's bzip2.
	for name, file := range map[string][]byte{"zstd": packZstd([]byte(text)), "xz": textXZ, "bzip2": textBzip2} {
		if _, _, err := read(t, cat(file, []byte("garbage")), standard); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s and garbage: error %v, want one that names %s", name, err, name)
		}
	}
}

// TestCut cuts files at every byte.
func TestCut(t *testing.T) {
	for name, file := range map[string][]byte{"gzip": packGzip([]byte(text)), "zstd": packZstd([]byte(text)), "xz": textXZ, "bzip2": textBzip2} {
		for n := 10; n < len(file); n++ {
			_, _, err := read(t, file[:n], standard)
			if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "the "+name+" data end too early") {
				t.Errorf("%s cut to %d of %d bytes: error %v", name, n, len(file), err)
			}
		}
		damaged := bytes.Clone(file)
		for i := len(damaged) / 3; i < len(damaged)/3+8; i++ {
			damaged[i] ^= 0x55
		}
		if _, _, err := read(t, damaged, standard); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("damaged %s: error %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	zeros := make([]byte, 1<<22)
	for name, c := range map[string]struct {
		file   []byte
		limits limits
		want   string
	}{
		"a bomb of zstd":         {packZstd(zeros), limits{free: 1 << 20, ratio: 1100, stream: 1 << 40}, "1100 times its compressed size"},
		"a bomb of gzip in gzip": {packGzip(packGzip(zeros)), limits{free: 1 << 20, ratio: 1100, stream: 1 << 40}, "1100 times its compressed size"},
		"more than is read":      {packGzip(zeros), limits{free: 1 << 20, ratio: 1100, stream: 1 << 21}, "it unpacks to more than is read"},
		"compressed three times": {packGzip(packGzip(packZstd([]byte(text)))), standard, "compressed more than 2 times, one in the other (zstd in it)"},
		"a window of 256 MiB":    {[]byte("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"), standard, "need more than 128 MiB of memory"},
		"a dictionary of 4 GiB":  {withDictionary(40), standard, "need more than 64 MiB of memory"},
		"a dictionary of 96 MiB": {withDictionary(29), standard, "need more than 64 MiB of memory"},
	} {
		if _, _, err := read(t, c.file, c.limits); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if got, _, err := read(t, packGzip(zeros), standard); err != nil || len(got) != len(zeros) {
		t.Errorf("a file of zeros: %d bytes, %v, want %d", len(got), err, len(zeros))
	}
}

// withDictionary is the xz file with another size of dictionary, encoded.
func withDictionary(size byte) []byte {
	file := bytes.Clone(textXZ)
	block := file[12:24] // its header: size, flags, filter, properties, padding, CRC
	block[4] = size
	binary.LittleEndian.PutUint32(block[8:], crc32.ChecksumIEEE(block[:8]))
	return file
}

func TestReaderAt(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	for name, file := range map[string][]byte{"plain": []byte(text), "gzip": packGzip([]byte(text)), "xz": textXZ} {
		_, f, err := read(t, file, standard)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			at, size, err := f.ReaderAt()
			if err != nil || size != int64(len(text)) {
				t.Fatalf("%s: %d bytes, %v", name, size, err)
			}
			b := make([]byte, 4)
			if _, err := at.ReadAt(b, 6); err != nil || string(b) != text[6:10] {
				t.Errorf("%s: %q, %v at 6, want %q", name, b, err, text[6:10])
			}
		}
		f.Close()
	}
	_, f, err := read(t, packGzip(make([]byte, 5000)), limits{free: 1 << 20, ratio: 1100, stream: 1 << 40, spooled: 4999})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := f.ReaderAt(); !errors.Is(err, ErrTooLarge) {
			t.Errorf("5000 bytes where 4999 may be: error %v", err)
		}
	}
	f.Close()
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%d files are left in the folder of temporary files, %v", len(left), err)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range [][]byte{
		packGzip([]byte(text)), packZstd([]byte(text)), textXZ, textBzip2, packGzip(textXZ),
		cat(packGzip([]byte(text)), []byte("tail")), encodeUTF16(binary.BigEndian, text), withDictionary(40), []byte("\x50\x2a\x4d\x18\xff\xff\xff\xff"),
	} {
		f.Add(seed)
	}
	small := limits{free: 1 << 20, ratio: 1100, stream: 1 << 22, spooled: 1 << 20}
	f.Fuzz(func(t *testing.T, file []byte) {
		got, _, err := read(t, file, small)
		if err == nil && int64(len(got)) > small.stream {
			t.Errorf("%d bytes were read", len(got))
		}
	})
}
