package metric

import "math"

// Covered reports for each row of reference whether a row of x lies in its
// neighbourhood, the ball that reaches to the k-th nearest other row of reference. The
// share of true is the coverage of Naeem et al. (2020). The distance is the sum of
// |xⱼ − rⱼ| over the columns. A row that has fewer than k others is covered by any row.
// It takes O((n+m)·n·d) steps, fewer where rows are far apart.
func Covered(reference, x [][]float64, k int) []bool {
	out := make([]bool, len(reference))
	for i, row := range reference {
		radius := kthNearest(reference, i, k)
		for _, other := range x {
			if distanceWithin(row, other, radius) <= radius {
				out[i] = true
				break
			}
		}
	}
	return out
}

// kthNearest is the distance of row i to the k-th nearest other one; +Inf where there
// are fewer.
func kthNearest(rows [][]float64, i, k int) float64 {
	nearest := make([]float64, k) // rising
	for j := range nearest {
		nearest[j] = math.Inf(1)
	}
	for j, other := range rows {
		if j == i {
			continue
		}
		d := distanceWithin(rows[i], other, nearest[k-1])
		at := k
		for at > 0 && d < nearest[at-1] {
			at--
		}
		if at < k {
			copy(nearest[at+1:], nearest[at:k-1])
			nearest[at] = d
		}
	}
	return nearest[k-1]
}

// distanceWithin is the sum of |aⱼ − bⱼ|, or a part of it that is above most.
func distanceWithin(a, b []float64, most float64) float64 {
	d := 0.0
	for j, v := range a {
		if d += math.Abs(v - b[j]); d > most {
			break
		}
	}
	return d
}
