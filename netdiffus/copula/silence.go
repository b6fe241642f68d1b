package copula

import (
	"math"
	"math/rand/v2"
)

const (
	// together is the largest number of silent channels that have one chain: of 2 states
	// to that power. More channels have a chain each.
	together = 3
	// ownSteps is the weight, in traces, of the class's mean step beside those seen at
	// a place, and leastSteps what a step never seen counts as in that mean.
	ownSteps   = 4.0
	leastSteps = 0.5
)

// chain says which of its channels are silent where. State s at a place means that
// channel channels[i] is silent where bit i of s is set.
type chain struct {
	channels []int
	states   int
	start    []float64   // [states]
	steps    [][]float64 // by place from the second, [states,states] of the state before and this one
}

// chains estimates a class's chains from its traces.
func (m *Copula) chains(traces []scored) []chain {
	var silent []int
	for c, q := range m.codecs {
		if q.Silent {
			silent = append(silent, c)
		}
	}
	var groups [][]int
	if len(silent) > together {
		for _, c := range silent {
			groups = append(groups, []int{c})
		}
	} else if len(silent) > 0 {
		groups = [][]int{silent}
	}
	var out []chain
	for _, group := range groups {
		k := chain{channels: group, states: 1 << len(group)}
		k.estimate(traces, m.places)
		out = append(out, k)
	}
	return out
}

// state is that of a trace at place j.
func (k chain) state(s scored, places, j int) (state int) {
	for bit, c := range k.channels {
		if s.silent[c*places+j] {
			state |= 1 << bit
		}
	}
	return state
}

func (k *chain) estimate(traces []scored, places int) {
	n := k.states
	k.start = make([]float64, n)
	mean, shares := make([]float64, n*n), make([]float64, n)
	k.steps = make([][]float64, places-1)
	for j := range k.steps {
		k.steps[j] = make([]float64, n*n)
	}
	for _, trace := range traces {
		before := k.state(trace, places, 0)
		k.start[before]++
		shares[before]++
		for j := 1; j < places; j++ {
			s := k.state(trace, places, j)
			k.steps[j-1][before*n+s]++
			mean[before*n+s]++
			shares[s]++
			before = s
		}
	}
	add(shares, leastSteps)
	scaleTo(shares, 1)
	for s := range n {
		row := mean[s*n:][:n]
		add(row, leastSteps)
		scaleTo(row, ownSteps)
		for _, step := range k.steps {
			for to := range n {
				step[s*n+to] += row[to]
			}
			scaleTo(step[s*n:][:n], 1)
		}
	}
	for s := range n {
		k.start[s] += shares[s]
	}
	scaleTo(k.start, 1)
}

func add(row []float64, v float64) {
	for i := range row {
		row[i] += v
	}
}

func scaleTo(row []float64, total float64) {
	sum := 0.0
	for _, v := range row {
		sum += v
	}
	for i := range row {
		row[i] *= total / sum
	}
}

// draw draws the states of all places given the likelihood of each channel being
// silent or not at each place, as log ratios [channel][place] of silent over not; nil is
// none. It sets silent.
func (k chain) draw(r *rand.Rand, ratio [][]float64, places int, silent []bool) {
	n := k.states
	evidence := func(j int) []float64 { // relative to the best state's
		e := make([]float64, n)
		best := math.Inf(-1)
		for s := range e {
			if ratio != nil {
				for bit, c := range k.channels {
					if s&(1<<bit) != 0 {
						e[s] += ratio[c][j]
					}
				}
			}
			best = max(best, e[s])
		}
		for s := range e {
			e[s] = math.Exp(e[s] - best)
		}
		return e
	}
	// ahead[j][s] is in proportion to P(evidence from j on | state s at j).
	ahead := make([][]float64, places)
	for j := places - 1; j >= 0; j-- {
		ahead[j] = evidence(j)
		if j+1 < places {
			for s := range n {
				sum := 0.0
				for to, p := range k.steps[j][s*n:][:n] {
					sum += p * ahead[j+1][to]
				}
				ahead[j][s] *= sum
			}
		}
		scaleTo(ahead[j], 1)
	}
	before := 0
	weights := make([]float64, n)
	for j := range places {
		for s := range n {
			p := k.start[s]
			if j > 0 {
				p = k.steps[j-1][before*n+s]
			}
			weights[s] = p * ahead[j][s]
		}
		before = pick(r, weights)
		for bit, c := range k.channels {
			silent[c*places+j] = before&(1<<bit) != 0
		}
	}
}

// pick draws an index in proportion to weights.
func pick(r *rand.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := r.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	best := 0
	for i, w := range weights {
		if w > weights[best] {
			best = i
		}
	}
	return best
}

// logRatio is the logarithm of N(a; 0, s²) over N(b; 0, t²), within what float64 holds.
func logRatio(a, s, b, t float64) float64 {
	v := -a*a/(2*s*s) + b*b/(2*t*t) + math.Log(t/s)
	return min(max(v, -600), 600)
}

func hypot(a, b float64) float64 { return math.Sqrt(a*a + b*b) }
