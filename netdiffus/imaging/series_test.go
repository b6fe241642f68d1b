package imaging

import (
	"math"
	"testing"
)

// TestSeries: the row is the diagonal of the GASF, and comes back as exactly.
func TestSeries(t *testing.T) {
	x := []float64{0, 0.25, 0.5, 1}
	row, square, back := make([]float64, 4), make([]float64, 16), make([]float64, 4)
	Series{}.Encode(x, row)
	GASF{}.Encode(x, square)
	Series{}.Decode(row, back)
	for j := range x {
		if math.Abs(row[j]-square[j*5]) > 1e-12 || math.Abs(back[j]-x[j]) > 1e-7 {
			t.Errorf("place %d: pixel %v, the diagonal's %v; %v came back as %v", j, row[j], square[j*5], x[j], back[j])
		}
	}
	if h, w := Shape(Series{}, 4); h != 1 || w != 4 {
		t.Errorf("a row of %dx%d", h, w)
	}
	if h, w := Shape(GASF{}, 4); h != 4 || w != 4 {
		t.Errorf("a square of %dx%d", h, w)
	}
	e, err := Named("none")
	if err != nil || e != (Series{}) {
		t.Errorf("%v, %v", e, err)
	}
}
