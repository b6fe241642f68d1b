package copula

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

const (
	// together is the largest number of silent channels that have one chain: of 2 states
	// to that power. More channels have a chain each.
	together = 3
	// ownSteps is the weight, in traces, of the variant's mean step beside those seen at
	// a place, and that of the class's share of a state at a place beside the variant's.
	// leastSteps is what a step never seen counts as in that mean.
	ownSteps   = 4.0
	leastSteps = 0.5
	// fittings is how often the steps to a place are scaled to the shares of the states
	// before and there, by turns, at most, and fitted the error at which that ends.
	fittings = 200
	fitted   = 1e-9
)

// chain says which of its channels are silent where. State s at a place means that
// channel channels[i] is silent where bit i of s is set.
//
// Its state also shifts the normal scores of all channels: a channel sends less where
// another is silent, and begins after silence as it does not go on.
type chain struct {
	channels []int
	states   int
	start    []float64   // [states]
	steps    [][]float64 // by place from the second, [states,states] of the state before and this one
	shifts   [][]float64 // by channel of the series, [states,states] likewise; nil where nothing is shifted
}

// shift is that of channel's score where the state goes from before to s. Before the first
// place it is taken to have been the same.
func (k chain) shift(channel, before, s int) float64 {
	if k.shifts == nil {
		return 0
	}
	return k.shifts[channel][before*k.states+s]
}

// has reports which bit of k's states is channel's silence.
func (k chain) has(channel int) (bit int, ok bool) {
	bit = slices.Index(k.channels, channel)
	return bit, bit >= 0
}

// chains estimates the chains of a variant from its traces and those of its class. In its own
// it leaves what the variant does not explain.
func (m *Copula) chains(of *variant, traces, class []scored) {
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
	for _, group := range groups {
		k := chain{channels: group, states: 1 << len(group)}
		k.estimate(traces, class, m.places)
		of.silence = append(of.silence, k)
	}
	m.estimateShifts(of, traces)
}

// state is that of a trace at place j.
func (k chain) state(silent []bool, places, j int) (state int) {
	for bit, c := range k.channels {
		if silent[c*places+j] {
			state |= 1 << bit
		}
	}
	return state
}

// estimate estimates the chain of a variant. Where a class asks for data at certain times,
// silence is at certain places; so every state has at every place the share that it has among
// the traces there, and only how a place depends on the one before is smoothed by the mean of
// all places.
func (k *chain) estimate(traces, class []scored, places int) {
	n := k.states
	shares, all := k.shares(traces, places), k.shares(class, places)
	own, whole := total(shares), total(all)
	for j := range shares {
		// Where the class's silence is, as much of it as the variant has.
		for s := range n {
			all[j][s] = (all[j][s] + whole[s]) * own[s] / whole[s]
		}
		scaleTo(all[j], ownSteps)
		for s := range n {
			shares[j][s] += all[j][s]
		}
		scaleTo(shares[j], 1)
	}
	mean := make([]float64, n*n)
	pairs := make([][]float64, places-1)
	for j := range pairs {
		pairs[j] = make([]float64, n*n)
	}
	for _, trace := range traces {
		before := k.state(trace.silent, places, 0)
		for j := 1; j < places; j++ {
			s := k.state(trace.silent, places, j)
			pairs[j-1][before*n+s]++
			mean[before*n+s]++
			before = s
		}
	}
	for s := range n {
		add(mean[s*n:][:n], leastSteps)
		scaleTo(mean[s*n:][:n], 1)
	}
	k.start = shares[0]
	for j, step := range pairs {
		for at, v := range mean {
			step[at] += ownSteps * shares[j][at/n] * v
		}
		scaleToShares(step, shares[j], shares[j+1])
	}
	k.steps = pairs
}

// shares are how many traces are in each state, by place.
func (k *chain) shares(traces []scored, places int) [][]float64 {
	counts := make([][]float64, places)
	for j := range counts {
		counts[j] = make([]float64, k.states)
		for _, trace := range traces {
			counts[j][k.state(trace.silent, places, j)]++
		}
	}
	return counts
}

// total is the sum of counts of all places, with sum 1; what was never seen counts leastSteps.
func total(counts [][]float64) []float64 {
	sum := make([]float64, len(counts[0]))
	for _, row := range counts {
		floats.Add(sum, row)
	}
	add(sum, leastSteps)
	scaleTo(sum, 1)
	return sum
}

// scaleToShares scales the weights of pairs of states, all above 0, until the first have the
// shares before and the second after (Deming and Stephan 1940), and makes them steps.
func scaleToShares(pairs, before, after []float64) {
	n := len(before)
	for range fittings {
		for s, p := range before {
			scaleTo(pairs[s*n:][:n], p)
		}
		worst := 0.0
		for to, p := range after {
			sum := 0.0
			for s := range n {
				sum += pairs[s*n+to]
			}
			worst = max(worst, math.Abs(sum-p))
			for s := range n {
				pairs[s*n+to] *= p / sum
			}
		}
		if worst < fitted {
			break
		}
	}
	for s := range n {
		scaleTo(pairs[s*n:][:n], 1)
	}
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

// draw draws the states of all places given the logarithms of the likelihoods of the
// states before and at each place, [place][states,states]; nil is none. It sets silent.
func (k chain) draw(r *rand.Rand, likelihood [][]float64, places int, silent []bool) {
	n := k.states
	at := func(j, before, s int) float64 {
		if likelihood == nil {
			return 0
		}
		return likelihood[j][before*n+s]
	}
	// ahead[j][s] is the logarithm of what is in proportion to P(all after j | state s at j).
	ahead := make([][]float64, places)
	ahead[places-1] = make([]float64, n)
	terms := make([]float64, n)
	for j := places - 2; j >= 0; j-- {
		ahead[j] = make([]float64, n)
		if likelihood == nil {
			continue // the steps' probabilities sum to 1
		}
		for s := range n {
			for to, p := range k.steps[j][s*n:][:n] {
				terms[to] = math.Log(p) + at(j+1, s, to) + ahead[j+1][to]
			}
			ahead[j][s] = floats.LogSumExp(terms)
		}
	}
	before := 0
	for j := range places {
		for s := range n {
			if j == 0 {
				terms[s] = math.Log(k.start[s]) + at(0, s, s) + ahead[0][s]
			} else {
				terms[s] = math.Log(k.steps[j-1][before*n+s]) + at(j, before, s) + ahead[j][s]
			}
		}
		most := slices.Max(terms)
		for s, v := range terms {
			terms[s] = math.Exp(v - most)
		}
		before = pick(r, terms)
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

// logNormal is the logarithm of N(a; 0, variance), without the constant.
func logNormal(a, variance float64) float64 { return -a*a/(2*variance) - math.Log(variance)/2 }
