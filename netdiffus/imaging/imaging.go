// Package imaging turns a series of n numbers into an n x n image whose pixel
// (i, j) tells how the values at i and j relate, and, where that can be done,
// the image back into the series.
package imaging

// Encoder draws a series as a square, one-channel image.
type Encoder interface {
	// Name is the encoder's name in manifests and flags, such as "gasf".
	Name() string
	// Size is the image's height and width for a series of n values.
	Size(n int) int
	// Encode writes the image of x, values in [0,1], into dst, row by row.
	// It panics unless len(dst) is Size(len(x)) squared.
	Encode(x, dst []float64)
}

// Inverter is an Encoder whose images hold all of the series.
type Inverter interface {
	Encoder
	// Decode writes the series that img shows into x, values in [0,1]. It
	// takes any image: what a sampler draws is not quite the image of a
	// series, and is read as the nearest one that Decode's documentation
	// describes. It panics unless len(img) is Size(len(x)) squared.
	Decode(img, x []float64)
}

// Images are N images of one size, in one slice: image after image, row by
// row, channels last.
type Images struct {
	N, H, W, C int
	Data       []float64 // [N,H,W,C]
}

// New returns n images of h x w pixels and c channels, all zero.
func New(n, h, w, c int) Images {
	return Images{N: n, H: h, W: w, C: c, Data: make([]float64, n*h*w*c)}
}

// At returns image i, [H,W,C]: a view, not a copy.
func (m Images) At(i int) []float64 {
	size := m.H * m.W * m.C
	return m.Data[i*size : (i+1)*size : (i+1)*size]
}

// Append adds a copy of img, [H,W,C], at the end. It panics when img has
// another size.
func (m *Images) Append(img []float64) {
	if len(img) != m.H*m.W*m.C {
		panic(sizeError("Append", len(img), m.H*m.W*m.C))
	}
	m.Data = append(m.Data, img...)
	m.N++
}
