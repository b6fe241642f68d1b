package copula

import "math"

// This file has how the scores of a variant depend on its silence: score = shift of the states +
// a Gaussian's. Places keep the variant's mean and variance.

const (
	// ownShift is how many values of shift 0 stand beside those that a shift is the mean of.
	ownShift = 20.0
	// shiftRounds is how often each chain's shifts are taken from what the others leave.
	shiftRounds = 6
	// leastOwn is the least share of the variance that the states leave to the Gaussian.
	leastOwn = 0.1
)

// effects are what the shifts of a variant's chains come to at every place: the mean, less the
// variant's own, which is taken from them, and the standard deviation of what is left to the
// Gaussian.
func (m *Copula) effects(of *variant) (centre, own []float64) {
	centre, own = make([]float64, m.size()), make([]float64, m.size())
	for i := range own {
		own[i] = of.varianceAt(i)
		centre[i] = -of.meanAt(i)
	}
	for _, k := range of.silence {
		if k.shifts == nil {
			continue
		}
		n := k.states
		pairs, now := make([]float64, n*n), k.start // the probabilities of two states in turn
		for j := range m.places {
			next := make([]float64, n)
			for s := range n {
				for to := range n {
					p := 0.0
					if j > 0 {
						p = now[s] * k.steps[j-1][s*n+to]
					} else if s == to {
						p = now[s]
					}
					pairs[s*n+to] = p
					next[to] += p
				}
			}
			now = next
			for c := range m.codecs {
				bit, silent := k.has(c)
				var sum, mean, squares float64
				for at, p := range pairs {
					if !silent || at%n&(1<<bit) == 0 {
						v := k.shifts[c][at]
						sum, mean, squares = sum+p, mean+p*v, squares+p*v*v
					}
				}
				if sum > 0 {
					mean /= sum
					centre[c*m.places+j] += mean
					own[c*m.places+j] -= squares/sum - mean*mean
				}
			}
		}
	}
	for i, v := range own {
		own[i] = math.Sqrt(max(v, leastOwn*of.varianceAt(i)))
	}
	return centre, own
}

// shiftsOf writes into shift what the silence of a series shifts each score by.
func (m *Copula) shiftsOf(chains []chain, centre []float64, silent []bool, shift []float64) {
	for i, v := range centre {
		shift[i] = -v
	}
	for _, k := range chains {
		if k.shifts == nil {
			continue
		}
		before := k.state(silent, m.places, 0)
		for j := range m.places {
			s := k.state(silent, m.places, j)
			for c := range m.codecs {
				shift[c*m.places+j] += k.shift(c, before, s)
			}
			before = s
		}
	}
}

// estimateShifts estimates the shifts of a variant's chains from its traces, and leaves in
// these what neither mean nor shifts explain, in units of what is left to the Gaussian.
func (m *Copula) estimateShifts(of *variant, traces []scored) {
	chains := of.silence
	for i := range chains {
		k := &chains[i]
		k.shifts = make([][]float64, len(m.codecs))
		for c := range k.shifts {
			k.shifts[c] = make([]float64, k.states*k.states)
		}
	}
	shift := make([]float64, m.size())
	for range shiftRounds {
		for i := range chains {
			k := &chains[i]
			centre, _ := m.effects(of)
			sums, counts := make([][]float64, len(m.codecs)), make([][]float64, len(m.codecs))
			for c := range sums {
				sums[c], counts[c] = make([]float64, k.states*k.states), make([]float64, k.states*k.states)
			}
			for _, trace := range traces {
				m.shiftsOf(chains, centre, trace.silent, shift)
				before := k.state(trace.silent, m.places, 0)
				for j := range m.places {
					s := k.state(trace.silent, m.places, j)
					for c := range m.codecs {
						if at := c*m.places + j; !trace.silent[at] {
							sums[c][before*k.states+s] += trace.z[at] - shift[at] + k.shift(c, before, s)
							counts[c][before*k.states+s]++
						}
					}
					before = s
				}
			}
			for c := range sums {
				for at, n := range counts[c] {
					k.shifts[c][at] = sums[c][at] / (n + ownShift)
				}
			}
		}
	}
	centre, own := m.effects(of)
	for _, trace := range traces {
		m.shiftsOf(chains, centre, trace.silent, shift)
		for i := range trace.z {
			if !trace.silent[i] {
				trace.z[i] = (trace.z[i] - shift[i]) / own[i]
			}
		}
	}
}
