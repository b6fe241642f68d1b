package imaging_test

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Without noise the whole image says what the diagonal says.
func TestWholeGASFRoundTrip(t *testing.T) {
	for _, x := range [][]float64{{0.3}, {0, 1}, {0, 0, 0, 1, 1}, {1, .5, .25, .125, 0, .9, .8, .7}} {
		img, got := make([]float64, len(x)*len(x)), make([]float64, len(x))
		imaging.GASF{}.Encode(x, img)
		imaging.WholeGASF{}.Decode(img, got)
		for i := range x {
			if math.Abs(got[i]-x[i]) > 1e-7 {
				t.Errorf("%v came back as %v", x, got)
				break
			}
		}
	}
}

// Under noise it halves the error and more: the root mean square of u = x² falls by
// about √(0.6 n).
func TestWholeGASFUnderNoise(t *testing.T) {
	r := noise.Stream(1)
	for _, c := range []struct {
		n         int
		spread    float64
		low, high float64 // of the errors' ratio
	}{
		{10, .01, 2, 3}, {10, .03, 2, 3}, {10, .1, 1.9, 3}, {20, .03, 2.8, 4.2},
	} {
		var diagonal, whole float64
		for range 300 {
			x := make([]float64, c.n)
			for i := range x {
				x[i] = math.Sqrt(.05 + .9*r.Float64()) // away from the ends, where clipping helps both
			}
			img := make([]float64, c.n*c.n)
			imaging.GASF{}.Encode(x, img)
			for i := range img {
				img[i] += c.spread * r.NormFloat64()
			}
			got := make([]float64, c.n)
			imaging.GASF{}.Decode(img, got)
			for i := range x {
				diagonal += math.Pow(got[i]*got[i]-x[i]*x[i], 2)
			}
			imaging.WholeGASF{}.Decode(img, got)
			for i := range x {
				whole += math.Pow(got[i]*got[i]-x[i]*x[i], 2)
			}
		}
		if ratio := math.Sqrt(diagonal / whole); ratio < c.low || ratio > c.high {
			t.Errorf("n %d, noise %v: the diagonal's error is %.2f times the whole image's, want %v to %v", c.n, c.spread, ratio, c.low, c.high)
		}
	}
}

func FuzzWholeGASF(f *testing.F) {
	f.Add(0.5, -3.0, math.NaN(), math.Inf(1))
	f.Fuzz(func(t *testing.T, a, b, c, d float64) {
		x := make([]float64, 2)
		imaging.WholeGASF{}.Decode([]float64{a, b, c, d}, x)
		for _, v := range x {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("%v of %v", x, []float64{a, b, c, d})
			}
		}
	})
}
