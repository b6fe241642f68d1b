package categorical

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// The further channels of an image are leaves of the first one's chain: given
// its atom at a place, a leaf's atom there depends on nothing else. Sums over the
// tree stay exact: messages go up from the leaves' evidence, the chain is smoothed,
// and messages come down to the leaves (belief propagation, Pearl 1982).

// addConditional adds the tables of a further channel, fitted conditionally on lead.
func (p *Prior) addConditional(lead, a *codec.Atoms, classes []string, jump float64) error {
	ids := valueIDs(a, p.Values)
	p.Values += len(ids)
	for i, label := range classes {
		tables, ok := a.Tables[label]
		if !ok || len(tables) != p.Places {
			return fmt.Errorf("categorical: a further channel has %d places for class %q, the first %d", len(tables), label, p.Places)
		}
		c := newClassPrior(a, tables, ids)
		for j, t := range tables {
			first := lead.Tables[label][j]
			if len(t.Conditional) != len(first.Values) && len(t.Conditional) != 0 {
				return fmt.Errorf("categorical: class %q, place %d: a further channel has counts for %d atoms of the first, which has %d", label, j, len(t.Conditional), len(first.Values))
			}
			c.Transitions = append(c.Transitions, givenOf(first, t, jump))
		}
		p.Classes[i].Conditional = append(p.Classes[i].Conditional, c)
	}
	return nil
}

// givenOf is the matrix [first.Len, t.Len] of P(atom of t | atom of first). An
// atom seen n times with d atoms of t leaves d/(n+d) to the place's own
// frequencies (Witten & Bell 1991, method C), jump at least: what came with a
// value that was seen once is weak evidence. Padding comes with padding alone.
func givenOf(first, t codec.AtomTable, jump float64) []float64 {
	width, shares := t.Len(), t.Prior()
	alive := 0.0
	for k := range t.Values {
		alive += shares[k]
	}
	m := make([]float64, first.Len()*width)
	for i := range first.Values {
		row := m[i*width:][:width]
		total, rest := addCounts(row, t.Conditional, i), 1.0
		if total > 0 {
			kinds := float64(len(t.Conditional[i].Atoms))
			rest = max(jump, kinds/(total+kinds))
		}
		for k := range t.Values {
			if total > 0 {
				row[k] *= (1 - rest) / total
			}
			row[k] += rest * shares[k] / alive
		}
		if len(t.Values) == 0 { // the channels do not fit; the place is over
			row[width-1] = 1
		}
	}
	if first.Padding > 0 {
		m[len(m)-1] = 1
	}
	return m
}

// tree is what is seen of atoms.
type tree struct {
	tables
	evidence []*Node // of all channels, [B,n,K] each
}

// smooth is P(atom | evidence of all channels), by channel.
func (t tree) smooth() []*Node {
	if len(t.conditional) == 0 {
		return []*Node{t.tables.smooth(t.evidence[0])}
	}
	log := Log(MaxScalar(t.evidence[0], leastMessage))
	var messages []*Node // of the further channels about the first one's atoms
	for c, leaf := range t.conditional {
		messages = append(messages, leaf.up(t.tables, t.evidence[1+c]))
		log = Add(log, Log(messages[c]))
	}
	all := []*Node{t.tables.smooth(t.relative(log))}
	for c, leaf := range t.conditional {
		all = append(all, leaf.down(t.tables, t.evidence[1+c], Div(all[0], messages[c])))
	}
	return all
}

// leastMessage keeps the logarithm of a leaf's message finite.
const leastMessage = 1e-30

// up is the likelihood of the first channel's atoms given the leaf's evidence
// [B,n,K], as a share of the best one's: [B,n,K⁰].
func (leaf tables) up(first tables, seen *Node) *Node {
	message := Einsum("gbjk,gjik->gbji", leaf.byClass(seen), leaf.given(first, seen.Graph()))
	message = together(message)
	return MaxScalar(relativeToMax(message), leastMessage)
}

// down is P(the leaf's atoms | all evidence) [B,n,K], given its own evidence
// [B,n,K] and the message rest [B,n,K⁰] of the rest of the tree about the first
// channel's atoms.
func (leaf tables) down(first tables, seen, rest *Node) *Node {
	message := together(Einsum("gbji,gjik->gbjk", leaf.byClass(rest), leaf.given(first, seen.Graph())))
	return normalize(Mul(relativeToMax(message), seen)) // the largest may be 1e30: brought to 1 before the product
}

// relativeToMax scales the last axis to have 1 as its largest.
func relativeToMax(x *Node) *Node {
	return Div(x, MaxScalar(ReduceAndKeep(x, ReduceMax, -1), leastMass))
}

// given is P(the leaf's atom at j | the first channel's), [G,n,K⁰,K], 0 beyond the
// tables' ends. All places are one product: XLA takes as long to compile a place
// as to compute thousands.
func (leaf tables) given(first tables, g *Graph) *Node {
	return leaf.paddedMatrices(g, first.width)
}

// paddedMatrices is the transitions to each place, [G,n,height,K], 0 beyond the matrices' ends.
func (t tables) paddedMatrices(g *Graph, height int) *Node {
	n := t.places()
	values := make([]float32, len(t.classes)*n*height*t.width)
	for i, c := range t.classes {
		for j, matrix := range c.Transitions {
			columns := c.atoms(j)
			for l := 0; l*columns < len(matrix); l++ {
				row := values[((i*n+j)*height+l)*t.width:]
				for k, p := range matrix[l*columns:][:columns] {
					row[k] = float32(p)
				}
			}
		}
	}
	return nn.Fixed(g, values, len(t.classes), n, height, t.width)
}

// diagonals are the diagonals of the channels of x [B,n,n,C]: [B,n] each.
func diagonals(x *Node) []*Node {
	n := x.Shape().Dim(1)
	eye := InsertAxes(diagonalMask(x.Graph(), n), -1)
	all := ReduceSum(Mul(x, eye), 2) // [B,n,C]
	out := make([]*Node, x.Shape().Dim(3))
	for c := range out {
		out[c] = Squeeze(Slice(all, AxisRange(), AxisRange(), AxisElem(c)), 2)
	}
	return out
}
