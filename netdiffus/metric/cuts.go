package metric

import "slices"

// Cuts are rising numbers that divide the real line into len+1 cells.
type Cuts []float64

// QuantileCuts returns the cuts that divide x into n cells of about equal counts:
// the values at the ranks i·len(x)/n, i = 1 … n−1, each once. A value that fills
// more than one cell's share leaves fewer cells.
func QuantileCuts(n int, x []float64) Cuts {
	if n < 1 || len(x) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(x))
	cuts := make(Cuts, 0, n-1)
	for i := 1; i < n; i++ {
		cuts = append(cuts, sorted[i*len(sorted)/n])
	}
	return slices.Compact(cuts)
}

// Cell returns the number of the cell that v lies in, from 0; a cut belongs to
// the cell above it.
func (c Cuts) Cell(v float64) int {
	i, found := slices.BinarySearch(c, v)
	if found {
		i++
	}
	return i
}
