package metric

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Tally counts how often each key occurs. Together with [Align] it turns
// values without bins, such as flow lengths or pairs of packets, into
// histograms.
func Tally[K comparable](keys []K) map[K]float64 {
	counts := make(map[K]float64)
	for _, k := range keys {
		counts[k]++
	}
	return counts
}

// Align returns two tallies as histograms over the keys of either, in rising
// order: sums over them then come out the same, to the last bit, every time.
func Align[K cmp.Ordered](a, b map[K]float64) (p, q []float64) {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		p, q = append(p, a[k]), append(q, b[k])
	}
	return p, q
}

// NGram returns the Jensen-Shannon divergence, in bits, of the n-grams of two
// sets of series: runs of n values, as they stand (signed payload lengths, in
// bytes, say). With n = 1 it compares which values occur, with n = 2 which
// value follows which, which a histogram does not show. Series shorter than n are
// ignored; NaN when none is long enough or n < 1.
func NGram(n int, x, y [][]float64) float64 {
	if n < 1 {
		return math.NaN()
	}
	return JensenShannon(Align(Tally(grams(n, x)), Tally(grams(n, y))))
}

// Lengths returns the total variation distance of the lengths of two sets of
// series, in [0,1].
func Lengths(x, y [][]float64) float64 {
	return TotalVariation(Align(Tally(lengths(x)), Tally(lengths(y))))
}

// grams lists every run of n values as a key: its bits, 8 bytes a value.
func grams(n int, series [][]float64) []string {
	var keys []string
	for _, s := range series {
		for i := 0; i+n <= len(s); i++ {
			keys = append(keys, rowKey(s[i:i+n]))
		}
	}
	return keys
}

func lengths(series [][]float64) []int {
	n := make([]int, len(series))
	for i, s := range series {
		n[i] = len(s)
	}
	return n
}
