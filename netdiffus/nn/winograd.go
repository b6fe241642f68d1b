package nn

import . "github.com/gomlx/gomlx/core/graph"

// winograd computes tiles of m by m output pixels from (m+2) by (m+2) input pixels that
// overlap, with (m+2)² multiplications instead of 9m²: F(m×m,3×3) of Lavin & Gray 2016.
// The output tile is Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A for the kernel g and the input tile d; ⊙
// becomes (m+2)² matrix products over the channels.
//
// Here the matrices of all tiles of an axis are one, zeros around the image included, so
// that an image is transformed by one product for each axis, whatever the number of
// tiles, or by one for both. The larger m, the fewer multiplications and the less precision: see tiling.
var winograd = form{
	name: "winograd",
	apply: func(x, w *Node) *Node {
		t := tilingsOf(x)
		return join2D(Einsum("kni,kio->kno", split2D(x, t, tiling.input), kernels(w, t)), x, t, tiling.output)
	},
	// The steps of apply transposed, in reverse order.
	gradX: func(v, w *Node) *Node {
		t := tilingsOf(v)
		return join2D(Einsum("kno,kio->kni", split2D(v, t, tiling.output), kernels(w, t)), v, t, tiling.input)
	},
	gradW: func(x, v *Node) *Node {
		t := tilingsOf(x)
		m := Einsum("kin,kno->kio", turned(split2D(x, t, tiling.input)), split2D(v, t, tiling.output))
		in, out := m.Shape().Dim(1), m.Shape().Dim(2)
		return Reshape(Einsum("ab,an->bn", kernelMatrix(x.Graph(), t), Reshape(m, m.Shape().Dim(0), -1)), 3, 3, in, out)
	},
}

// tilingsOf are those of the rows and the columns of x [B,H,W,C].
func tilingsOf(x *Node) [2]tiling {
	return [2]tiling{newTiling(x.Shape().Dim(1)), newTiling(x.Shape().Dim(2))}
}

// kernels returns G g Gᵀ for the kernels g = w [3,3,I,O]: [K,I,O], K products.
func kernels(w *Node, t [2]tiling) *Node {
	d := w.Shape().Dimensions
	return Reshape(Einsum("ab,bn->an", kernelMatrix(w.Graph(), t), Reshape(w, 9, -1)), -1, d[2], d[3])
}

// kernelMatrix is G ⊗ G, [K,9].
func kernelMatrix(g *Graph, t [2]tiling) *Node {
	return constant(g, kronecker(t[0].kernel(), t[1].kernel()))
}

// mostTogether is the most tiles of an axis for which one product with the matrix of both axes takes less time
// than two, of which it saves the copies in between.
const mostTogether = 2

// first is the matrix of the product that images are transformed by first: that of both axes, [K·N/B,H·W] where
// those of the axes are [points·tiles,side], and true; or, of too many tiles for that, that of the rows.
func first(t [2]tiling, matrix func(tiling) [][]float64) (all [][]float64, both bool) {
	rows, columns := t[0], t[1]
	if max(rows.tiles, columns.tiles) > mostTogether {
		return matrix(rows), false
	}
	product := kronecker(matrix(rows), matrix(columns))
	// In the order of the points of both, and then of the tiles.
	for p := range rows.points() {
		for q := range columns.points() {
			for i := range rows.tiles {
				for j := range columns.tiles {
					all = append(all, product[((p*rows.tiles+i)*columns.points()+q)*columns.tiles+j])
				}
			}
		}
	}
	return all, true
}

// split2D returns m x mᵀ for the images x [B,H,W,C], with the matrices [points·tiles,side] of
// the two axes: [K,N,C], for K products N = tiles·B rows.
func split2D(x *Node, t [2]tiling, matrix func(tiling) [][]float64) *Node {
	b, w, c := x.Shape().Dim(0), x.Shape().Dim(2), x.Shape().Dim(3)
	points, tiles := t[0].points(), t[0].tiles
	m, both := first(t, matrix)
	y := Einsum("ai,in->an", constant(x.Graph(), m), Reshape(TransposeAllAxes(x, 1, 2, 0, 3), len(m[0]), -1))
	if !both {
		y = TransposeAllAxes(Reshape(y, points, tiles, w, b*c), 0, 2, 1, 3)
		y = Einsum("kaj,kjn->kan", repeated(constant(x.Graph(), matrix(t[1])), points), Reshape(y, points, w, -1))
	}
	return Reshape(y, points*t[1].points(), -1, c)
}

// join2D is the transpose of the linear map split2D: it returns images of like's batch and sides
// for m [K,N,C].
func join2D(m, like *Node, t [2]tiling, matrix func(tiling) [][]float64) *Node {
	b, h, w, c := like.Shape().Dim(0), like.Shape().Dim(1), like.Shape().Dim(2), m.Shape().Dim(2)
	points, tiles := t[0].points(), t[0].tiles
	last, both := first(t, matrix)
	y := m
	if !both {
		y = Reshape(y, points, t[1].points()*t[1].tiles, -1)
		y = Einsum("kja,kan->kjn", repeated(constant(m.Graph(), transposed(matrix(t[1]))), points), y)
		y = TransposeAllAxes(Reshape(y, points, w, tiles, b*c), 0, 2, 1, 3)
	}
	y = Einsum("ia,an->in", constant(m.Graph(), transposed(last)), Reshape(y, len(last), -1))
	return TransposeAllAxes(Reshape(y, h, w, b, c), 2, 0, 1, 3)
}

// turned returns x [K,N,C] as [K,C,N], for a product that sums over N. It is a copy, made so that
// XLA does not take it for a part of the product: one that sums over the first axis of both
// matrices takes XLA's CPU device twice as long.
func turned(x *Node) *Node {
	k, n, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	part := min(4, n)
	for n%part != 0 {
		part++
	}
	return Reshape(TransposeAllAxes(Reshape(x, k, part, n/part, c), 0, 3, 1, 2), k, c, n)
}

// kronecker is a ⊗ b.
func kronecker(a, b [][]float64) [][]float64 {
	var product [][]float64
	for _, row := range a {
		for _, other := range b {
			var all []float64
			for _, v := range row {
				for _, w := range other {
					all = append(all, v*w)
				}
			}
			product = append(product, all)
		}
	}
	return product
}

func constant(g *Graph, m [][]float64) *Node {
	rows := make([][]float32, len(m))
	for i, row := range m {
		for _, v := range row {
			rows[i] = append(rows[i], float32(v))
		}
	}
	return Const(g, rows)
}

// repeated returns n copies of m: [n,…].
func repeated(m *Node, n int) *Node {
	return BroadcastToDims(InsertAxes(m, 0), append([]int{n}, m.Shape().Dimensions...)...)
}
