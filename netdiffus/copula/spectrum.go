package copula

// Numbers are what the posterior of a variant is computed from, for those who compute it
// elsewhere. The index of a value is channel·places + place.
type Numbers struct {
	// Vectors and Values are the eigenvectors, [i·n + k] of eigenvector k, and the
	// eigenvalues of the covariance of what the diagonal shows of the scores but for their
	// shifts: these scores times the slope of their channel's codec.
	Vectors, Values []float64
	// Centre is what is taken from the shifts, and Own the standard deviation of the rest
	// of a score; 0 and 1 where a class has one variant of traces and nothing is silent.
	Centre, Own []float64
	Silence     []ChainTables
}

// Numbers returns those of a variant.
func (m *Copula) Numbers(variant int) Numbers {
	n := m.size()
	g := m.variants[variant].gaussian
	out := Numbers{Values: g.values, Centre: g.centre, Own: g.own}
	for i := range n {
		for k := range n {
			out.Vectors = append(out.Vectors, g.vectors.At(i, k))
		}
	}
	for _, k := range m.variants[variant].silence {
		out.Silence = append(out.Silence, k.tables())
	}
	return out
}
