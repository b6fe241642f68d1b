package plots

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

func histogramOf(title string, real, synthetic []float64) (Figure, error) {
	return Axis{}.Histogram(Pair{Title: title, Real: real, Synthetic: synthetic})
}

func TestNothingToDrawIsAnError(t *testing.T) {
	for name, draw := range map[string]func() (Figure, error){
		"histogram":   func() (Figure, error) { return histogramOf("x", nil, nil) },
		"no panels":   func() (Figure, error) { return Axis{}.Panels("x") },
		"empty panel": func() (Figure, error) { return Axis{}.Panels("x", Pair{Title: "a"}) },
		"no line":     func() (Figure, error) { return Curve("x") },
		"NaN line":    func() (Figure, error) { return Curve("x", Line{X: []float64{1}, Y: []float64{math.NaN()}}) },
		"uneven line": func() (Figure, error) { return Curve("x", Line{X: []float64{1, 2}, Y: []float64{1}}) },
		"uneven spread": func() (Figure, error) {
			return Curve("x", Line{X: []float64{1, 2}, Y: []float64{1, 2}, Spread: []float64{1}})
		},
		"zero on a logarithmic axis": func() (Figure, error) {
			return Chart{LogX: true}.Curve("x", Line{X: []float64{0, 1}, Y: []float64{1, 2}})
		},
		"no images":     func() (Figure, error) { return Grid(imaging.Images{}, 4, 2) },
		"no rows":       func() (Figure, error) { return Compare("x", 3) },
		"uneven images": func() (Figure, error) { return Compare("x", 1, Row{"a", gasf(1, 1), imaging.New(1, 4, 4, 1)}) },
	} {
		if _, err := draw(); err == nil || !strings.HasPrefix(err.Error(), "plots: ") {
			t.Errorf("%s: error %v, want one of package plots", name, err)
		}
	}
}

// Figures can be drawn of NaN, infinities, constants, single points and a missing
// side.
func TestOddData(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, draw := range map[string]func() (Figure, error){
		"one side":      func() (Figure, error) { return histogramOf("x", []float64{1, 2}, nil) },
		"constant":      func() (Figure, error) { return histogramOf("x", []float64{5, 5}, []float64{5}) },
		"not finite":    func() (Figure, error) { return histogramOf("x", []float64{nan, inf, -inf}, []float64{nan}) },
		"some finite":   func() (Figure, error) { return histogramOf("x", []float64{1, nan, 2}, []float64{inf, 1.5}) },
		"no such value": func() (Figure, error) { return directions.Histogram(Pair{Real: []float64{7}}) },
		"one point":     func() (Figure, error) { return Curve("x", Line{Name: "a", X: []float64{1}, Y: []float64{0.5}}) },
		"constant curve": func() (Figure, error) {
			return Chart{}.Curve("x", Line{Name: "a", X: []float64{1, 2}, Y: []float64{0, 0}})
		},
		"gaps": func() (Figure, error) {
			return Curve("x", Line{Name: "a", X: []float64{1, 2, 3, 4}, Y: []float64{1, nan, -1, 2}})
		},
		"nine decades": func() (Figure, error) {
			return Curve("x", Line{Name: "a", X: []float64{1, 2}, Y: []float64{1e-6, 1e3}})
		},
		"grey pixels": func() (Figure, error) {
			return Grid(imaging.Images{N: 1, H: 1, W: 2, C: 1, Data: []float64{nan, 9}}, 0, 0)
		},
	} {
		f, err := draw()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, format := range Formats() {
			if err := Encode(io.Discard, format, f); err != nil {
				t.Errorf("%s as %s: %v", name, format, err)
			}
		}
	}
}

func TestSave(t *testing.T) {
	f, err := histogramOf("a <title> & more", []float64{1, 2, 3}, []float64{2})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()

	path := filepath.Join(dir, "a.png")
	if err := Save(path, f); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if want := int(math.Round(float64(f.Width / pixel))); m.Bounds().Dx() != want {
		t.Errorf("image is %d dots wide, want %d", m.Bounds().Dx(), want)
	}

	path = filepath.Join(dir, "a.svg")
	if err := Save(path, f); err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
	if !bytes.Contains(data, []byte("a &lt;title&gt; &amp; more")) {
		t.Error("the title is not text in the SVG")
	}

	if err := Save(filepath.Join(dir, "a.bmp"), f); err == nil {
		t.Error("Save to .bmp: no error")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("folder holds %v, want a.png and a.svg", left)
	}
}

// A translucent colour given as color.RGBA would have to be premultiplied;
// blue at one half over white must come out as light blue, not as green.
func TestTranslucentColour(t *testing.T) {
	f, err := histogramOf("", []float64{0, 0, 0, 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := f.Image()
	at := m.Bounds().Max
	found := false
	for x := range at.X {
		r, g, b, _ := m.At(x, at.Y/2).RGBA()
		if r != g && (r > g || g > b) {
			t.Fatalf("colour %02x%02x%02x at %d: not a shade of blue", r>>8, g>>8, b>>8, x)
		}
		found = found || b > g && g > r && r>>8 > 150
	}
	if !found {
		t.Error("no light blue in the middle of the picture")
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
		{1, 1460, "500 1,000"},
		{-1460, 1460, "−1,000 0 1,000"},
		{0, 50, "0 10 20 30 40 50"},
		{0, 1.2, "0 0.25 0.50 0.75 1.00"},
		{0, 12e6, "0 2,500,000 5,000,000 7,500,000 10,000,000"},
	} {
		if got := labels(ticks{}, c.lo, c.hi); got != c.want {
			t.Errorf("Ticks(%v, %v) = %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0.04, 3, "0.05 0.1 0.2 0.5 1 2"},
		{0.001, 100, "0.001 0.01 0.1 1 10 100"},
		{1e-9, 1e3, "1e-09 1e-07 1e-05 0.001 0.1 10 1000"},
	} {
		if got := labels(logTicks{}, c.lo, c.hi); got != c.want {
			t.Errorf("logTicks(%v, %v) = %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

func TestSmooth(t *testing.T) {
	nan := math.NaN()
	got := smooth([]float64{1, 2, 3, nan, 5}, 3, false)
	want := []float64{1.5, 2, 2.5, nan, 5}
	for i := range want {
		if got[i] != want[i] && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
			t.Fatalf("smooth = %v, want %v", got, want)
		}
	}
	if got := smooth([]float64{1, 100, 1}, 3, true); math.Abs(got[1]-math.Cbrt(100)) > 1e-12 {
		t.Errorf("geometric mean = %v, want %v", got[1], math.Cbrt(100))
	}
}

func TestColumns(t *testing.T) {
	for n, want := range map[int]int{1: 1, 4: 4, 5: 5, 6: 3, 7: 4, 8: 4, 9: 3, 14: 5, 20: 5} {
		if got := columnsFor(n); got != want {
			t.Errorf("columnsFor(%d) = %d, want %d", n, got, want)
		}
	}
}

func labels(m plot.Ticker, lo, hi float64) string {
	var s []string
	for _, t := range m.Ticks(lo, hi) {
		s = append(s, t.Label)
	}
	return strings.Join(s, " ")
}
