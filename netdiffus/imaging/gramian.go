package imaging

import (
	"fmt"
	"math"
)

// GASF is the Gramian angular summation field (Wang & Oates 2015): with
// φ = acos x, pixel (i, j) is cos(φi + φj), in [−1,1].
//
// On [0,1] it is invertible: the diagonal is cos 2φ = 2x²−1, and x ≥ 0 picks
// the root. (On [−1,1] it is not: x and −x share a diagonal.) The diagonal is
// flat at x = 0, so rounding weighs most there: a float64 image gives x back
// to 1e−8 or better, a float32 image to 2.5e−4, and float32 images of
// x ≥ 0.1 to 1e−7 (which is what codec.MinMax.Low is for).
type GASF struct{}

// Name returns "gasf".
func (GASF) Name() string { return "gasf" }

// Size returns n: one row and one column a value.
func (GASF) Size(n int) int { return n }

// Encode writes cos(acos xi + acos xj) into dst, [n,n]. Values outside [0,1]
// are taken as the nearer end.
func (GASF) Encode(x, dst []float64) {
	n := checkSquare("GASF.Encode", len(x), len(dst))
	phi := angles(x)
	for i := range n {
		for j := i; j < n; j++ {
			c := math.Cos(phi[i] + phi[j])
			dst[i*n+j] = c
			dst[j*n+i] = c
		}
	}
}

// Decode writes x = sqrt((d+1)/2) of the diagonal d into x. A diagonal value
// outside [−1,1], as samplers draw them, is taken as the nearer end, and NaN
// as −1 (x = 0). Pixels off the diagonal are not read; see Consistency.
func (GASF) Decode(img, x []float64) {
	n := checkSquare("GASF.Decode", len(x), len(img))
	for i := range x {
		x[i] = root(img[i*n+i])
	}
}

// Consistency returns how far img, an n x n GASF, is from the image of any
// series: the mean over the pixels off the diagonal of |pixel − what the
// diagonal implies|. It is 0 (to rounding) for encoded series; the published
// NetDiffus samples have 0.0135 to 0.0412. A 1 x 1 image gives 0.
func (GASF) Consistency(img []float64, n int) float64 {
	checkSquare("GASF.Consistency", n, len(img))
	if n < 2 {
		return 0
	}
	x := make([]float64, n)
	GASF{}.Decode(img, x)
	phi := angles(x)
	sum := 0.0
	for i := range n {
		for j := range n {
			if i != j {
				sum += math.Abs(img[i*n+j] - math.Cos(phi[i]+phi[j]))
			}
		}
	}
	return sum / float64(n*(n-1))
}

// MeanConsistency is the mean of Consistency over all images and their channels;
// NaN where there is none.
func (GASF) MeanConsistency(m Images) float64 {
	sum := 0.0
	for c := range m.C {
		plane := m.Plane(c)
		for i := range plane.N {
			sum += GASF{}.Consistency(plane.At(i), m.H)
		}
	}
	return sum / float64(m.N*m.C)
}

// GADF is the Gramian angular difference field (Wang & Oates 2015): pixel
// (i, j) is sin(φi − φj), antisymmetric, in [−1,1].
//
// It does not implement Inverter: its diagonal is 0 whatever the series, and it
// holds only the differences of the angles, so that all series whose angles differ by a
// constant share one image.
type GADF struct{}

// Name returns "gadf".
func (GADF) Name() string { return "gadf" }

// Size returns n: one row and one column a value.
func (GADF) Size(n int) int { return n }

// Encode writes sin(acos xi − acos xj) into dst, [n,n]. Values outside [0,1]
// are taken as the nearer end.
func (GADF) Encode(x, dst []float64) {
	n := checkSquare("GADF.Encode", len(x), len(dst))
	phi := angles(x)
	for i := range n {
		dst[i*n+i] = 0
		for j := i + 1; j < n; j++ {
			s := math.Sin(phi[i] - phi[j])
			dst[i*n+j] = s
			dst[j*n+i] = -s
		}
	}
}

// angles returns acos x for every x, clipped to [0,1].
func angles(x []float64) []float64 {
	phi := make([]float64, len(x))
	for i, v := range x {
		phi[i] = math.Acos(min(max(v, 0), 1))
	}
	return phi
}

// root is the x in [0,1] of a diagonal value d = 2x²−1.
func root(d float64) float64 {
	if !(d > -1) { // NaN too
		return 0
	}
	return math.Sqrt((min(d, 1) + 1) / 2)
}

// checkSquare returns n, the length of a series whose image has pixels pixels.
func checkSquare(what string, n, pixels int) int {
	if pixels != n*n {
		panic(sizeError(what, pixels, n*n))
	}
	return n
}

func sizeError(what string, got, want int) string {
	return fmt.Sprintf("imaging: %s: image of %d values, want %d", what, got, want)
}
