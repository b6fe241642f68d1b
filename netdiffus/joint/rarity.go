package joint

import (
	"math/rand/v2"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// Rarity is which values a rare value may turn out as, and what images show of values, for
// models that draw the values themselves and not the symbols of a Prior: without it they
// draw none that was not seen.
type Rarity struct {
	classes [][]place
	keeps   bool
}

// NewRarity returns the groups of values that settings merge, of the classes of a codec. With keeps a
// value turns out as another of its group in d/(n + d) of cases, where d values of the group were seen, n
// times in all (Witten & Bell 1991, method C), and without it always, by the values' weights.
func NewRarity(a *codec.Atoms, classes []string, s Settings, keeps bool) *Rarity {
	r := &Rarity{keeps: keeps}
	for _, class := range classes {
		r.classes = append(r.classes, newPlaces(a, class, s.withDefaults()))
	}
	return r
}

// of returns the group of an atom of a class at place j, and how often the atom turns out as any of it.
func (r *Rarity) of(class, j int, atom int32) (g group, escape float64) {
	p := &r.classes[class][j]
	g = p.groups[p.symbol[atom]]
	if !r.keeps {
		return g, 1
	}
	return g, g.escape
}

// Redraw returns the atom that atom of a class at place j turns out as: itself or one of its group, in
// proportion to its weight, and to likelihood, by atom (nil: all alike).
func (r *Rarity) Redraw(rng *rand.Rand, class, j int, atom int32, likelihood []float64) int32 {
	g, escape := r.of(class, j, atom)
	if len(g.atoms) == 1 {
		return atom
	}
	if likelihood == nil {
		likelihood = ones(len(r.classes[class][j].symbol))
	}
	if escape < 1 {
		own, any := (1-escape)*likelihood[atom], escape*dot(g.atoms, g.weights, likelihood)
		if rng.Float64()*(own+any) < own {
			return atom
		}
	}
	return pick(rng, g.atoms, g.weights, likelihood)
}

// Code returns the code of an atom of a class at place j, in [0,1].
func (r *Rarity) Code(class, j int, atom int32) float64 { return r.classes[class][j].code[atom] }

// Likelihoods returns how likely the pixel x of the diagonal at place j is for each atom of a
// class, as a share of the likeliest, where clean pixels count signal times and bear noise of
// this standard deviation, above 0.
func (r *Rarity) Likelihoods(class, j int, x, signal, noise float64) []float64 {
	level := r.classes[class][j].level
	all := make([]float64, len(level))
	likelihoods(level, x, signal, noise, floors[len(floors)-1], all)
	return all
}

// Mean returns the mean of values, by atom, over those that atom may turn out as.
func (r *Rarity) Mean(class, j int, atom int32, values []float64) float64 {
	g, escape := r.of(class, j, atom)
	return (1-escape)*values[atom] + escape*dot(g.atoms, g.weights, values)
}
