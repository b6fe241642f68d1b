package tracker

import (
	"math"
	"slices"
)

// histogramBins is how many bins of equal width a histogram has.
const histogramBins = 60

// binned counts the finite ones of values in bins between edges, of which there is one
// more; both are nil where there are none.
func binned(values []float64) (counts, edges []float64) {
	values = finite(values)
	if len(values) == 0 {
		return nil, nil
	}
	low, high := slices.Min(values), slices.Max(values)
	width := high/histogramBins - low/histogramBins
	if width == 0 { // one value, which is put in the middle
		low, width = low-0.5, 1.0/histogramBins
	}
	counts, edges = make([]float64, histogramBins), make([]float64, histogramBins+1)
	for i := range edges {
		edges[i] = low + float64(i)*width
	}
	edges[histogramBins] = max(high, edges[histogramBins])
	for _, v := range values {
		counts[int(min(max(v/width-low/width, 0), histogramBins-1))]++
	}
	return counts, edges
}

func finite(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}
