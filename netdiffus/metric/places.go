package metric

// OverPlaces returns the mean over the columns of x [n,d] and y [m,d] of a distance
// between samples: of the first values of all rows, of the second values, and so on.
// Columns where the distance does not exist are left out; NaN where it exists in none.
func OverPlaces(d Distance, x, y [][]float64) float64 {
	if len(x) == 0 || len(y) == 0 {
		return d(nil, nil)
	}
	sum, n := 0.0, 0.0
	for j := range x[0] {
		if v := d(column(x, j), column(y, j)); v == v {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

func column(rows [][]float64, j int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = r[j]
	}
	return out
}

// Runs returns the lengths of the runs of zeros in all series, in order. A run that
// reaches an end of its series counts as it stands.
func Runs(series [][]float64) []float64 {
	var out []float64
	for _, s := range series {
		n := 0.0
		for _, v := range s {
			switch {
			case v == 0:
				n++
			case n > 0:
				out, n = append(out, n), 0
			}
		}
		if n > 0 {
			out = append(out, n)
		}
	}
	return out
}
