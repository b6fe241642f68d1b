package metric

import (
	"encoding/binary"
	"math"
)

// Closest returns, for each row of x, the distance to the closest record: the
// least mean of |xⱼ − rⱼ| over the columns, to any row of reference. It is 0
// for a copy, and +Inf where there is no reference. All rows are of one width.
// It takes O(n·m·d) steps, fewer where rows are far apart.
func Closest(x, reference [][]float64) []float64 {
	out := make([]float64, len(x))
	for i, row := range x {
		least := math.Inf(1)
		for _, r := range reference {
			d := 0.0
			for j, v := range row {
				if d += math.Abs(v - r[j]); d >= least {
					break
				}
			}
			if least = min(least, d); least == 0 {
				break
			}
		}
		out[i] = least / float64(max(1, len(row)))
	}
	return out
}

// ClosestTwo returns, for each row of x, the distances to the closest record of reference
// and to the second closest, as [Closest] has them. A copy of one record is much nearer
// to that one than to the next; a row of its own is about as far from both, wherever it
// lies. +Inf where there are fewer than two.
func ClosestTwo(x, reference [][]float64) [][2]float64 {
	out := make([][2]float64, len(x))
	for i, row := range x {
		first, second := math.Inf(1), math.Inf(1)
		for _, r := range reference {
			d := distanceWithin(row, r, second)
			first, second = min(first, d), min(second, max(first, d))
		}
		width := float64(max(1, len(row)))
		out[i] = [2]float64{first / width, second / width}
	}
	return out
}

// NearBytes is how near to a training flow counts as a near duplicate: the mean
// difference of the signed lengths, bytes a place.
const NearBytes = 8

// Copies reports for each row of x whether an equal row is in reference.
func Copies(x, reference [][]float64) []bool {
	known := make(map[string]bool, len(reference))
	for _, r := range reference {
		known[rowKey(r)] = true
	}
	out := make([]bool, len(x))
	for i, row := range x {
		out[i] = known[rowKey(row)]
	}
	return out
}

// Unique reports for each row of x whether no other row of x, and
// none of others, is equal to it.
func Unique(x, others [][]float64) []bool {
	times := map[string]int{}
	for _, rows := range [][][]float64{x, others} {
		for _, r := range rows {
			times[rowKey(r)]++
		}
	}
	out := make([]bool, len(x))
	for i, row := range x {
		out[i] = times[rowKey(row)] == 1
	}
	return out
}

// Share returns the share of true among the tests, in [0,1]; NaN of none.
func Share(tests []bool) float64 { return float64(Number(tests)) / float64(len(tests)) }

// Number returns how many of the tests are true.
func Number(tests []bool) (n int) {
	for _, t := range tests {
		if t {
			n++
		}
	}
	return n
}

// Seen returns the share of x's values that occur in reference; NaN for no
// values.
func Seen(x, reference []float64) float64 {
	known := Tally(reference)
	n := 0
	for _, v := range x {
		if known[v] > 0 {
			n++
		}
	}
	return float64(n) / float64(len(x))
}

// Closer returns the share of rows that lie nearer to a than to b, given each
// row's distance to both; ties count one half. Where a and b are equally many
// samples of one distribution, a row independent of both is as likely nearer to
// one as to the other: 0.5.
func Closer(toA, toB []float64) float64 {
	s := 0.0
	for i, a := range toA {
		switch {
		case a < toB[i]:
			s++
		case a == toB[i]:
			s += 0.5
		}
	}
	return s / float64(len(toA))
}

func rowKey(row []float64) string {
	b := make([]byte, 0, 8*len(row))
	for _, v := range row {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v+0)) // +0 turns -0 into 0
	}
	return string(b)
}
