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
	drawn     [][]int32      // by channel: the atoms that were drawn last
	shown     []leafEvidence // by channel
	unseen    bool           // no image is shown: all likelihoods are 1
	// ends and weights are room for walk: where the arcs with each symbol, which follow each other, end, and
	// how often they were taken together.
	ends    []int32
	weights []float64
}

// leafEvidence is the likelihood of what a channel shows.
type leafEvidence struct {
	atoms   [][]float64 // by place and atom
	symbols [][]float64 // by place: mean over the atoms that come with a symbol
}

// Drawer returns what draws series of a class.
func (p *Prior) Drawer(class int) *Drawer { return p.classes[class].drawer() }

func (c *classPrior) drawer() *Drawer {
	places := len(c.automaton.Places)
	d := &Drawer{class: c, posterior: c.automaton.NewPosterior(), arcs: make([]int32, places)}
	for _, l := range c.leaves {
		d.drawn = append(d.drawn, make([]int32, places))
		var e leafEvidence
		for j := range l.level {
			e.atoms = append(e.atoms, make([]float64, len(l.level[j])))
			e.symbols = append(e.symbols, make([]float64, len(l.common[j].First)-1))
		}
		d.shown = append(d.shown, e)
	}
	return d
}

// floors of the log likelihood of an atom, below the best of its place: less is as
// good as impossible, and saves its sums. Where that leaves no series, as it may where
// packets that do not follow each other are all likely by themselves, the second is
// tried.
var floors = [...]float64{-40, -700}

// codes returns room for the codes of a series.
func (c *classPrior) codes() [][]float64 {
	all := make([][]float64, len(c.leaves))
	for k := range all {
		all[k] = make([]float64, len(c.automaton.Places))
	}
	return all
}

// Draw writes into codes, [channels][places] in [0,1], the codes of a series drawn from
// the posterior given the diagonals, [channels][places], of an image whose clean pixels
// count signal times and bear noise of this standard deviation, above 0.
func (d *Drawer) Draw(rng *rand.Rand, diagonals [][]float64, signal, sigma float64, codes [][]float64) {
	possible := false
	for _, floor := range floors {
		d.weigh(diagonals, signal, sigma, floor)
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
	for range d.class.thinner.MostDrawn() {
		draw(rng, d.arcs)
		d.emit(rng)
		if d.class.thinner.Keeps(rng, d.drawn) {
			break
		}
	}
	d.class.encode(d.drawn, codes)
}

// DrawPrior writes into codes the codes of a series drawn from the chain itself.
func (d *Drawer) DrawPrior(rng *rand.Rand, codes [][]float64) {
	d.unsee()
	d.thinned(rng, codes, d.class.automaton.Draw)
}

// unsee makes the likelihoods those of no image.
func (d *Drawer) unsee() {
	if !d.unseen {
		for _, e := range d.shown {
			for j := range e.atoms {
				fill(e.atoms[j], 1)
				fill(e.symbols[j], 1)
			}
		}
		d.unseen = true
	}
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

// emit draws the atoms of the arcs taken, by the likelihoods at hand.
func (d *Drawer) emit(rng *rand.Rand) {
	for j, arc := range d.arcs {
		for k := range d.shown {
			d.drawn[k][j] = d.drawLeaf(rng, k, j, arc)
		}
	}
}

// Encode writes the codes, in [0,1], of the atoms of a series of a class, both [channels][places].
func (p *Prior) Encode(class int, atoms [][]int32, codes [][]float64) {
	p.classes[class].encode(atoms, codes)
}

func (c *classPrior) encode(atoms [][]int32, codes [][]float64) {
	for k, l := range c.leaves {
		for j, atom := range atoms[k] {
			codes[k][j] = l.code[j][atom]
		}
	}
}

// weigh computes the likelihoods of all atoms and symbols.
func (d *Drawer) weigh(diagonals [][]float64, signal, noise, floor float64) {
	d.unseen = false
	for k := range d.shown {
		l, e := &d.class.leaves[k], &d.shown[k]
		for j := range d.arcs {
			likelihoods(l.level[j], diagonals[k][j], signal, noise, floor, e.atoms[j])
			for _, s := range l.symbols[j] {
				if k == 0 || d.shown[0].symbols[j][s/d.class.bands] > 0 {
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
	e := 1.0
	for k := range d.shown {
		own, common := d.likelihood(k, j, arc)
		if e *= own + common; e == 0 {
			return 0
		}
	}
	return e
}

// likelihood is that of channel k at place j if the chain takes the arc: by the atoms that the arc has
// of its own, and by those that it shares.
func (d *Drawer) likelihood(k, j int, arc int32) (own, common float64) {
	l, e := &d.class.leaves[k], &d.shown[k]
	atoms, shares := l.own[j].of(arc)
	return dot(atoms, shares, e.atoms[j]), l.share[j][arc] * e.symbols[j][l.symbol[j][arc]]
}

// drawLeaf draws the atom of channel k at place j given the arc.
func (d *Drawer) drawLeaf(rng *rand.Rand, k, j int, arc int32) int32 {
	l := &d.class.leaves[k]
	atoms, shares := l.own[j].of(arc)
	if len(atoms) == 0 {
		atoms, shares = l.common[j].of(l.symbol[j][arc])
		if len(atoms) == 1 {
			return atoms[0]
		}
	} else if own, common := d.likelihood(k, j, arc); rng.Float64()*(own+common) >= own {
		atoms, shares = l.common[j].of(l.symbol[j][arc])
	}
	return pick(rng, atoms, shares, d.shown[k].atoms[j])
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
