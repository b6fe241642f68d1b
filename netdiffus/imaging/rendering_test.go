package imaging

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRenderingComesBack draws signed lengths and reads them off again. The
// bounds are what 256 colours can tell: at most one step of them on the
// diagonal, and on average less the more pixels tell of one number.
func TestRenderingComesBack(t *testing.T) {
	for _, c := range []struct {
		r    Rendering
		mean float64 // bytes, of the lengths' error, measured and a tenth more
	}{
		{Rendering{Color: "jet"}, 6.7},
		{Rendering{Color: "gray"}, 6.0},
		{Rendering{Color: "gray", Depth: 3}, 6.0},
		{Rendering{Color: "jet", Side: 64}, 2.3},
		{Rendering{Color: "gray", Side: 64}, 1.9},
		{Rendering{Color: "jet", Side: 128}, 1.4},
		{Rendering{Color: "gray", Side: 128, Gamma: 0.5}, 0.9},
	} {
		if err := c.r.Validate(); err != nil {
			t.Fatal(err)
		}
		d, err := c.r.NewReader(10)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		sum, n := 0.0, 0
		want, x, img := make([]float64, 10), make([]float64, 10), make([]float64, 100)
		for range 40 {
			for i := range want {
				switch rng.IntN(4) {
				case 0:
					want[i] = 1460
				case 1:
					want[i] = 0
				default:
					want[i] = math.Round((rng.Float64()*2 - 1) * 1460)
				}
				x[i] = (want[i] + 1460) / 2920
			}
			GASF{}.Encode(x, img)
			p := c.r.Draw(img, 10)
			if side := c.r.Size(10); p.W != side || p.H != side || p.C != c.r.Channels() || len(p.Pix) != side*side*p.C {
				t.Fatalf("%+v draws %dx%dx%d, %d values", c.r, p.H, p.W, p.C, len(p.Pix))
			}
			if off := d.Read(p.Pix, img); off != 0 {
				t.Errorf("%+v: its own colours lie %v off the map", c.r, off)
			}
			GASF{}.Decode(img, x)
			for i, v := range x {
				back := v*2920 - 1460
				if want[i] != 0 { // padding
					sum += math.Abs(back - want[i])
					n++
				}
			}
		}
		if mean := sum / float64(n); mean > c.mean {
			t.Errorf("%+v: lengths come back %.2f bytes off, want at most %v", c.r, mean, c.mean)
		}
	}
}

// TestRenderingOfFoundColors: colours beside the map are read as the nearest,
// and counted.
func TestRenderingOfFoundColors(t *testing.T) {
	d, err := Rendering{Color: "jet"}.NewReader(1)
	if err != nil {
		t.Fatal(err)
	}
	img := make([]float64, 1)
	if off := d.Read([]uint8{126, 0, 0}, img); off != 1 || img[0] != 1 {
		t.Errorf("read as %v, %v off", img[0], off)
	}
}

func TestRenderingNotInvertible(t *testing.T) {
	for _, c := range []struct {
		r    Rendering
		want string
	}{
		{Rendering{}, "unknown"},
		{Rendering{Color: "jet", Stretch: true}, "stretched"},
		{Rendering{Color: "jet", Side: 9}, "cannot be decoded"},
		{Rendering{Color: "jet", Side: 16384}, "too large"},
	} {
		if _, err := c.r.NewReader(10); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("NewReader of %+v = %v, want %q", c.r, err, c.want)
		}
	}
	for _, r := range []Rendering{
		{Color: "hot"}, {Color: "jet", Depth: 1}, {Depth: 2}, {Color: "gray", Side: -1}, {Color: "gray", Gamma: -2}, {Color: "gray", Gamma: math.NaN()},
	} {
		if r.Validate() == nil {
			t.Errorf("%+v is valid", r)
		}
	}
}

// TestStretch: an image of one number has no range; matplotlib paints what is
// not a number black.
func TestStretch(t *testing.T) {
	r := Rendering{Color: "jet", Stretch: true}
	if p := r.Draw([]float64{0.3, 0.3, 0.3, 0.3}, 2); fmt.Sprint(p.Pix) != fmt.Sprint(make([]uint8, 12)) {
		t.Errorf("an image of one number: %v", p.Pix)
	}
	p := r.Draw([]float64{0.1, 0.2, 0.2, 0.3}, 2)
	if got := [2][3]uint8{[3]uint8(p.Pix[:3]), [3]uint8(p.Pix[9:])}; got != [2][3]uint8{jet[0], jet[255]} {
		t.Errorf("the ends are %v", got)
	}
}

func TestGuess(t *testing.T) {
	jets := Rendering{Color: "jet", Side: 20}.Draw(make([]float64, 4), 2)
	grays := Rendering{Color: "gray", Depth: 3}.Draw(make([]float64, 4), 2)
	other := Picture{W: 1, H: 1, C: 3, Pix: []uint8{9, 200, 77}}
	for _, c := range []struct {
		pictures []Picture
		want     string
	}{
		{[]Picture{jets, jets}, "jet"}, {[]Picture{grays}, "gray"}, {[]Picture{jets, other}, ""}, {nil, ""},
	} {
		if got := Guess(c.pictures...); got.Color != c.want {
			t.Errorf("Guess = %+v, want %q", got, c.want)
		}
	}
}

func TestPicturesAreImages(t *testing.T) {
	m := NewPictures(1, 1, 2, 1)
	m.Set(0, []float64{-1, 1})
	m.Append([]float64{0.5, math.NaN()})
	if got := fmt.Sprint(m.Bytes); got != "[0 255 191 0]" {
		t.Errorf("bytes %s", got)
	}
	if got := fmt.Sprint(m.At(0)); got != "[-1 1]" {
		t.Errorf("numbers %s", got)
	}
	x := make([]float32, 2)
	m.Read(1, x)
	if x[0] != float32(191)/127.5-1 || !m.Whole() || !m.Pictures() {
		t.Errorf("%v, %v", x, m)
	}
	if s := m.Select([]int{1, 1}); s.N != 2 || fmt.Sprint(s.Bytes) != "[191 0 191 0]" {
		t.Errorf("selected %v", s)
	}
	if s := New(3, 1, 1, 1).Select([]int{2}); s.N != 1 || !s.Whole() || s.Pictures() {
		t.Errorf("selected %v", s)
	}
}
