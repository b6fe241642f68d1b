package nn

import . "github.com/gomlx/gomlx/core/graph"

// winograd computes tiles of 2x2 output pixels from 4x4 input pixels, with 16
// multiplications instead of 36: F(2x2,3x3) of Lavin & Gray 2016.
// The output tile is Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A for the kernel g and the input tile
// d; ⊙ becomes 16 matrix products over the channels. The matrices hold 0, ±1 and
// ±½, so little precision is lost.
var winograd = form{
	name: "winograd",
	apply: func(x, w *Node) *Node {
		m := inputTiles(x).products(kernelTile(w, false), "btsi,io->btso")
		return untile(m.transform(winogradAT), x.Shape().Dim(1), x.Shape().Dim(2))
	},
	gradX: func(v, w *Node) *Node {
		m := inputTiles(v).products(kernelTile(w, true), "btso,io->btsi")
		return untile(m.transform(winogradAT), v.Shape().Dim(1), v.Shape().Dim(2))
	},
	// The transposed steps in reverse order.
	gradW: func(x, v *Node) *Node {
		m := outputTiles(v).transform(transposed(winogradAT))
		g := inputTiles(x).products(m, "btsi,btso->io").transform(transposed(winogradG))
		var kernel []*Node
		for i := range 3 {
			kernel = append(kernel, Stack(g[i], 0))
		}
		return Stack(kernel, 0)
	},
}

var (
	winogradBT = [][]float64{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}
	winogradG  = [][]float64{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	winogradAT = [][]float64{{1, 1, 1, 0}, {0, 1, -1, -1}}
)

// tile holds a node for each of its rows and columns: that pixel of every tile of an
// image, [B,T,S,C] for T rows and S columns of tiles, or that element of every kernel,
// [I,O].
type tile [][]*Node

// inputTiles returns Bᵀ d B for the 4x4 tiles d of x [B,H,W,C], which overlap by two
// pixels.
func inputTiles(x *Node) tile {
	h, w := x.Shape().Dim(1), x.Shape().Dim(2)
	down, across := (h+1)/2, (w+1)/2
	padded := padAxis(padAxis(x, 1, 1, 2*down+1-h), 2, 1, 2*across+1-w)
	return pixels(padded, 4, down, across).transform(winogradBT)
}

// outputTiles returns the 2x2 tiles of v [B,H,W,C], padded with zeros where a side is
// odd.
func outputTiles(v *Node) tile {
	h, w := v.Shape().Dim(1), v.Shape().Dim(2)
	down, across := (h+1)/2, (w+1)/2
	return pixels(padAxis(padAxis(v, 1, 0, 2*down-h), 2, 0, 2*across-w), 2, down, across)
}

// pixels returns the tiles of size by size pixels of x that start at every other
// pixel.
func pixels(x *Node, size, down, across int) tile {
	t := make(tile, size)
	for i := range t {
		for j := range size {
			t[i] = append(t[i], Slice(x, AxisRange(),
				AxisRange(i, i+2*down-1).Stride(2), AxisRange(j, j+2*across-1).Stride(2)))
		}
	}
	return t
}

// kernelTile returns G g Gᵀ for the kernel g = w [3,3,I,O], or w rotated by 180°.
func kernelTile(w *Node, rotated bool) tile {
	t := make(tile, 3)
	for i := range t {
		for j := range 3 {
			row, column := i, j
			if rotated {
				row, column = 2-i, 2-j
			}
			t[i] = append(t[i], Squeeze(Slice(w, AxisElem(row), AxisElem(column)), 0, 1))
		}
	}
	return t.transform(winogradG)
}

// products returns the products of the corresponding nodes of t and u; rule is
// Einsum's.
func (t tile) products(u tile, rule string) tile {
	m := make(tile, len(t))
	for i := range t {
		for j := range t[i] {
			m[i] = append(m[i], Einsum(rule, t[i][j], u[i][j]))
		}
	}
	return m
}

// untile assembles the 2x2 tiles t into an image [B,H,W,C] of h by w pixels.
func untile(t tile, h, w int) *Node {
	rows := []*Node{Stack(t[0], 3), Stack(t[1], 3)} // [B,T,S,2,C]
	y := Stack(rows, 2)                             // [B,T,2,S,2,C]
	d := y.Shape().Dimensions
	y = Reshape(y, d[0], 2*d[1], 2*d[3], d[5])
	return Slice(y, AxisRange(), AxisRange(0, h), AxisRange(0, w))
}

// transform returns m t mᵀ.
func (t tile) transform(m [][]float64) tile {
	columns := make(tile, len(m)) // m t
	for i, row := range m {
		for j := range t[0] {
			var column []*Node
			for k := range t {
				column = append(column, t[k][j])
			}
			columns[i] = append(columns[i], combine(row, column))
		}
	}
	result := make(tile, len(m))
	for i := range columns {
		for _, row := range m {
			result[i] = append(result[i], combine(row, columns[i]))
		}
	}
	return result
}

// combine returns the sum of the nodes times their factors, which are not all 0.
func combine(factors []float64, nodes []*Node) *Node {
	var sum *Node
	for i, f := range factors {
		switch n := nodes[i]; {
		case f == 0:
		case sum == nil && f == 1:
			sum = n
		case sum == nil:
			sum = MulScalar(n, f)
		case f == 1:
			sum = Add(sum, n)
		case f == -1:
			sum = Sub(sum, n)
		default:
			sum = Add(sum, MulScalar(n, f))
		}
	}
	return sum
}

// transposed returns the transpose of m.
func transposed(m [][]float64) [][]float64 {
	t := make([][]float64, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}
