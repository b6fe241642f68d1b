package imaging

// Channel returns channel c of an image of so many channels, [H,W,channels],
// as an image of one, [H,W], in dst's memory where that is enough.
func Channel(dst, img []float64, c, channels int) []float64 {
	dst = dst[:0]
	for i := c; i < len(img); i += channels {
		dst = append(dst, img[i])
	}
	return dst
}

// SetChannel writes the image plane, [H,W], into channel c of img,
// [H,W,channels]. It panics where their sizes differ.
func SetChannel(img, plane []float64, c, channels int) {
	if len(img) != len(plane)*channels {
		panic(sizeError("SetChannel", len(img), len(plane)*channels))
	}
	for i, v := range plane {
		img[i*channels+c] = v
	}
}

// Plane returns channel c of all images.
func (m Images) Plane(c int) Images {
	out := New(0, m.H, m.W, 1)
	var plane []float64
	for i := range m.N {
		plane = Channel(plane, m.At(i), c, m.C)
		out.Append(plane)
	}
	return out
}
