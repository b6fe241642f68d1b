package imaging

import "math"

// Recurrence is the recurrence plot (Eckmann et al. 1987): pixel (i, j) shows
// how near x_i and x_j are.
//
// It does not implement Inverter: it holds distances only, so a series, its mirror image
// and any shift of it share one image.
type Recurrence struct {
	// Eps is the distance up to which two values recur: the pixel is 1 there,
	// else 0. 0 means the unthresholded plot, whose pixel is the distance
	// itself, in [0,1].
	Eps float64 `json:"eps,omitempty"`
}

// Name returns "recurrence".
func (Recurrence) Name() string { return "recurrence" }

// Size returns n: one row and one column a value.
func (Recurrence) Size(n int) int { return n }

// Encode writes the plot of x into dst, [n,n].
func (r Recurrence) Encode(x, dst []float64) {
	n := checkSquare("Recurrence.Encode", len(x), len(dst))
	for i := range n {
		for j := range n {
			d := math.Abs(x[i] - x[j])
			if r.Eps > 0 {
				if d <= r.Eps {
					d = 1
				} else {
					d = 0
				}
			}
			dst[i*n+j] = d
		}
	}
}
