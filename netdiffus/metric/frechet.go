package metric

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// moments returns the mean of the rows of x [n,d] and their covariance [d,d]
// with divisor n−1, as numpy.cov. It needs at least two rows.
func moments(x [][]float64) (mean []float64, cov *mat.SymDense) {
	m := matrix(x)
	rows, cols := m.Dims()
	mean = make([]float64, cols)
	for j := range mean {
		mean[j] = sum(mat.Col(nil, j, m)) / float64(rows)
	}
	cov = mat.NewSymDense(cols, nil)
	stat.CovarianceMatrix(cov, m, nil)
	return mean, cov
}

// Frechet returns the squared Fréchet distance of two sets of feature vectors,
// x [n,d] and y [m,d], each taken as a Gaussian:
// |μx−μy|² + tr(Σx + Σy − 2(Σx Σy)^½) (Dowson and Landau 1982; over Inception
// features this is the FID of Heusel et al. 2017). NaN for fewer than two rows.
//
// The trace of the root is taken from the symmetric matrix Σx^½ Σy Σx^½, which
// has the same eigenvalues and stays real where either covariance is singular.
func Frechet(x, y [][]float64) float64 {
	if len(x) < 2 || len(y) < 2 {
		return math.NaN()
	}
	mx, cx := moments(x)
	my, cy := moments(y)
	d := mat.Trace(cx) + mat.Trace(cy)
	for i := range mx {
		d += (mx[i] - my[i]) * (mx[i] - my[i])
	}
	root, ok := squareRoot(cx)
	if !ok {
		return math.NaN()
	}
	var half, full mat.Dense
	half.Mul(root, cy)
	full.Mul(&half, root)
	n := len(mx)
	inner := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			inner.SetSym(i, j, (full.At(i, j)+full.At(j, i))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(inner, false) {
		return math.NaN()
	}
	for _, v := range eigen.Values(nil) {
		d -= 2 * math.Sqrt(max(v, 0)) // a zero comes out as ±1e-17
	}
	return max(d, 0)
}

// squareRoot returns the symmetric square root of a positive semidefinite matrix.
func squareRoot(s *mat.SymDense) (root *mat.Dense, ok bool) {
	var eigen mat.EigenSym
	if !eigen.Factorize(s, true) {
		return nil, false
	}
	var vectors, scaled mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	scaled.Apply(func(_, j int, v float64) float64 { return v * math.Sqrt(max(values[j], 0)) }, &vectors)
	root = new(mat.Dense)
	root.Mul(&scaled, vectors.T())
	return root, true
}

// matrix copies rows of one length into a matrix. It panics on a ragged x: a
// mistake in the caller, not in the data.
func matrix(x [][]float64) *mat.Dense {
	m := mat.NewDense(len(x), len(x[0]), nil)
	for i, row := range x {
		if len(row) != len(x[0]) {
			panic(fmt.Sprintf("metric: row %d has %d features, row 0 has %d", i, len(row), len(x[0])))
		}
		m.SetRow(i, row)
	}
	return m
}
