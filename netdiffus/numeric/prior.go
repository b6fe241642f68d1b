// Package numeric is a diffusion model of series of numbers. Its estimate of a clean
// series is a distribution for each place: silent, or a normal score on a grid around
// what the class's Gaussian copula says given the noisy series. The network corrects
// the copula's probabilities; without a network, or before it has learned anything, the
// estimate is the copula's.
//
// The clean image is the rendering of these distributions: off the diagonal the expected
// Gramian field plus a residual, on it the expectation. Where there is no image, but
// the series itself is noised, it is the expectation alone.
package numeric

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/copula"
)

// Prior holds the copulas of all variants of classes as numbers for the graph. The index of
// a value of a series is channel·Places + place.
type Prior struct {
	Places, Channels int

	silent        []bool    // by channel
	offset, slope []float64 // [N] of the diagonal over the score
	classes       []int32   // of the variants
	vectors       [][][]float32
	values        [][]float32
	centre, own   [][]float32 // [variants][N], of the scores: see copula.Numbers
	chains        []chainPrior
	anySilent     bool
}

// chainPrior is a chain over silent or not, of all variants.
type chainPrior struct {
	channels []int
	states   int
	start    [][]float32     // [variants][states]
	steps    [][][][]float32 // [variants][places-1][states][states]
	shifts   [][][][]float32 // [variants][channels][states][states]
}

// ShapeOf is the prior of series of so many places by these codecs, without a copula:
// enough to list a model's parameters.
func ShapeOf(codecs []*codec.Quantiles, places int) Prior {
	p := Prior{Places: places, Channels: len(codecs)}
	for _, q := range codecs {
		offset, slope := q.Line()
		p.silent = append(p.silent, q.Silent)
		p.anySilent = p.anySilent || q.Silent
		for range places {
			p.offset, p.slope = append(p.offset, offset), append(p.slope, slope)
		}
	}
	return p
}

// NewPrior makes the prior of a fitted copula.
func NewPrior(m *copula.Copula) Prior {
	codecs := m.Codecs()
	p := ShapeOf(codecs, len(m.Numbers(0).Values)/len(codecs))
	for variant := range m.Variants() {
		numbers := m.Numbers(variant)
		p.classes = append(p.classes, int32(m.ClassOf(variant)))
		n := len(numbers.Values)
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = narrow(numbers.Vectors[i*n : (i+1)*n])
		}
		p.vectors = append(p.vectors, rows)
		p.values = append(p.values, narrow(numbers.Values))
		p.centre, p.own = append(p.centre, narrow(numbers.Centre)), append(p.own, narrow(numbers.Own))
		for i, chain := range numbers.Silence {
			if variant == 0 {
				p.chains = append(p.chains, chainPrior{channels: chain.Channels, states: len(chain.Start)})
			}
			k := &p.chains[i]
			k.start = append(k.start, narrow(chain.Start))
			k.steps = append(k.steps, matrices(chain.Steps, k.states))
			shifts := chain.Shifts
			if shifts == nil {
				for range codecs {
					shifts = append(shifts, make([]float64, k.states*k.states))
				}
			}
			k.shifts = append(k.shifts, matrices(shifts, k.states))
		}
	}
	return p
}

// matrices are lists of n·n numbers as matrices.
func matrices(lists [][]float64, n int) (out [][][]float32) {
	for _, list := range lists {
		var matrix [][]float32
		for s := range n {
			matrix = append(matrix, narrow(list[s*n:(s+1)*n]))
		}
		out = append(out, matrix)
	}
	return out
}

func narrow(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// size is the number of values of a series.
func (p Prior) size() int { return p.Places * p.Channels }

// row is numbers of a series as a constant [1,N].
func row(g *Graph, values []float64) *Node { return InsertAxes(Const(g, narrow(values)), 0) }
