package imaging

import "math"

// kernel is a resampling filter: its weight at a distance, and the distance
// from which on that is 0.
type kernel struct {
	support float64
	weight  func(x float64) float64
}

// The kernels of PIL (src/libImaging/Resample.c). OpenCV's bicubic is another:
// it has −0.75 where this one has −0.5, and does not widen where it shrinks.
var (
	box = kernel{0.5, func(x float64) float64 {
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	}}
	bicubic = kernel{2, func(x float64) float64 {
		const a = -0.5
		switch x = math.Abs(x); {
		case x < 1:
			return ((a+2)*x-(a+3))*x*x + 1
		case x < 2:
			return (((x-5)*x+8)*x - 4) * a
		}
		return 0
	}}
)

// taps are the places that one place of the output is made of, and their
// weights, which add up to 1.
type taps struct {
	from    int
	weights []float64
}

// taps returns how k makes a line of out places from one of in. Shrinking
// widens the kernel.
func (k kernel) taps(in, out int) []taps {
	scale := float64(in) / float64(out)
	wide := max(scale, 1)
	support := k.support * wide
	line := make([]taps, out)
	for i := range line {
		center := (float64(i) + 0.5) * scale
		from := max(int(center-support+0.5), 0)
		to := min(int(center+support+0.5), in)
		weights, sum := make([]float64, to-from), 0.0
		for j := range weights {
			weights[j] = k.weight((float64(j+from) - center + 0.5) / wide)
			sum += weights[j]
		}
		for j := range weights {
			weights[j] /= sum
		}
		line[i] = taps{from, weights}
	}
	return line
}

// resizeNumbers resizes an image of one channel, size x size to side x side.
func resizeNumbers(img []float64, size, side int, k kernel) []float64 {
	if size == side {
		return append([]float64(nil), img...)
	}
	line := k.taps(size, side)
	wide := make([]float64, size*side)
	for y := range size {
		for x, t := range line {
			sum := 0.0
			for j, w := range t.weights {
				sum += w * img[y*size+t.from+j]
			}
			wide[y*side+x] = sum
		}
	}
	out := make([]float64, side*side)
	for y, t := range line {
		for j, w := range t.weights {
			row := wide[(t.from+j)*side:]
			for x := range side {
				out[y*side+x] += w * row[x]
			}
		}
	}
	return out
}

// fixed is the number of bits behind the point in PIL's weights for 8-bit
// pixels.
const fixed = 32 - 8 - 2

// fixedTaps are taps with whole weights.
func (k kernel) fixedTaps(in, out int) (from []int, weights [][]int32) {
	for _, t := range k.taps(in, out) {
		whole := make([]int32, len(t.weights))
		for i, w := range t.weights {
			whole[i] = int32(w*(1<<fixed) + math.Copysign(0.5, w))
		}
		from, weights = append(from, t.from), append(weights, whole)
	}
	return from, weights
}

// resize returns p with w x h pixels, to the bit as PIL does it: first along
// the rows, then along the columns, with 8 bits between.
func (p Picture) resize(w, h int, k kernel) Picture {
	if w != p.W {
		out := Picture{W: w, H: p.H, C: p.C, Pix: make([]uint8, w*p.H*p.C)}
		from, weights := k.fixedTaps(p.W, w)
		for y := range p.H {
			for x := range w {
				for c := range p.C {
					out.Pix[(y*w+x)*p.C+c] = mix(p.Pix[(y*p.W+from[x])*p.C+c:], p.C, weights[x])
				}
			}
		}
		p = out
	}
	if h != p.H {
		out := Picture{W: p.W, H: h, C: p.C, Pix: make([]uint8, p.W*h*p.C)}
		from, weights := k.fixedTaps(p.H, h)
		stride := p.W * p.C
		for y := range h {
			for x := range stride {
				out.Pix[y*stride+x] = mix(p.Pix[from[y]*stride+x:], stride, weights[y])
			}
		}
		p = out
	}
	return p
}

// mix is the weighted mean of pixels that lie stride apart.
func mix(pix []uint8, stride int, weights []int32) uint8 {
	sum := int32(1) << (fixed - 1)
	for i, w := range weights {
		sum += int32(pix[i*stride]) * w
	}
	return uint8(min(max(sum>>fixed, 0), 255))
}
