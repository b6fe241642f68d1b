// Package categorical is the diffusion model over atoms: instead of predicting a
// clean image pixel by pixel it predicts, for every packet, the probability of
// each of the values that its class has at that place (codec.Atoms), and renders
// the image that follows. The estimate of x₀ is then itself a Gramian field,
// packet sizes stay the spikes they are, and the plain diagonal turns a sample
// back into packets.
//
// The probabilities start from Bayes: the class's chain of atoms as the prior,
// the noisy diagonal as the evidence, exact forward-backward smoothing over the
// two (Rabiner 1989). A network adds to the log-probabilities what the chain
// lacks, and a residual to the image off the diagonal.
package categorical

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
)

// Prior holds the classes' tables as numbers for the graph.
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

	// Transitions[j] is P(atom at j | atom at j-1), row-major [K_{j-1}, K_j]; nil at
	// place 0.
	Transitions [][]float64

	// Conditional are the tables of the further channels. There Transitions[j] is
	// P(atom at j | the first channel's atom at j), place 0 included.
	Conditional []ClassPrior
}

// Channels is the number of channels of the images.
func (p Prior) Channels() int { return 1 + len(p.Classes[0].Conditional) }

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
// impossible; padding is followed by padding alone. further are the codecs of the
// images' further channels, fitted conditionally on a. It fails on a class without
// tables.
func NewPrior(a *codec.Atoms, classes []string, jump float64, further ...*codec.Atoms) (Prior, error) {
	if len(classes) == 0 {
		return Prior{}, fmt.Errorf("categorical: no classes")
	}
	ids := valueIDs(a, 0)
	p := Prior{Values: len(ids)}
	for i, label := range classes {
		tables, ok := a.Tables[label]
		if !ok {
			return Prior{}, fmt.Errorf("categorical: the codec has no tables for class %q", label)
		}
		if i == 0 {
			p.Places = len(tables)
		}
		if len(tables) != p.Places {
			return Prior{}, fmt.Errorf("categorical: class %q has %d places, %q has %d", label, len(tables), classes[0], p.Places)
		}
		c := newClassPrior(a, tables, ids)
		for j := range tables {
			var matrix []float64
			if j > 0 {
				matrix = transitionsOf(tables[j-1], tables[j], jump)
			}
			c.Transitions = append(c.Transitions, matrix)
		}
		p.Classes = append(p.Classes, c)
	}
	for _, leaf := range further {
		if err := p.addConditional(a, leaf, classes, jump); err != nil {
			return Prior{}, err
		}
	}
	return p, nil
}

// newClassPrior returns the numbers of a class's tables but for the transitions.
func newClassPrior(a *codec.Atoms, tables []codec.AtomTable, ids map[float64]int) ClassPrior {
	var c ClassPrior
	for _, t := range tables {
		c.Middles = append(c.Middles, t.Middles(a.TauOrDefault()))
		c.Shares = append(c.Shares, t.Prior())
		row := make([]int, t.Len())
		for k := range row {
			row[k] = ids[padding]
		}
		for k, v := range t.Values {
			row[k] = ids[meaning(a, v)]
		}
		c.IDs = append(c.IDs, row)
	}
	return c
}

// padding stands for the end of a series among values.
var padding = math.Inf(-1)

// meaning is the key of v in the embedding: v itself, or for values in bins, which
// differ at every class and place, v rounded to an eighth of a power of e.
func meaning(a *codec.Atoms, v float64) float64 {
	if a.Bins > 0 {
		return math.Round(8 * math.Copysign(math.Log1p(math.Abs(v)), v))
	}
	return v
}

// valueIDs numbers padding and the distinct values of all tables, rising, from
// first.
func valueIDs(a *codec.Atoms, first int) map[float64]int {
	ids := map[float64]int{padding: 0}
	for _, tables := range a.Tables {
		for _, t := range tables {
			for _, v := range t.Values {
				ids[meaning(a, v)] = 0
			}
		}
	}
	for i, v := range slices.Sorted(maps.Keys(ids)) {
		ids[v] = first + i
	}
	return ids
}

// transitionsOf is the matrix [before.Len, t.Len] of one step of the chain.
func transitionsOf(before, t codec.AtomTable, jump float64) []float64 {
	width, shares := t.Len(), t.Prior()
	m := make([]float64, before.Len()*width)
	for i := range before.Values {
		row := m[i*width:][:width]
		total := addCounts(row, t.After, i)
		for k := range row {
			if total > 0 {
				row[k] = (1-jump)*row[k]/total + jump*shares[k]
			} else { // no successor was seen
				row[k] = shares[k]
			}
		}
	}
	if before.Padding > 0 {
		m[len(m)-1] = 1 // the last atom of t is its padding: a series that has ended stays so
	}
	return m
}

// addCounts adds to row how often each atom was seen with atom i, and returns the
// sum.
func addCounts(row []float64, seen []codec.Successors, i int) (total float64) {
	if i >= len(seen) {
		return 0
	}
	for n, k := range seen[i].Atoms {
		row[k] += seen[i].Counts[n]
		total += seen[i].Counts[n]
	}
	return total
}
