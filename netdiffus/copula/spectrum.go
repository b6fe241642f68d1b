package copula

// Numbers are what a class's posterior is computed from, for those who compute it
// elsewhere. The index of a value is channel·places + place.
type Numbers struct {
	// Vectors and Values are the eigenvectors, [i·n + k] of eigenvector k, and the
	// eigenvalues of the covariance of what the diagonal shows of the scores: the scores
	// times the slope of their channel's codec.
	Vectors, Values []float64
	Silence         []ChainTables
}

// Numbers returns those of a class.
func (m *Copula) Numbers(class int) Numbers {
	n := m.size()
	g := m.gaussian[class]
	out := Numbers{Values: g.values}
	for i := range n {
		for k := range n {
			out.Vectors = append(out.Vectors, g.vectors.At(i, k))
		}
	}
	for _, k := range m.silence[class] {
		out.Silence = append(out.Silence, ChainTables{k.channels, k.start, k.steps})
	}
	return out
}
