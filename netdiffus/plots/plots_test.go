package plots

import (
	"bytes"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
)

// The figures of these tests are compared to testdata/NAME.png, which
// go test ./netdiffus/plots -regen makes anew. Look at what it made.

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		name string
		draw func() (Figure, error)
	}{
		{"histogram", func() (Figure, error) {
			return Axis{Label: "payload length (bytes)"}.Histogram(Pair{
				Title: "Payload length, video", Note: "Hellinger 0.312",
				Real: lengths(1, 4000, 0), Synthetic: lengths(2, 900, 60),
			})
		}},
		{"parallel", func() (Figure, error) {
			return Parallel("Trials, the best in orange", true,
				[]ParallelAxis{{Name: "training.lr", Log: true}, {Name: "atoms.base", Words: []string{"chain", "field"}}, {Name: "training.batch_size"}, {Name: "tstr"}},
				[][]float64{{1e-4, 0, 64, 0.81}, {1e-3, 1, 128, 0.89}, {1e-2, 0, 128, 0.85}, {3e-3, 1, 32, 0.86}})
		}},
		{"categories", func() (Figure, error) {
			return directions.Histogram(Pair{Title: "Direction, video", Real: coin(1, 3000, 0.4), Synthetic: coin(2, 500, 0.5)})
		}},
		{"panels", func() (Figure, error) {
			var pairs []Pair
			for i, name := range []string{"chat", "dns", "http", "a class with quite a long name", "video"} {
				pairs = append(pairs, Pair{
					Title: name, Note: "H 0.12",
					Real: lengths(uint64(i), 2000, 0), Synthetic: lengths(uint64(i)+9, 500, 80),
				})
			}
			return Axis{Label: "payload length (bytes)"}.Panels("Payload length by class", pairs...)
		}},
		{"curve", func() (Figure, error) {
			return Curve("Training loss", loss("total", 1, 2000, 1), loss("mse", 2, 2000, 0.3))
		}},
		{"dots", func() (Figure, error) {
			return Dots("Accuracy on real flows", "accuracy",
				Dot{"synthetic", []float64{0.882, 0.891, 0.887}, Synthetic},
				Dot{"real, as many", []float64{0.893, 0.899, math.NaN()}, Real},
				Dot{"a baseline with quite a long name", []float64{0.85, 0.861}, Baseline},
				Dot{"nothing", nil, Baseline})
		}},
		{"packets", func() (Figure, error) {
			return Packets("Flows packet by packet",
				Series{"web", []float64{-517, 1448, 1448, 700, -64, 250, 1448, 1448, 1448, -90}},
				Series{"dns", []float64{-40, 120}},
				Series{"chat", []float64{-200, 180, -220, 90, -60, 60}})
		}},
		{"packets-one", func() (Figure, error) {
			return Packets("One flow", Series{"web", []float64{-517, 1448, 1448, 700, -64, 250, 0, math.NaN(), 1448, -90}})
		}},
		{"sheet", func() (Figure, error) {
			return Sheet("Noise", []string{"clean", "t = 50", "pure noise"}, Strip{"a class of long name", gasf(1, 3)}, Strip{"video", gasf(3, 2)})
		}},
		{"sheet-one", func() (Figure, error) {
			return Sheet("One image under a rather long title", nil, Strip{"", gasf(1, 1)})
		}},
		{"errors", func() (Figure, error) {
			return Axis{Label: "error (bytes)", Bins: 21, Sides: [2]string{"", "8-bit PNG"}}.Histogram(Pair{Title: "Errors", Synthetic: blurred(2000, 4)})
		}},
		{"grid", func() (Figure, error) { return Grid(gasf(1, 10), 8, 4) }},
		{"compare", func() (Figure, error) {
			return Compare("GASF images", 3, Row{"chat", gasf(1, 3), gasf(2, 3)}, Row{"video", gasf(3, 3), gasf(4, 2)})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := c.draw()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", c.name+".png"), f)
		})
	}
}

// golden compares the figure to a picture, with a little room for the last bit
// of floating point on other processors.
func golden(t *testing.T, path string, f Figure) {
	t.Helper()
	var got bytes.Buffer
	// Half the usual resolution: these are files of the repository.
	if err := png.Encode(&got, f.pixels(dpi/2)); err != nil {
		t.Fatal(err)
	}
	if *cmpimg.GenerateTestData {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	same, err := cmpimg.EqualApprox("png", got.Bytes(), want, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	if !same {
		other := filepath.Join(t.ArtifactDir(), filepath.Base(path))
		t.Errorf("the figure differs from %s; -regen makes that anew (-artifacts keeps %s)", path, other)
		if err := Save(other, f); err != nil {
			t.Error(err)
		}
	}
}

var directions = Axis{Label: "direction", Categories: []Category{{0, "up"}, {1, "down"}}}

// lengths are packet sizes like those of a download: full segments, requests
// of some hundred bytes, a tail; blur spreads them as a model would.
func lengths(seed uint64, n int, blur float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float64, n)
	for i := range x {
		switch u := r.Float64(); {
		case u < 0.45:
			x[i] = 1448
		case u < 0.7:
			x[i] = 517
		default:
			x[i] = 1 + 1400*r.Float64()*r.Float64()
		}
		x[i] = min(max(x[i]+blur*r.NormFloat64(), 1), 1460)
	}
	return x
}

func coin(seed uint64, n int, p float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float64, n)
	for i := range x {
		if r.Float64() < p {
			x[i] = 1
		}
	}
	return x
}

// blurred are whole numbers around 0.
func blurred(n int, spread float64) []float64 {
	r := rand.New(rand.NewPCG(4, 7))
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Round(min(max(spread*r.NormFloat64(), -10), 10))
	}
	return x
}

// loss falls like a diffusion model's: fast, then slowly, noisy, with spikes.
func loss(name string, seed uint64, steps int, scale float64) Line {
	r := rand.New(rand.NewPCG(seed, 7))
	l := Line{Name: name}
	for i := range steps {
		v := scale * (0.03 + math.Exp(-float64(i)/120)) * math.Exp(0.4*r.NormFloat64())
		if r.Float64() < 0.004 {
			v *= 300
		}
		l.X, l.Y = append(l.X, float64(i+1)), append(l.Y, v)
	}
	return l
}

// gasf are images of random walks in [0,1], 10x10.
func gasf(seed uint64, n int) imaging.Images {
	r := rand.New(rand.NewPCG(seed, 7))
	m := imaging.New(n, 10, 10, 1)
	for k := range n {
		phi := make([]float64, 10)
		for i := range phi {
			phi[i] = math.Acos(r.Float64())
		}
		for i := range phi {
			for j := range phi {
				m.At(k)[i*10+j] = math.Cos(phi[i] + phi[j])
			}
		}
	}
	return m
}

// TestCurveSpread: the bar of 1 ± 3 makes room for itself, and is drawn.
func TestCurveSpread(t *testing.T) {
	line := Line{Name: "a", X: []float64{1, 2, 3}, Y: []float64{1, 1, 1}, Spread: []float64{0, 3, 0}}
	height := func(l Line) int {
		f, err := Chart{Window: 1}.Curve("", l)
		if err != nil {
			t.Fatal(err)
		}
		img, rows := f.Image(), 0
		for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
			for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
				if r, _, b, _ := img.At(x, y).RGBA(); b > r+0x4000 { // the line's blue
					rows++
					break
				}
			}
		}
		return rows
	}
	with, without := height(line), height(Line{Name: "a", X: line.X, Y: line.Y})
	if with < 8*without {
		t.Errorf("blue in %d rows with the bar, %d without: want a bar from top to bottom", with, without)
	}
}

// TestCurveLogX: on a logarithmic axis 10 lies half-way between 1 and 100.
func TestCurveLogX(t *testing.T) {
	f, err := Chart{Window: 1, LogX: true}.Curve("", Line{X: []float64{1, 10, 100}, Y: []float64{1, 1, 1}, Spread: []float64{1, 1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	img := f.Image()
	var bars []int // columns that are blue in many rows
	for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
		rows := 0
		for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
			if r, _, b, _ := img.At(x, y).RGBA(); b > r+0x3000 {
				rows++
			}
		}
		if rows > img.Bounds().Dy()/3 && (len(bars) == 0 || x > bars[len(bars)-1]+5) {
			bars = append(bars, x)
		}
	}
	if len(bars) != 3 || max(bars[2]-bars[1], bars[1]-bars[0])-min(bars[2]-bars[1], bars[1]-bars[0]) > 2 {
		t.Errorf("the bars are at %v, want three at equal distances", bars)
	}
}
