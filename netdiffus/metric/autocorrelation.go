package metric

import "math"

// Autocorrelation returns Pearson's correlation of the values that stand lag
// places apart in one series, over all series together:
//
//	r = Σ (aᵢ−ā)(bᵢ−b̄) / √(Σ (aᵢ−ā)² Σ (bᵢ−b̄)²),
//
// (aᵢ,bᵢ) being every pair (s[j], s[j+lag]). It is in [−1,1], and NaN where
// there is no pair or one side does not vary.
func Autocorrelation(series [][]float64, lag int) float64 {
	if lag < 0 {
		return math.NaN()
	}
	var n, meanA, meanB, aa, bb, ab float64
	for _, s := range series {
		for j := 0; j+lag < len(s); j++ {
			// Welford's update: no sum of squares of large numbers to cancel.
			n++
			a, b := s[j]-meanA, s[j+lag]-meanB
			meanA += a / n
			meanB += b / n
			aa += a * (s[j] - meanA)
			bb += b * (s[j+lag] - meanB)
			ab += a * (s[j+lag] - meanB)
		}
	}
	if !(aa > 0 && bb > 0) {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}
