package imaging

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// recorded are the arrays of testdata/pictures.npz, which PIL and matplotlib
// made (testdata/pictures.py).
func recorded(t testing.TB) (keys []string, read func(key string) npz.Array) {
	t.Helper()
	f, err := npz.Open("testdata/pictures.npz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f.Keys(), func(key string) npz.Array {
		a, err := f.Read(key)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

func pixels(t testing.TB, a npz.Array) []uint8 {
	t.Helper()
	v, ok := npz.Values[uint8](a)
	if !ok {
		t.Fatalf("pixels of type %s", a.DType())
	}
	return v
}

func TestJetIsMatplotlibs(t *testing.T) {
	_, read := recorded(t)
	var table []uint8
	for _, c := range jet {
		table = append(table, c[:]...)
	}
	if want := pixels(t, read("jet")); !slices.Equal(table, want) {
		t.Errorf("the map's colours differ from matplotlib's")
	}
	want := pixels(t, read("jet_of_u"))
	for i, u := range read("u").Floats() {
		if got := jet[jetIndex(u)]; !slices.Equal(got[:], want[3*i:3*i+3]) {
			t.Errorf("jet(%v) = %v, want %v", u, got, want[3*i:3*i+3])
		}
	}
}

// TestUnjet: every colour of the map tells its number to half a step, but for
// pure blue, which four steps share.
func TestUnjet(t *testing.T) {
	for i, c := range jet {
		u, distance := unjet(c)
		within := 0.5 / 256
		if c == [3]uint8{0, 0, 255} {
			within = 2.0 / 256
		}
		if middle := (float64(i) + 0.5) / 256; math.Abs(u-middle) > within+1e-12 || distance != 0 {
			t.Errorf("colour %d, %v, reads as %v at distance %v, want %v", i, c, u, distance, middle)
		}
	}
	if u, distance := unjet([3]uint8{126, 1, 0}); u != 1 || math.Abs(distance-math.Sqrt2) > 1e-12 {
		t.Errorf("beside the last colour: %v at distance %v, want 1 at 1.41", u, distance)
	}
}

// TestResizeIsPILs: of numbers to the float32 that PIL computes with, of pictures
// to the bit.
func TestResizeIsPILs(t *testing.T) {
	keys, read := recorded(t)
	numbers, squares := 0, 0
	for _, key := range keys {
		name, isIn := strings.CutSuffix(key, "_in")
		if !isIn {
			continue
		}
		in, out := read(key), read(name+"_out")
		if strings.HasPrefix(key, "number_") {
			numbers++
			got := resizeNumbers(in.Floats(), in.Shape[0], out.Shape[0], bicubic)
			for i, want := range out.Floats() {
				if math.Abs(got[i]-want) > 1e-6 {
					t.Errorf("%s: value %d is %v, want %v", name, i, got[i], want)
					break
				}
			}
			continue
		}
		squares++
		p := Picture{H: in.Shape[0], W: in.Shape[1], C: 3, Pix: pixels(t, in)}
		if got := p.Square(out.Shape[0]); got.W != out.Shape[1] || !slices.Equal(got.Pix, pixels(t, out)) {
			t.Errorf("%s: differs from PIL's", name)
		}
	}
	if numbers < 5 || squares < 5 {
		t.Errorf("%d and %d comparisons", numbers, squares)
	}
}

func readPNG(data []byte) (Picture, error) {
	return ReadPNG(bytes.NewReader(data), int64(len(data)))
}

func TestReadPNG(t *testing.T) {
	keys, read := recorded(t)
	kinds := 0
	for _, key := range keys {
		name, isFile := strings.CutPrefix(key, "file_")
		if !isFile {
			continue
		}
		kinds++
		want := read("pixels_" + name)
		p, err := readPNG(pixels(t, read(key)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if gray := name == "gray" || name == "gray_16" || name == "bits_1"; gray != (p.C == 1) {
			t.Errorf("%s: %d channels", name, p.C)
		}
		if p = p.Channels(3); p.H != want.Shape[0] || p.W != want.Shape[1] || !slices.Equal(p.Pix, pixels(t, want)) {
			t.Errorf("%s: %dx%d pixels %v, want %v", name, p.H, p.W, p.Pix[:6], pixels(t, want)[:6])
		}
	}
	if kinds != 8 {
		t.Errorf("%d kinds of files", kinds)
	}
}

func TestWritePNG(t *testing.T) {
	for _, p := range []Picture{
		{W: 2, H: 1, C: 3, Pix: []uint8{1, 2, 3, 4, 5, 6}}, {W: 1, H: 2, C: 1, Pix: []uint8{7, 8}},
	} {
		var b bytes.Buffer
		if err := p.WritePNG(&b); err != nil {
			t.Fatal(err)
		}
		back, err := readPNG(b.Bytes())
		if err != nil || fmt.Sprint(back) != fmt.Sprint(p) {
			t.Errorf("%v comes back as %v, %v", p, back, err)
		}
	}
}

// claim is a PNG file that says it has w x h pixels and holds none.
func claim(w, h uint32, bits, kind uint8) []byte {
	chunk := func(name string, body []byte) []byte {
		data := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
		data = append(append(data, name...), body...)
		return binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data[4:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	data := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, bits, kind, 0, 0, 0))...)
	return append(data, chunk("IDAT", []byte{0x78, 0x9c, 0, 0})...)
}

func TestReadPNGRefuses(t *testing.T) {
	var whole bytes.Buffer
	if err := (Picture{W: 20, H: 20, C: 1, Pix: make([]uint8, 400)}).WritePNG(&whole); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		data []byte
		want string
	}{
		{"nothing", nil, "truncated"},
		{"text", []byte("PL,DIR,LABEL\n1,2,3\n"), "not a PNG file"},
		{"half a file", whole.Bytes()[:whole.Len()/2], "truncated"},
		{"a large claim", claim(16000, 16000, 16, 6), "claims 16000 x 16000 pixels"},
		{"a huge claim", claim(1<<30, 1<<30, 8, 2), ""},
		{"a wide claim", claim(1<<20, 1, 8, 0), "too large"},
		{"no pixels", claim(0, 5, 8, 2), ""},
		{"a claim within the bounds", claim(2000, 2000, 8, 2), ""},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readPNG(c.data)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.what, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("%s: took %d MiB", c.what, took>>20)
		}
	}
}

// FuzzReadPNG: any bytes give a picture whose pixels are as many as it says, or
// an error, and what was read is written and read again as it was.
func FuzzReadPNG(f *testing.F) {
	keys, read := recorded(f)
	for _, key := range keys {
		if strings.HasPrefix(key, "file_") {
			f.Add(pixels(f, read(key)))
		}
	}
	f.Add(claim(16000, 16000, 16, 6))
	f.Add(claim(3, 3, 8, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readPNG(data)
		if err != nil {
			return
		}
		if len(p.Pix) != p.W*p.H*p.C || p.C != 1 && p.C != 3 {
			t.Fatalf("%d values for %dx%dx%d pixels", len(p.Pix), p.H, p.W, p.C)
		}
		if p.W*p.H > 1<<16 {
			return
		}
		var b bytes.Buffer
		if err := p.WritePNG(&b); err != nil {
			t.Fatal(err)
		}
		if back, err := readPNG(b.Bytes()); err != nil || !slices.Equal(back.Pix, p.Pix) {
			t.Fatalf("comes back as another picture, %v", err)
		}
		if s := p.Square(8); s.W != 8 || s.H != 8 || len(s.Pix) != 64*p.C {
			t.Fatalf("squared to %dx%d", s.W, s.H)
		}
	})
}
