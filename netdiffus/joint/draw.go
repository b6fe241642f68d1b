package joint

import (
	"math"
	"math/rand/v2"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/markov"
)

// Drawer draws series of one class. It is for one goroutine.
type Drawer struct {
	class     *classPrior
	posterior *markov.Posterior
	arcs      []int32
	drawn     [][]int32   // by channel: the atoms that were drawn last
	atoms     [][]float64 // by channel: likelihood of each atom at a place, reused
	symbols   [][]float64 // by place: of the chain's symbols
	further   []leafEvidence
}

// leafEvidence is the likelihood of what a further channel shows.
type leafEvidence struct {
	atoms   [][]float64 // by place and atom
	symbols [][]float64 // by place: mean over the atoms that come with a symbol
}

// Drawer returns what draws series of a class.
func (p *Prior) Drawer(class int) *Drawer { return p.classes[class].drawer() }

func (c *classPrior) drawer() *Drawer {
	d := &Drawer{class: c, posterior: c.automaton.NewPosterior(), arcs: make([]int32, len(c.places))}
	for range 1 + len(c.further) {
		d.drawn = append(d.drawn, make([]int32, len(c.places)))
	}
	for _, at := range c.places {
		d.atoms = append(d.atoms, make([]float64, len(at.level)))
		d.symbols = append(d.symbols, make([]float64, len(at.groups)))
	}
	for _, l := range c.further {
		var e leafEvidence
		for j := range l.level {
			e.atoms = append(e.atoms, make([]float64, len(l.level[j])))
			e.symbols = append(e.symbols, make([]float64, len(l.common[j].First)-1))
		}
		d.further = append(d.further, e)
	}
	return d
}

// floors of the log likelihood of an atom, below the best of its place: less is as
// good as impossible, and saves its sums. Where that leaves no series, as it may where
// packets that do not follow each other are all likely by themselves, the second is
// tried.
var floors = [...]float64{-40, -700}

// codes returns room for the codes of a series.
func (d *Drawer) codes() [][]float64 {
	all := make([][]float64, 1+len(d.further))
	for k := range all {
		all[k] = make([]float64, len(d.class.places))
	}
	return all
}

// Draw writes into codes, [channels][places] in [0,1], the codes of a series drawn from
// the posterior given the diagonals, [channels][places], of an image whose clean pixels
// count signal times and bear noise of this standard deviation, above 0.
func (d *Drawer) Draw(rng *rand.Rand, diagonals [][]float64, signal, noise float64, codes [][]float64) {
	possible := false
	for _, floor := range floors {
		d.weigh(diagonals, signal, noise, floor)
		if possible = d.posterior.Filter(d.evidence); possible {
			break
		}
	}
	if !possible { // the image is of no series of the class
		d.DrawPrior(rng, codes)
		return
	}
	d.thinned(rng, codes, d.posterior.Sample)
}

// thinned draws until a series is kept, and writes its codes.
func (d *Drawer) thinned(rng *rand.Rand, codes [][]float64, draw func(*rand.Rand, []int32)) {
	for range MostTries {
		draw(rng, d.arcs)
		d.emit(rng, codes)
		if d.class.thinner.Keeps(rng, d.drawn) {
			return
		}
	}
}

// DrawPrior writes into codes the codes of a series drawn from the chain itself.
func (d *Drawer) DrawPrior(rng *rand.Rand, codes [][]float64) {
	for j := range d.class.places {
		fill(d.atoms[j], 1)
		for k := range d.further {
			fill(d.further[k].atoms[j], 1)
			fill(d.further[k].symbols[j], 1)
		}
	}
	d.thinned(rng, codes, d.class.automaton.Draw)
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

// emit draws the atoms of the arcs taken, by the likelihoods at hand, and writes their
// codes.
func (d *Drawer) emit(rng *rand.Rand, codes [][]float64) {
	for j, arc := range d.arcs {
		_, g := d.class.group(j, arc)
		atom := g.atoms[0]
		if len(g.atoms) > 1 {
			atom = pick(rng, g.atoms, g.weights, d.atoms[j])
		}
		d.drawn[0][j] = atom
		codes[0][j] = d.class.places[j].code[atom]
		for k := range d.further {
			atom := d.drawLeaf(rng, k, j, arc)
			d.drawn[1+k][j] = atom
			codes[1+k][j] = d.class.further[k].code[j][atom]
		}
	}
}

// weigh computes the likelihoods of all atoms and symbols.
func (d *Drawer) weigh(diagonals [][]float64, signal, noise, floor float64) {
	for j := range d.class.places {
		at := &d.class.places[j]
		likelihoods(at.level, diagonals[0][j], signal, noise, floor, d.atoms[j])
		for s, g := range at.groups {
			d.symbols[j][s] = dot(g.atoms, g.weights, d.atoms[j])
		}
		for k := range d.further {
			l, e := &d.class.further[k], &d.further[k]
			likelihoods(l.level[j], diagonals[1+k][j], signal, noise, floor, e.atoms[j])
			for _, s := range l.symbols[j] {
				if d.symbols[j][s/d.class.bands] > 0 {
					atoms, shares := l.common[j].of(s)
					e.symbols[j][s] = dot(atoms, shares, e.atoms[j])
				}
			}
		}
	}
}

// likelihoods writes N(x; signal·level, noise²) of every level, as a share of the best
// one's, into dst: 0 where its logarithm is below floor.
func likelihoods(level []float64, x, signal, noise, floor float64, dst []float64) {
	best := x
	if signal > 0 {
		best -= signal * level[codec.Nearest(level, x/signal)]
	}
	scale := 1 / (2 * noise * noise)
	for k, v := range level {
		off := x - signal*v
		if log := (best*best - off*off) * scale; log > floor {
			dst[k] = math.Exp(log)
		} else {
			dst[k] = 0
		}
	}
}

// dot is the sum of the values of atoms, each times its weight.
func dot(atoms []int32, weights, values []float64) (sum float64) {
	for i, atom := range atoms {
		sum += weights[i] * values[atom]
	}
	return sum
}

// evidence is the likelihood of all channels at place j if the chain takes the arc.
func (d *Drawer) evidence(j int, arc int32) float64 {
	symbol := d.class.automaton.Places[j].Symbol[arc]
	group, _ := d.class.group(j, arc)
	e := d.symbols[j][group]
	for k := range d.further {
		if e == 0 {
			return 0
		}
		l, further := &d.class.further[k], &d.further[k]
		atoms, shares := l.own[j].of(arc)
		e *= dot(atoms, shares, further.atoms[j]) + l.share[j][arc]*further.symbols[j][symbol]
	}
	return e
}

// drawLeaf draws the atom of further channel k at place j given the arc.
func (d *Drawer) drawLeaf(rng *rand.Rand, k, j int, arc int32) int32 {
	l, e := &d.class.further[k], &d.further[k]
	symbol := d.class.automaton.Places[j].Symbol[arc]
	atoms, shares := l.own[j].of(arc)
	own := dot(atoms, shares, e.atoms[j])
	common := l.share[j][arc] * e.symbols[j][symbol]
	if rng.Float64()*(own+common) >= own {
		atoms, shares = l.common[j].of(symbol)
	}
	return pick(rng, atoms, shares, e.atoms[j])
}

// ones are n ones.
func ones(n int) []float64 {
	x := make([]float64, n)
	fill(x, 1)
	return x
}

// pick draws one of atoms in proportion to its weight and its value, or to its weight
// alone where all values are 0.
func pick(rng *rand.Rand, atoms []int32, weights, values []float64) int32 {
	total := dot(atoms, weights, values)
	if total == 0 {
		return pick(rng, atoms, weights, ones(len(values)))
	}
	u, last := rng.Float64()*total, atoms[0]
	for i, atom := range atoms {
		if w := weights[i] * values[atom]; w > 0 {
			if last = atom; u < w {
				break
			}
			u -= w
		}
	}
	return last
}
