package imaging

// Series is no image: the series itself, in one row, pixel j being 2xj²-1, which is
// the diagonal that its GASF has. A model that noises it sees of a series what it sees of
// the diagonal, for n values in place of n².
type Series struct{}

// Name returns "none".
func (Series) Name() string { return "none" }

// Size returns n, the row's width; its height is 1: see Shape.
func (Series) Size(n int) int { return n }

// Shape returns 1 and n.
func (Series) Shape(n int) (h, w int) { return 1, n }

// Encode writes the row into dst, [n]. Values outside [0,1] are taken as the nearer
// end.
func (Series) Encode(x, dst []float64) {
	checkRow("Series.Encode", len(x), len(dst))
	for i, v := range x {
		v = min(max(v, 0), 1)
		dst[i] = 2*v*v - 1
	}
}

// Decode writes the series into x, as GASF's Decode does from the diagonal.
func (Series) Decode(img, x []float64) {
	checkRow("Series.Decode", len(x), len(img))
	for i := range x {
		x[i] = root(img[i])
	}
}

func checkRow(what string, n, pixels int) {
	if pixels != n {
		panic(sizeError(what, pixels, n))
	}
}

// shaped is an Encoder whose images are not squares.
type shaped interface {
	Shape(n int) (h, w int)
}

// Shape returns the height and width of e's image of a series of n values.
func Shape(e Encoder, n int) (h, w int) {
	if s, ok := e.(shaped); ok {
		return s.Shape(n)
	}
	return e.Size(n), e.Size(n)
}
