package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/arrays"
)

// npyFile is a .npy file of the given header text, as written.
func npyFile(major byte, text string, body []byte) []byte {
	b := append([]byte("\x93NUMPY"), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	}
	return append(append(b, text...), body...)
}

// archive packs one array as a .npz; change may lie about it.
func archive(npy []byte, change func(h *zip.FileHeader)) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	h := &zip.FileHeader{Name: "a.npy", Method: zip.Store, CRC32: crc32.ChecksumIEEE(npy),
		UncompressedSize64: uint64(len(npy)), CompressedSize64: uint64(len(npy))}
	if change != nil {
		change(h)
	}
	w, err := z.CreateRaw(h)
	if err != nil {
		panic(err)
	}
	w.Write(npy)
	z.Close()
	return out.Bytes()
}

func read(data []byte) (Array, error) {
	f, err := newFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Array{}, err
	}
	return f.Read(f.Keys()[0])
}

const header23 = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n"

// TestLegalHeaders takes what the format allows but NumPy does not write.
func TestLegalHeaders(t *testing.T) {
	body := appendBody(nil, numpyValues("f8", 6))
	for _, text := range []string{
		header23,
		"{'shape': (2, 3), 'fortran_order': False, 'descr': '<f8'}\n",
		"{'fortran_order': False, 'descr': '<f8', 'shape': (2, 3)}",
		"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}\n", // npyio reads shape (2,)
		`{"descr":"<f8","fortran_order":False,"shape":(2,3)}`,
		"  { 'descr' : '=f8' , 'fortran_order' : False ,\n'shape' : ( 2L, 3L, ) , }   \n",
		"{'descr': 'f8', 'fortran_order': False, 'shape': (2, 3), }" + strings.Repeat(" ", 60000) + "\n",
	} {
		for major := byte(1); major <= 3; major++ {
			a, err := read(npyFile(major, text, body))
			if err != nil {
				t.Errorf("version %d, %.70q: %v", major, text, err)
				continue
			}
			checkNumpy(t, text, a)
		}
	}
}

// TestHostileFiles gives an error for every file, and allocates next to
// nothing.
func TestHostileFiles(t *testing.T) {
	body := appendBody(nil, numpyValues("f8", 6))
	good := npyFile(1, header23, body)
	shape := func(s string) []byte {
		return npyFile(1, "{'descr': '<f8', 'fortran_order': False, 'shape': "+s+", }\n", body)
	}
	flipped := bytes.Clone(archive(good, nil))
	flipped[bytes.Index(flipped, body)] ^= 1
	cases := map[string][]byte{
		"empty":                 {},
		"text":                  []byte("hello world"),
		"PK only":               []byte("PK"),
		"a png":                 []byte("\x89PNG\r\n\x1a\n"),
		"magic only":            []byte("\x93NUMPY"),
		"version 9":             npyFile(9, header23, body),
		"no newline, no braces": npyFile(1, "'descr': '<f8'", body),
		"empty header":          npyFile(1, "", body),
		"header of 4 GiB":       append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), body...),
		"header of 1 MiB":       npyFile(2, header23+strings.Repeat(" ", 1<<20), body),
		"truncated header":      good[:40],
		"truncated data":        good[:len(good)-1],
		"data too long":         append(bytes.Clone(good), 0),
		"one value":             shape("(1,)"),
		"4 TB":                  shape("(1000000000000,)"),
		"overflow":              shape("(4611686018427387905, 4)"),
		"overflow with 0":       shape("(0, 4611686018427387905, 4)"),
		"beyond int64":          shape("(99999999999999999999,)"),
		"negative":              shape("(-2, -3)"),
		"65 dimensions":         shape("(" + strings.Repeat("1, ", 65) + ")"),
		"not closed":            shape("(2, 3"),
		"words":                 shape("('2', 3)"),
		"no tuple":              shape("6"),
		"a number in brackets":  shape("(6)"),
		"nested":                shape("((2, 3),)"),
		"key twice":             npyFile(1, "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}\n", body),
		"key unknown":           npyFile(1, "{'descr': '<f8', 'order': False, 'shape': (2, 3)}\n", body),
		"key missing":           npyFile(1, "{'descr': '<f8', 'shape': (2, 3)}\n", body),
		"text after":            npyFile(1, header23[:len(header23)-1]+"import os\n", body),
		"order a number":        npyFile(1, "{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 3), }\n", body),
		"objects":               npyFile(1, "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }\n", body),
		"empty type":            npyFile(1, "{'descr': '', 'fortran_order': False, 'shape': (2, 3), }\n", body),
		"string without end":    npyFile(1, "{'descr': '<f8", body),
		"a flipped bit":         flipped,
		"checksum 0":            archive(good, func(h *zip.FileHeader) { h.CRC32 = 0 }),
		"checksum wrong":        archive(good, func(h *zip.FileHeader) { h.CRC32++ }),
		"size lies, large":      archive(shape("(100000000,)"), func(h *zip.FileHeader) { h.UncompressedSize64 = 128 + 800000000 }),
		"size lies, too large":  archive(good, func(h *zip.FileHeader) { h.UncompressedSize64 = math.MaxUint64 }),
		"size lies, small":      archive(good, func(h *zip.FileHeader) { h.UncompressedSize64 -= 8 }),
		"stored size lies":      archive(good, func(h *zip.FileHeader) { h.CompressedSize64 = 1 << 40 }),
		"method unknown":        archive(good, func(h *zip.FileHeader) { h.Method = 99 }),
		"not deflated":          archive(good, func(h *zip.FileHeader) { h.Method = zip.Deflate }),
	}
	whole := archive(good, nil)
	for _, n := range []int{4, 30, 60, 100, len(whole) - 60, len(whole) - 1} {
		cases[fmt.Sprintf("archive cut at %d", n)] = whole[:n]
	}
	var twice bytes.Buffer
	z := zip.NewWriter(&twice)
	for range 2 {
		w, _ := z.Create("a.npy")
		w.Write(good)
	}
	z.Close()
	cases["name twice"] = twice.Bytes()

	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a, err := read(data)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Errorf("read as %s %v", a.DType(), a.Shape)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
				t.Errorf("allocated %d bytes", grown)
			}
		})
	}
	if _, err := read(whole); err != nil {
		t.Errorf("the file that the others are made of: %v", err)
	}
}

// TestDeflateBomb reads a small file that holds much, up to the limit only.
func TestDeflateBomb(t *testing.T) {
	const n = 8 << 20
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, _ := z.Create("a.npy")
	w.Write(appendHeader(nil, "u1", []int{n}))
	w.Write(make([]byte, n))
	z.Close()
	f, err := newFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	f.Limit = 1 << 20
	if _, err := f.Read("a"); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("Read = %v, want an error about the limit", err)
	}
	f.Limit = 0
	if a, err := f.Read("a"); err != nil || a.Len() != n {
		t.Errorf("Read = %v, want all %d bytes", err, n)
	}
}

// FuzzRead reads anything: no panic, and no more memory than the limit lets.
// What is read survives being written.
func FuzzRead(f *testing.F) {
	body := appendBody(nil, numpyValues("f8", 6))
	good := npyFile(1, header23, body)
	f.Add(good)
	f.Add(archive(good, nil))
	f.Add(npyFile(3, "{'shape': (2, 3), 'fortran_order': True, 'descr': '>f8'}\n", body))
	f.Add(npyFile(2, "{'descr': '<f2', 'fortran_order': True, 'shape': (4, 3, 2), }\n", body))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := newFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		file.Limit = 1 << 14
		for _, key := range file.Keys() {
			a, err := file.Read(key)
			if err != nil {
				continue
			}
			n, err := arrays.Elements(a.Shape)
			if err != nil || n != len(a.Floats()) {
				t.Fatalf("%v values in shape %v", len(a.Floats()), a.Shape)
			}
			if a.DType() == "f2" {
				a = New(a.Float32s(), a.Shape...)
			}
			var out bytes.Buffer
			if err := Encode(&out, Named{"a", a}); err != nil {
				t.Fatal(err)
			}
			back, err := read(out.Bytes())
			if err != nil || fmt.Sprint(back) != fmt.Sprint(a) {
				t.Fatalf("written and read again: %v, %v, want %v", back, err, a)
			}
		}
	})
}

// FuzzHeader reads any header text; what is read means the same when written
// as NumPy writes it.
func FuzzHeader(f *testing.F) {
	f.Add(header23)
	f.Add("{'shape': (), 'fortran_order': True, 'descr': '>u2'}\n")
	f.Add("{'descr': '|b1', 'fortran_order': False, 'shape': (10,)}\n")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHeader(text)
		if err != nil {
			return
		}
		again, err := readHeader(bytes.NewReader(appendHeader(nil, h.dtype, h.shape)))
		if err != nil || again.dtype != h.dtype || !slices.Equal(again.shape, h.shape) {
			t.Fatalf("%q reads as %v, and written again as %v, %v", text, h, again, err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var out bytes.Buffer
	if err := Encode(&out, Named{"images", New(make([]float64, 1<<20))}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(8 << 20)
	for b.Loop() {
		if _, err := read(out.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadSmall(b *testing.B) {
	var out bytes.Buffer
	if err := Encode(&out, Named{"gasf", New(make([]float64, 100), 10, 10)}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := read(out.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeSmall(b *testing.B) {
	image := Named{"gasf", New(make([]float64, 100), 10, 10)}
	length := Named{"length", New([]int64{7}, []int{}...)}
	for b.Loop() {
		if err := Encode(&bytes.Buffer{}, image, length); err != nil {
			b.Fatal(err)
		}
	}
}
