package nn

import (
	"math"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Tiles of a kernel and an input give the convolution, in float64, to the digits.
func TestTilings(t *testing.T) {
	for side, tile := range map[int]int{1: 2, 2: 2, 3: 4, 4: 4, 5: 5, 8: 4, 10: 5, 16: 4, 23: 5, 64: 5} {
		tiles := newTiling(side)
		if tiles.m != tile {
			t.Errorf("side %d: tiles of %d, want %d", side, tiles.m, tile)
		}
		x, w := normals(side), normals(3)
		products := multiply(tiles.input(), x)
		for k, v := range multiply(tiles.kernel(), w) {
			for tile := range tiles.tiles {
				products[k*tiles.tiles+tile] *= v
			}
		}
		for i, got := range multiply(transposed(tiles.output()), products) {
			want := 0.0
			for j, v := range w {
				if pixel := i + j - 1; pixel >= 0 && pixel < side {
					want += v * x[pixel]
				}
			}
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("side %d: output %d is %v, want %v", side, i, got, want)
			}
		}
	}
}

func normals(n int) []float64 {
	x := make([]float32, n)
	noise.Normal(noise.Stream(uint64(n)), x)
	all := make([]float64, n)
	for i, v := range x {
		all[i] = float64(v)
	}
	return all
}

func multiply(m [][]float64, x []float64) []float64 {
	y := make([]float64, len(m))
	for i, row := range m {
		for j, v := range row {
			y[i] += v * x[j]
		}
	}
	return y
}
