// Package imaging turns a series of n numbers into an n x n image whose pixel
// (i, j) shows how the values at i and j relate, and, where that can be done,
// the image back into the series.
package imaging

// Encoder draws a series as a square, one-channel image. One that draws no squares has a
// method Shape, as Series has.
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
// row, channels last. They are numbers, or pictures of 8 bits a pixel, which
// take an eighth of the memory: one of Data and Bytes is set.
type Images struct {
	N, H, W, C int
	Data       []float64 // [N,H,W,C]
	Bytes      []uint8   // [N,H,W,C]: pixel b stands for b/127.5 − 1, as guided-diffusion reads pictures
}

// New returns n images of h x w pixels and c channels, all zero.
func New(n, h, w, c int) Images {
	return Images{N: n, H: h, W: w, C: c, Data: make([]float64, n*h*w*c)}
}

// NewPictures returns n pictures of h x w pixels and c channels, all black.
func NewPictures(n, h, w, c int) Images {
	return Images{N: n, H: h, W: w, C: c, Bytes: make([]uint8, n*h*w*c)}
}

// Pixels is the number of values of one image.
func (m Images) Pixels() int { return m.H * m.W * m.C }

// Pictures reports whether the images have 8 bits a pixel.
func (m Images) Pictures() bool { return m.Bytes != nil }

// Whole reports whether there are as many values as N, H, W and C make.
func (m Images) Whole() bool {
	return m.H >= 0 && m.W >= 0 && m.C >= 0 && m.N >= 0 && len(m.Data)+len(m.Bytes) == m.N*m.Pixels()
}

// At returns image i, [H,W,C]: of numbers a view, not a copy; of a picture its
// values in [−1,1].
func (m Images) At(i int) []float64 {
	size := m.Pixels()
	if m.Bytes == nil {
		return m.Data[i*size : (i+1)*size : (i+1)*size]
	}
	img := make([]float64, size)
	for j, b := range m.Picture(i) {
		img[j] = float64(b)/127.5 - 1
	}
	return img
}

// Picture returns the pixels of picture i, [H,W,C]: a view, not a copy.
func (m Images) Picture(i int) []uint8 {
	size := m.Pixels()
	return m.Bytes[i*size : (i+1)*size : (i+1)*size]
}

// Read writes image i, [H,W,C], into dst.
func (m Images) Read(i int, dst []float32) {
	if m.Bytes == nil {
		for j, v := range m.At(i) {
			dst[j] = float32(v)
		}
		return
	}
	for j, b := range m.Picture(i) {
		dst[j] = float32(b)/127.5 - 1
	}
}

// Set makes image i a copy of img, [H,W,C]. Pictures take a value v as
// guided-diffusion's sampler does: (v+1)·127.5, held within 0 and 255, without
// its fraction.
func (m Images) Set(i int, img []float64) {
	if m.Bytes == nil {
		copy(m.At(i), img)
		return
	}
	for j, v := range img {
		m.Bytes[i*m.Pixels()+j] = uint8(min(max((v+1)*127.5, 0), 255)) // NaN is 0
	}
}

// Append adds a copy of img, [H,W,C], at the end. It panics when img has
// another size.
func (m *Images) Append(img []float64) {
	if len(img) != m.Pixels() {
		panic(sizeError("Append", len(img), m.Pixels()))
	}
	m.N++
	if m.Bytes == nil {
		m.Data = append(m.Data, img...)
		return
	}
	m.Bytes = append(m.Bytes, make([]uint8, len(img))...)
	m.Set(m.N-1, img)
}

// AppendPicture adds a copy of a picture's pixels, [H,W,C], at the end. It panics
// when they are of another size.
func (m *Images) AppendPicture(pix []uint8) {
	if len(pix) != m.Pixels() {
		panic(sizeError("AppendPicture", len(pix), m.Pixels()))
	}
	m.Bytes = append(m.Bytes, pix...)
	m.N++
}

// Select returns copies of the images with these indices, in their order.
func (m Images) Select(images []int) Images {
	out := m
	out.N, out.Data, out.Bytes = len(images), nil, nil
	if m.Bytes != nil {
		out.Bytes = make([]uint8, 0, len(images)*m.Pixels())
		for _, i := range images {
			out.Bytes = append(out.Bytes, m.Picture(i)...)
		}
		return out
	}
	out.Data = make([]float64, 0, len(images)*m.Pixels())
	for _, i := range images {
		out.Data = append(out.Data, m.At(i)...)
	}
	return out
}
