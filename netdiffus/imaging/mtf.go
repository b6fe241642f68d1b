package imaging

import "slices"

// MTF is the Markov transition field (Wang & Oates 2015): values are put into
// bins of equal counts, and pixel (i, j) is the share of steps out of the bin
// of x_i that lead into the bin of x_j, in [0,1].
//
// It does not implement Inverter: any series with the same order of bins gives the same
// image.
type MTF struct {
	Bins int `json:"bins,omitempty"` // 0 means 5; at most the number of values
}

// Name returns "mtf".
func (MTF) Name() string { return "mtf" }

// Size returns n: one row and one column a value.
func (MTF) Size(n int) int { return n }

// Encode writes the field of x into dst, [n,n].
func (m MTF) Encode(x, dst []float64) {
	n := checkSquare("MTF.Encode", len(x), len(dst))
	bin, bins := m.bins(x)
	steps := make([]float64, bins*bins) // [from,to], then each row's shares
	for i := 1; i < n; i++ {
		steps[bin[i-1]*bins+bin[i]]++
	}
	for from := range bins {
		row := steps[from*bins : (from+1)*bins]
		total := 0.0
		for _, count := range row {
			total += count
		}
		for to := range row {
			row[to] /= max(total, 1) // a bin that nothing leaves: all 0
		}
	}
	for i := range n {
		for j := range n {
			dst[i*n+j] = steps[bin[i]*bins+bin[j]]
		}
	}
}

// bins returns the bin of every value, and their number. The edges are the
// inner quantiles (linear between order statistics, as NumPy's percentile);
// equal edges are one, and a value on an edge belongs to the bin below it.
func (m MTF) bins(x []float64) ([]int, int) {
	count := m.Bins
	if count <= 0 {
		count = 5
	}
	count = max(min(count, len(x)), 1)
	sorted := slices.Sorted(slices.Values(x))
	var edges []float64
	for k := 1; k < count; k++ {
		edges = append(edges, quantile(sorted, float64(k)/float64(count)))
	}
	edges = slices.Compact(edges)
	bin := make([]int, len(x))
	for i, v := range x {
		bin[i], _ = slices.BinarySearch(edges, v)
	}
	return bin, len(edges) + 1
}

// quantile of sorted values, 0 < q < 1, linear between the two nearest.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
