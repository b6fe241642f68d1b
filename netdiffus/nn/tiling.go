package nn

import "math"

// tiling is how Winograd's algorithm computes an axis of an image: tiles of m outputs each,
// F(m,3), by products of polynomials (Cook-Toom) that are evaluated at m+1 numbers and
// at infinity.
type tiling struct {
	side, m, tiles int
	at             []float64 // m+1 numbers
}

// numbers are those at which polynomials are evaluated, in an order in which the first few do
// well, too: of the sets tried for m = 5, that with the least error (0.35 millionths of the
// outputs' own size in float32, for 128 channels of normal numbers).
var numbers = map[int][]float64{
	2: {0, 1, -1},
	4: {0, 1, -1, 2, -0.5},
	5: {0, 1, -1, 0.5, -0.5, 2},
}

// newTiling returns the one with the fewest products for an axis of so many pixels, and of these
// the most precise.
func newTiling(side int) tiling {
	var best tiling
	for _, m := range []int{2, 4, 5} {
		t := tiling{side: side, m: m, tiles: (side + m - 1) / m, at: numbers[m]}
		if best.m == 0 || t.tiles*t.points() < best.tiles*best.points() {
			best = t
		}
	}
	return best
}

// points is the number of products of a tile.
func (t tiling) points() int { return t.m + 2 }

// The matrices Bᵀ, G and Aᵀ of one tile, [points][m+2], [points][3] and [m][points], scaled so that
// rows of Bᵀ and G have sizes alike.
func (t tiling) matrices() (bt, g, at [][]float64) {
	n := t.points()
	at = make([][]float64, t.m)
	for i := range at {
		at[i] = make([]float64, n)
	}
	for j := range n {
		var others []float64 // roots of the row's polynomial
		scale, powers := 1.0, []float64{0, 0, 1}
		if j < len(t.at) {
			p := t.at[j]
			powers = []float64{1, p, p * p}
			for i := range at {
				at[i][j] = math.Pow(p, float64(i))
			}
			for k, q := range t.at {
				if k != j {
					others, scale = append(others, q), scale/(p-q)
				}
			}
		} else { // infinity
			others = t.at
			at[t.m-1][j] = 1
		}
		row := append(polynomial(others), make([]float64, n-1-len(others))...)
		// A power of 2 loses nothing.
		share := math.Exp2(math.Round(math.Log2(math.Sqrt(math.Abs(scale) * norm(powers) / norm(row)))))
		for i := range row {
			row[i] *= share
		}
		for i := range powers {
			powers[i] *= scale / share
		}
		bt, g = append(bt, row), append(g, powers)
	}
	return bt, g, at
}

// polynomial returns the coefficients, from the constant on, of that with these roots.
func polynomial(roots []float64) []float64 {
	c := []float64{1}
	for _, r := range roots {
		c = append([]float64{0}, c...)
		for i := range c[:len(c)-1] {
			c[i] -= r * c[i+1]
		}
	}
	return c
}

func norm(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// input is Bᵀ of all tiles, [points·tiles][side]: tile t, whose first pixel is that before the
// first of its outputs, has the rows k·tiles+t. Pixels outside the axis are zeros.
func (t tiling) input() [][]float64 {
	bt, _, _ := t.matrices()
	all := t.rows()
	for k, row := range bt {
		for tile := range t.tiles {
			for i, v := range row {
				if pixel := tile*t.m - 1 + i; pixel >= 0 && pixel < t.side {
					all[k*t.tiles+tile][pixel] = v
				}
			}
		}
	}
	return all
}

// output is A of all tiles, [points·tiles][side], by rows as input has them.
func (t tiling) output() [][]float64 {
	_, _, at := t.matrices()
	all := t.rows()
	for i, row := range at {
		for k, v := range row {
			for tile := range t.tiles {
				if pixel := tile*t.m + i; pixel < t.side {
					all[k*t.tiles+tile][pixel] = v
				}
			}
		}
	}
	return all
}

func (t tiling) rows() [][]float64 {
	all := make([][]float64, t.points()*t.tiles)
	for i := range all {
		all[i] = make([]float64, t.side)
	}
	return all
}

// kernel is G, [points][3].
func (t tiling) kernel() [][]float64 {
	_, g, _ := t.matrices()
	return g
}

// transposed returns the transpose of m.
func transposed(m [][]float64) [][]float64 {
	t := make([][]float64, len(m[0]))
	for _, row := range m {
		for j, v := range row {
			t[j] = append(t[j], v)
		}
	}
	return t
}
