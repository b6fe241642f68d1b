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

// tree is what is seen of one class's atoms.
type tree struct {
	tables
	evidence []*Node // of all channels, [B,n,K] each
	messages []*Node // of the further channels about the first one's atoms
}

// smoothTrees is P(atom | evidence of all channels) by class and channel: the first
// channel's probabilities, then the further ones'.
func smoothTrees(classes []*tree) [][]*Node {
	var chains []chainOf
	for _, t := range classes {
		chains = append(chains, chainOf{t.tables, t.gathered()})
	}
	smoothed := smooth(chains)
	all := make([][]*Node, len(classes))
	for i, t := range classes {
		all[i] = t.spread(smoothed[i])
	}
	return all
}

// gathered is the evidence of all channels about the first one's atoms.
func (t *tree) gathered() *Node {
	if len(t.conditional) == 0 {
		return t.evidence[0]
	}
	log := Log(MaxScalar(t.evidence[0], leastMessage))
	for c, leaf := range t.conditional {
		t.messages = append(t.messages, leaf.up(t.tables, t.evidence[1+c]))
		log = Add(log, Log(t.messages[c]))
	}
	return t.relative(log)
}

// spread returns the probabilities of all channels, given those of the first one.
func (t *tree) spread(first *Node) []*Node {
	all := []*Node{first}
	for c, leaf := range t.conditional {
		all = append(all, leaf.down(t.tables, t.evidence[1+c], Div(first, t.messages[c])))
	}
	return all
}

// leastMessage keeps the logarithm of a leaf's message finite.
const leastMessage = 1e-30

// up is the likelihood of the first channel's atoms given the leaf's evidence
// [B,n,K], as a share of the best one's: [B,n,K⁰].
func (leaf tables) up(first tables, seen *Node) *Node {
	message := EinsumAxes(seen, leaf.given(first, seen.Graph()), [][2]int{{2, 2}}, [][2]int{{1, 0}}) // [n,B,K⁰]
	message = TransposeAllAxes(message, 1, 0, 2)
	return MaxScalar(relativeToMax(message), leastMessage)
}

// down is P(the leaf's atoms | all evidence) [B,n,K], given its own evidence
// [B,n,K] and the message rest [B,n,K⁰] of the rest of the tree about the first
// channel's atoms.
func (leaf tables) down(first tables, seen, rest *Node) *Node {
	message := EinsumAxes(rest, leaf.given(first, seen.Graph()), [][2]int{{2, 1}}, [][2]int{{1, 0}}) // [n,B,K]
	message = TransposeAllAxes(message, 1, 0, 2)
	return normalize(Mul(relativeToMax(message), seen)) // the largest may be 1e30: brought to 1 before the product
}

// relativeToMax scales the last axis to have 1 as its largest.
func relativeToMax(x *Node) *Node {
	return Div(x, MaxScalar(ReduceAndKeep(x, ReduceMax, -1), leastMass))
}

// given is P(the leaf's atom at j | the first channel's), [n,K⁰,K], 0 beyond the
// tables' ends. All places are one product: XLA takes as long to compile a place
// as to compute thousands.
func (leaf tables) given(first tables, g *Graph) *Node {
	return paddedMatrices(g, leaf.Transitions, leaf.ClassPrior, first.width, leaf.width)
}

// paddedMatrices is a matrix for each place, row-major with as many columns as to
// has atoms there, as [n,height,width], 0 beyond the matrices' ends.
func paddedMatrices(g *Graph, matrices [][]float64, to ClassPrior, height, width int) *Node {
	values := make([]float32, len(matrices)*height*width)
	for j, matrix := range matrices {
		columns := to.atoms(j)
		for i := 0; i*columns < len(matrix); i++ {
			row := values[(j*height+i)*width:]
			for k, p := range matrix[i*columns:][:columns] {
				row[k] = float32(p)
			}
		}
	}
	return nn.Fixed(g, values, len(matrices), height, width)
}

// at is place j of x [B,n,K] without what lies beyond its table: [B,K_j].
func (t tables) at(x *Node, j int) *Node {
	return Squeeze(Slice(x, AxisRange(), AxisElem(j), AxisRange(0, t.atoms(j))), 1)
}

// widen is a place's x [B,K_j] as [B,1,K], 0 beyond its table.
func (t tables) widen(x *Node) *Node {
	return InsertAxes(GrowRight(x, -1, t.width-x.Shape().Dim(1), 0), 1)
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
