package markov

import "math/rand/v2"

// Evidence is the likelihood of what is known about position j of a sequence, if it
// takes the arc there. Only ratios at one position matter. 0 rules the arc out, and
// all that only it leads to costs nothing.
type Evidence func(j int, arc int32) float64

// Posterior draws sequences of an automaton given evidence. It holds the memory of a
// draw, and is for one goroutine.
type Posterior struct {
	a       *Automaton
	beta    [][]float64 // by position and context: P(evidence from there on | context), scaled
	alive   [][]bool    // by position and context: whether the evidence before allows it
	weights [][]float64 // by position and arc: its share of the context's beta
}

// NewPosterior returns a Posterior of a.
func (a *Automaton) NewPosterior() *Posterior {
	p := &Posterior{a: a}
	for j := range a.Places {
		p.beta = append(p.beta, make([]float64, a.Places[j].Contexts()))
		p.alive = append(p.alive, make([]bool, a.Places[j].Contexts()))
		p.weights = append(p.weights, make([]float64, len(a.Places[j].Symbol)))
	}
	return p
}

// Filter takes in evidence, for Sample, and reports whether it allows any sequence. It filters
// backward, Sample draws forward (the recursions of Rabiner 1989, section III, in the order that
// lets every arc be drawn given the ones before it).
func (p *Posterior) Filter(evidence Evidence) bool {
	p.reach(evidence)
	for j := len(p.beta) - 1; j >= 0; j-- {
		if !p.filter(j) {
			return false
		}
	}
	return true
}

// Sample writes into arcs, of one entry a position, those of a sequence drawn from
//
//	P(s | evidence) ∝ P(s) Π_j evidence(j, arc_j)
//
// with the evidence of the last Filter, which must have allowed one. It may be called again.
func (p *Posterior) Sample(rng *rand.Rand, arcs []int32) {
	var context int32
	for j := range p.beta {
		at := &p.a.Places[j]
		from, to := at.Arcs(context)
		arcs[j] = from + Choose(rng, p.weights[j][from:to])
		context = at.Next[arcs[j]]
	}
}

// reach evaluates the evidence of the arcs that start where the evidence before them
// allows, and marks the contexts that they lead to.
func (p *Posterior) reach(evidence Evidence) {
	for j := range p.alive {
		clear(p.alive[j])
	}
	p.alive[0][0] = true
	for j := range p.alive {
		at := &p.a.Places[j]
		for c, alive := range p.alive[j] {
			if !alive {
				continue
			}
			from, to := at.Arcs(int32(c))
			for arc := from; arc < to; arc++ {
				e := evidence(j, arc)
				p.weights[j][arc] = e * at.Count[arc]
				if e > 0 && j+1 < len(p.alive) {
					p.alive[j+1][at.Next[arc]] = true
				}
			}
		}
	}
}

// filter multiplies the arcs of position j by what follows them and sums them into
// beta, scaled to have 1 as its largest. It reports whether any is above 0.
func (p *Posterior) filter(j int) bool {
	at, beta, weights := &p.a.Places[j], p.beta[j], p.weights[j]
	largest := 0.0
	for c, alive := range p.alive[j] {
		if !alive {
			beta[c] = 0
			continue
		}
		from, to := at.Arcs(int32(c))
		sum, total := 0.0, 0.0
		for arc := from; arc < to; arc++ {
			if weights[arc] > 0 && j+1 < len(p.beta) {
				weights[arc] *= p.beta[j+1][at.Next[arc]]
			}
			sum += weights[arc]
			total += at.Count[arc]
		}
		beta[c] = sum / total
		largest = max(largest, beta[c])
	}
	if largest == 0 {
		return false
	}
	for c := range beta {
		beta[c] /= largest
	}
	return true
}
