// Package head is the categorical head of the diffusion model: instead of
// guessing a clean image pixel by pixel it says, for every packet, how probable
// each of the values is that its class has at that place (codec.Atoms), and
// renders the image that follows. The estimate of x₀ is then itself a Gramian
// field, packet sizes stay the spikes they are, and the plain diagonal turns a
// sample back into packets.
//
// The probabilities start from Bayes: the class's chain of atoms as the prior,
// the noisy diagonal as the evidence, exact forward-backward smoothing over the
// two (Rabiner 1989). A network adds what the chain does not know to the
// log-probabilities, and a residual to the image off the diagonal.
package head

import (
	"fmt"
	"maps"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// Prior is what is known of the classes before any image is seen, as numbers
// for the graph.
type Prior struct {
	Places  int          // packets of a flow
	Classes []ClassPrior // in the order of the classes' numbers
	Values  int          // distinct values over all classes, padding included: rows of the embedding
}

// ClassPrior is a class's tables, one entry a place.
type ClassPrior struct {
	Middles [][]float64 // [K] codec.AtomTable.Middles
	Shares  [][]float64 // [K] how frequent each atom is
	IDs     [][]int     // [K] which of Prior.Values each atom is; padding is 0

	// Steps[j] is P(atom at j | atom at j-1), row-major [K_{j-1}, K_j]; nil at
	// place 0.
	Steps [][]float64
}

// atoms is K at place j.
func (c ClassPrior) atoms(j int) int { return len(c.Middles[j]) }

// widest is the largest K of the class.
func (c ClassPrior) widest() int {
	k := 0
	for _, m := range c.Middles {
		k = max(k, len(m))
	}
	return k
}

// DefaultJump is the share of a step that ignores the atom before, chosen on
// held-out flows: the chain's cross-entropy is flat around it.
const DefaultJump = 0.005

// NewPrior makes the prior of classes, by label in the order of their numbers,
// from fitted tables. jump in [0,1) is the share of every step that goes to the
// place's own frequencies in place of the successors seen, so that no step is
// impossible; padding is followed by padding alone. It fails on a class without
// tables.
func NewPrior(a *codec.Atoms, classes []string, jump float64) (Prior, error) {
	if len(classes) == 0 {
		return Prior{}, fmt.Errorf("head: no classes")
	}
	ids := valueIDs(a)
	p := Prior{Values: len(ids) + 1}
	for i, label := range classes {
		tables, ok := a.Tables[label]
		if !ok {
			return Prior{}, fmt.Errorf("head: the codec has no tables for class %q", label)
		}
		if i == 0 {
			p.Places = len(tables)
		}
		if len(tables) != p.Places {
			return Prior{}, fmt.Errorf("head: class %q has %d places, %q has %d", label, len(tables), classes[0], p.Places)
		}
		var c ClassPrior
		for j, t := range tables {
			c.Middles = append(c.Middles, t.Middles(a.TauOrDefault()))
			c.Shares = append(c.Shares, t.Prior())
			row := make([]int, t.Len())
			for k, v := range t.Values {
				row[k] = ids[v]
			}
			c.IDs = append(c.IDs, row)
			var steps []float64
			if j > 0 {
				steps = stepsOf(tables[j-1], t, jump)
			}
			c.Steps = append(c.Steps, steps)
		}
		p.Classes = append(p.Classes, c)
	}
	return p, nil
}

// valueIDs numbers the distinct values of all tables from 1, rising.
func valueIDs(a *codec.Atoms) map[float64]int {
	ids := map[float64]int{}
	for _, tables := range a.Tables {
		for _, t := range tables {
			for _, v := range t.Values {
				ids[v] = 0
			}
		}
	}
	for i, v := range slices.Sorted(maps.Keys(ids)) {
		ids[v] = i + 1
	}
	return ids
}

// stepsOf is the matrix [before.Len, t.Len] of one step of the chain.
func stepsOf(before, t codec.AtomTable, jump float64) []float64 {
	width, shares := t.Len(), t.Prior()
	m := make([]float64, before.Len()*width)
	for i := range before.Values {
		row := m[i*width:][:width]
		total := 0.0
		if i < len(t.After) {
			for n, k := range t.After[i].Atoms {
				row[k] += t.After[i].Counts[n]
				total += t.After[i].Counts[n]
			}
		}
		for k := range row {
			if total > 0 {
				row[k] = (1-jump)*row[k]/total + jump*shares[k]
			} else { // nothing is known of what follows
				row[k] = shares[k]
			}
		}
	}
	if before.Padding > 0 {
		m[len(m)-1] = 1 // the last atom of t is its padding: a series that has ended stays so
	}
	return m
}
