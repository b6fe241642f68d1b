package copula

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

const (
	// fewPairs is the number of pairs of values at which a correlation is taken to be
	// half of the measured one. It matters where channels are silent, so that few pairs
	// are seen; else there are as many as traces.
	fewPairs = 5
	// classTraces is how many traces of a variant weigh as much as the class in its correlation.
	classTraces = 50
	// mostTraces is how many traces of a class correlations are taken from, spread evenly.
	mostTraces = 2048
	// leastEigenvalue keeps a correlation that is put together from pairs a correlation.
	leastEigenvalue = 0.02
)

// gaussian is the distribution of the normal scores of a variant, but for their
// shifts by silence.
type gaussian struct {
	correlation *mat.SymDense
	covariance  *mat.SymDense // of own: the correlation, where nothing is shifted or scaled
	root        *mat.TriDense // lower, root·rootᵀ = covariance
	centre, own []float64     // of the shifts: see effects

	// The scores times the slope of their channel's codec, which is what images show:
	// eigenvectors and eigenvalues of their covariance.
	vectors *mat.Dense
	values  []float64
}

// moments are sums over pairs of values that are not silent.
type moments struct {
	products []float64 // [size,size]
	squares  []float64 // of the first of a pair
	pairs    []float64
}

func newMoments(size int) moments {
	return moments{make([]float64, size*size), make([]float64, size*size), make([]float64, size*size)}
}

func (m moments) add(s scored) {
	n := len(s.z)
	for i, a := range s.z {
		if s.silent[i] {
			continue
		}
		for j, b := range s.z {
			if !s.silent[j] {
				m.products[i*n+j] += a * b
				m.squares[i*n+j] += a * a
				m.pairs[i*n+j]++
			}
		}
	}
}

func (m moments) addAll(o moments) {
	for i := range m.pairs {
		m.products[i] += o.products[i]
		m.squares[i] += o.squares[i]
		m.pairs[i] += o.pairs[i]
	}
}

// correlation is that of places i and j of n, 0 where nothing is known of it.
func (m moments) correlation(n, i, j int) float64 {
	if i == j {
		return 1
	}
	at := i*n + j
	scale := math.Sqrt(m.squares[at] * m.squares[j*n+i])
	if !(scale > 0) {
		return 0
	}
	r := m.products[at] / scale
	if m.pairs[at] < 10*fewPairs {
		r *= m.pairs[at] / (m.pairs[at] + fewPairs)
	}
	return r
}

// correlations estimates the variants' Gaussians from the scores of their traces, of which
// chains has left what the variant does not explain. A variant of classTraces traces counts as
// much as its class does in its correlation, one of more counts more.
func (m *Copula) correlations(members [][]scored, s Settings) {
	n := m.size()
	variants, classes, all := make([]moments, len(m.variants)), make([]moments, len(m.classes)), newMoments(n)
	for c := range classes {
		classes[c] = newMoments(n)
		for k := m.first[c]; k < m.first[c+1]; k++ {
			traces := members[k]
			variants[k] = newMoments(n)
			for i := range min(len(traces), mostTraces) {
				variants[k].add(traces[i*len(traces)/min(len(traces), mostTraces)])
			}
			classes[c].addAll(variants[k])
		}
		all.addAll(classes[c])
	}
	for c := range classes {
		for k := m.first[c]; k < m.first[c+1]; k++ {
			share := float64(len(members[k])) / float64(len(members[k])+classTraces)
			correlation := mat.NewSymDense(n, nil)
			for i := range n {
				correlation.SetSym(i, i, 1)
				for j := range i {
					own := classes[c].correlation(n, i, j)
					if m.first[c+1] > m.first[c]+1 {
						own = share*variants[k].correlation(n, i, j) + (1-share)*own
					}
					correlation.SetSym(i, j, s.Class*own+s.Pooled*all.correlation(n, i, j))
				}
			}
			m.variants[k].gaussian = m.newGaussian(correlation, &m.variants[k])
		}
	}
}

// newGaussian makes a correlation of what may not quite be one, and what is computed
// from it and the variant's chains.
func (m *Copula) newGaussian(correlation *mat.SymDense, k *variant) *gaussian {
	n := m.size()
	g := &gaussian{correlation: correlation, root: mat.NewTriDense(n, mat.Lower, nil)}
	var cholesky mat.Cholesky
	less := mat.NewSymDense(n, nil)
	less.CopySym(correlation)
	for i := range n {
		less.SetSym(i, i, 1-leastEigenvalue)
	}
	if !cholesky.Factorize(less) {
		g.correlation = lifted(correlation)
	}
	g.centre, g.own = m.effects(k)
	g.covariance = mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			g.covariance.SetSym(i, j, g.own[i]*g.own[j]*g.correlation.At(i, j))
		}
	}
	if !cholesky.Factorize(g.covariance) {
		panic("copula: a correlation with eigenvalues above 0 has no root") // lifted has them
	}
	cholesky.LTo(g.root)

	shown := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			shown.SetSym(i, j, m.slope(i)*m.slope(j)*g.covariance.At(i, j))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(shown, true) {
		panic("copula: the eigenvalues of a correlation do not converge") // of finite numbers they do
	}
	g.values, g.vectors = eigen.Values(nil), mat.NewDense(n, n, nil)
	eigen.VectorsTo(g.vectors)
	return g
}

// slope is that of the diagonal over the score at index i.
func (m *Copula) slope(i int) float64 {
	_, slope := m.codecs[i/m.places].Line()
	return slope
}

// offset is the diagonal at score 0 at index i.
func (m *Copula) offset(i int) float64 {
	offset, _ := m.codecs[i/m.places].Line()
	return offset
}

// lifted returns the correlation with no eigenvalue below leastEigenvalue.
func lifted(correlation *mat.SymDense) *mat.SymDense {
	n := correlation.SymmetricDim()
	var eigen mat.EigenSym
	if !eigen.Factorize(correlation, true) {
		panic("copula: the eigenvalues of a symmetric matrix do not converge")
	}
	values := eigen.Values(nil)
	var vectors, scaled, product mat.Dense
	eigen.VectorsTo(&vectors)
	scaled.CloneFrom(&vectors)
	for k, v := range values {
		v = max(v, 2*leastEigenvalue)
		for i := range n {
			scaled.Set(i, k, scaled.At(i, k)*v)
		}
	}
	product.Mul(&scaled, vectors.T())
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			r := product.At(i, j) / math.Sqrt(product.At(i, i)*product.At(j, j))
			if i == j {
				r = 1
			}
			out.SetSym(i, j, r)
		}
	}
	return out
}
