package imaging

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/golden"
	"github.com/netdiffus/netdiffus-go/netdiffus/npz"
)

// The encoder that can be inverted, and the ones that cannot.
var (
	_ Inverter = GASF{}
	_ Encoder  = GADF{}
	_ Encoder  = MTF{}
	_ Encoder  = Recurrence{}
)

func TestInverters(t *testing.T) {
	for _, name := range Names() {
		e, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, inverts := e.(Inverter); inverts != (name == "gasf" || name == "none") {
			t.Errorf("%s is an Inverter: %v", name, inverts)
		}
	}
}

// checkImages encodes every series and compares with the recorded images.
func checkImages(t *testing.T, name string, e Encoder, series, want npz.Array, tolerance float64) {
	t.Helper()
	n := series.Shape[1]
	worst := 0.0
	for i := range series.Shape[0] {
		got := make([]float64, n*n)
		e.Encode(series.Floats()[i*n:(i+1)*n], got)
		for p, v := range got {
			worst = max(worst, math.Abs(v-want.Floats()[i*n*n+p]))
		}
	}
	if !(worst <= tolerance) {
		t.Errorf("%s differs by %v from the recorded images, want %v at most", name, worst, tolerance)
	}
}

// TestGolden holds GASF to the direct formula and to pyts on [0,1]
// (gasf.npz of ../shared/golden), and to the reference's own conversion.
func TestGolden(t *testing.T) {
	g := golden.Open(t, "gasf.npz")
	for _, want := range []string{"s01_gasf_direct", "s01_gasf_algebraic", "pyts_s01_none"} {
		checkImages(t, want, GASF{}, g.Array(t, "s01"), g.Array(t, want), 1e-12)
	}
	checkImages(t, "seed_gasf", GASF{}, g.Array(t, "seed_norm"), g.Array(t, "seed_gasf"), 1e-12)
	checkImages(t, "seed_unsigned_gasf", GASF{}, g.Array(t, "seed_unsigned_norm"), g.Array(t, "seed_unsigned_gasf"), 1e-12)
}

// TestPyts holds the other encoders to pyts (testdata/make.py).
func TestPyts(t *testing.T) {
	f, err := npz.Open("testdata/pyts.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	array := func(key string) npz.Array {
		a, err := f.Read(key)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	series := array("series")
	checkImages(t, "gadf", GADF{}, series, array("gadf"), 1e-12)
	for _, bins := range []int{2, 3, 5, 8} {
		key := fmt.Sprint("mtf_", bins)
		checkImages(t, key, MTF{Bins: bins}, series, array(key), 1e-12)
	}
	checkImages(t, "recurrence", Recurrence{}, series, array("recurrence"), 1e-15)
	for _, eps := range []float64{0.05, 0.25} {
		key := fmt.Sprint("recurrence_", eps)
		checkImages(t, key, Recurrence{Eps: eps}, series, array(key), 0)
	}
}

// TestDecodeNoisy is the recorded row of diagonal values as a sampler may
// leave them, two of them outside [−1,1].
func TestDecodeNoisy(t *testing.T) {
	g := golden.Open(t, "gasf.npz")
	diagonal, want := g.Floats(t, "noisy_diag"), g.Floats(t, "noisy_back_clamped")
	n := len(diagonal)
	img, got := make([]float64, n*n), make([]float64, n)
	for i, d := range diagonal {
		img[i*n+i] = d
	}
	GASF{}.Decode(img, got)
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-7 { // the recorded ones are float32
			t.Errorf("place %d: diagonal %v decodes to %v, want %v", i, diagonal[i], got[i], want[i])
		}
	}
	GASF{}.Decode([]float64{math.NaN()}, got[:1])
	if got[0] != 0 {
		t.Errorf("NaN decodes to %v, want 0", got[0])
	}
}

// TestDecodeIsExact is every code k/2·65535: float64 images give it back to
// 1e−8, the worst being near 0 where the diagonal is flat.
func TestDecodeIsExact(t *testing.T) {
	worst := 0.0
	img, x := make([]float64, 1), make([]float64, 1)
	for k := range 2*65535 + 1 {
		want := float64(k) / (2 * 65535)
		GASF{}.Encode([]float64{want}, img)
		GASF{}.Decode(img, x)
		worst = max(worst, math.Abs(x[0]-want))
	}
	if worst > 1.1e-8 {
		t.Errorf("codes come back to %v, want 1e-8", worst)
	}
}

func TestEncodeClips(t *testing.T) {
	a, b := make([]float64, 4), make([]float64, 4)
	GASF{}.Encode([]float64{-0.1, 1.1}, a)
	GASF{}.Encode([]float64{0, 1}, b)
	if !slices.Equal(a, b) {
		t.Errorf("values outside [0,1] encode as %v, want %v", a, b)
	}
}

func TestConsistency(t *testing.T) {
	img := make([]float64, 100)
	x := []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.9, 1}
	GASF{}.Encode(x, img)
	if c := (GASF{}).Consistency(img, 10); c > 1e-8 {
		t.Errorf("an encoded series has consistency %v, want 0", c)
	}
	img[1] += 0.9
	if c := (GASF{}).Consistency(img, 10); math.Abs(c-0.01) > 1e-8 { // one of 90 pixels
		t.Errorf("consistency = %v, want 0.01", c)
	}
	if c := (GASF{}).Consistency([]float64{0.3}, 1); c != 0 {
		t.Errorf("a single pixel has consistency %v", c)
	}
}

// TestShortSeries: no encoder fails on one value, on equal ones, or on none.
func TestShortSeries(t *testing.T) {
	for _, name := range Names() {
		e, _ := Named(name)
		for _, x := range [][]float64{{}, {0.5}, {0.5, 0.5}, {0, 1}} {
			h, w := Shape(e, len(x))
			img := make([]float64, h*w)
			e.Encode(x, img)
			for _, p := range img {
				if math.IsNaN(p) || math.Abs(p) > 1 {
					t.Errorf("%s of %v = %v", name, x, img)
				}
			}
		}
	}
}

func TestSizeMismatchPanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "GASF.Encode") {
			t.Errorf("panic %v, want one that names GASF.Encode", r)
		}
	}()
	GASF{}.Encode(make([]float64, 3), make([]float64, 10))
}

func TestJSON(t *testing.T) {
	for _, e := range []Encoder{GASF{}, GADF{}, MTF{}, MTF{Bins: 7}, Recurrence{}, Recurrence{Eps: 0.1}} {
		data, err := Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Unmarshal(data); err != nil || back != e {
			t.Errorf("%s reads as %#v, %v, want %#v", data, back, err, e)
		}
	}
	if _, err := Unmarshal([]byte(`{"name":"fft"}`)); err == nil || !strings.Contains(err.Error(), "gasf") {
		t.Errorf("Unmarshal of an unknown kind = %v, want an error that lists the kinds", err)
	}
}

// FuzzGASF: what is encoded decodes to itself, for any codes.
func FuzzGASF(f *testing.F) {
	f.Add(0.0, 0.5, 1.0)
	f.Add(1e-9, 1-1e-9, 0.1)
	f.Fuzz(func(t *testing.T, a, b, c float64) {
		x := []float64{a, b, c}
		for _, v := range x {
			if !(v >= 0 && v <= 1) {
				return
			}
		}
		img, back := make([]float64, 9), make([]float64, 3)
		GASF{}.Encode(x, img)
		GASF{}.Decode(img, back)
		for i := range x {
			if math.Abs(back[i]-x[i]) > 1.1e-8 {
				t.Fatalf("Decode(Encode(%v)) = %v", x, back)
			}
		}
		if c := (GASF{}).Consistency(img, 3); c > 1e-7 {
			t.Fatalf("consistency of %v is %v", x, c)
		}
	})
}

func ExampleGASF() {
	x := []float64{0, 0.5, 1}
	img := make([]float64, 9)
	GASF{}.Encode(x, img)
	for row := range slices.Chunk(img, 3) {
		fmt.Printf("%5.2f\n", row)
	}
	back := make([]float64, 3)
	GASF{}.Decode(img, back)
	fmt.Printf("%.2f\n", back)
	// Output:
	// [-1.00 -0.87  0.00]
	// [-0.87 -0.50  0.50]
	// [ 0.00  0.50  1.00]
	// [0.00 0.50 1.00]
}

func BenchmarkGASF10(b *testing.B)  { benchmarkGASF(b, 10) }
func BenchmarkGASF128(b *testing.B) { benchmarkGASF(b, 128) }

func benchmarkGASF(b *testing.B, n int) {
	x, img := make([]float64, n), make([]float64, n*n)
	for i := range x {
		x[i] = float64(i) / float64(n)
	}
	b.SetBytes(int64(8 * n * n))
	for b.Loop() {
		GASF{}.Encode(x, img)
	}
}
