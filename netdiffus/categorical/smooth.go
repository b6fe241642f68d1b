package categorical

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// smooth is the forward-backward algorithm: P(atom at j | all evidence), of and as [B,n,K].
func (t tables) smooth(evidence *Node) *Node {
	if t.places() > longest && loops(evidence.Graph()) {
		return t.smoothLong(evidence)
	}
	return normalize(together(t.smoothShort(t.byClass(evidence))))
}

// widths are the most atoms of each place, W_j.
func (t tables) widths() []int {
	widths := make([]int, t.places())
	for _, c := range t.classes {
		for j := range widths {
			widths[j] = max(widths[j], c.atoms(j))
		}
	}
	return widths
}

// smoothShort returns what is proportional to P(atom at j | all evidence), of and as
// [G,images,n,K].
//
// XLA compiles every reduction by itself, which takes it as long as a product. So the
// sums that keep the messages finite are not reductions: each step's matrix has a further
// column and row of ones, whose products with a message are its sum. Messages are
// [G,images,W_j+1], with 0 there.
func (t tables) smoothShort(evidence *Node) *Node {
	n, widths := t.places(), t.widths()
	whole := GrowRight(evidence, -1, 1, 0)
	share := GrowRight(Slice(t.shares, AxisRange(), AxisElem(0), AxisRange(0, widths[0])), -1, 1, 0)
	seen := make([]*Node, n)    // evidence, as messages are
	forward := make([]*Node, n) // P(atom at j | evidence up to j); at the last place ∝
	steps := make([]*Node, n)   // [G,W_{j-1}+1,W_j+1]
	var message *Node           // ∝ P(atom at j, evidence up to j)
	for j := range n {
		seen[j] = Squeeze(Slice(whole, AxisRange(), AxisRange(), AxisElem(j), AxisRange(0, widths[j]+1)), 2)
		if j == 0 {
			message = Mul(share, seen[0])
			continue
		}
		steps[j] = t.step(evidence.Graph(), j, widths[j-1], widths[j])
		next := EinsumAxes(message, steps[j], [][2]int{{2, 1}}, [][2]int{{0, 0}})
		sum := massOf(next)
		forward[j-1] = Div(message, sum)
		message = Mul(Div(next, sum), seen[j])
	}
	forward[n-1] = message
	all := make([]*Node, n)
	var backward *Node // ∝ P(evidence after j | atom at j); nil at the end, where it is 1
	for j := n - 1; j >= 0; j-- {
		both, ahead := forward[j], seen[j]
		if backward != nil {
			both, ahead = Mul(both, backward), Mul(ahead, backward)
		}
		both = SliceAxis(both, -1, AxisRange(0, widths[j]))
		all[j] = InsertAxes(GrowRight(both, -1, t.width-widths[j], 0), 2)
		if j > 0 {
			backward = EinsumAxes(ahead, steps[j], [][2]int{{2, 2}}, [][2]int{{0, 0}}) // [G,images,W_{j-1}+1]
			backward = Div(backward, massOf(backward))
		}
	}
	return Concatenate(all, 2)
}

// step is the matrices of place j, for so many atoms before and there, with a column and a row
// of ones, and 0 where they meet: [G,before+1,there+1].
func (t tables) step(g *Graph, j, before, there int) *Node {
	rows, columns := before+1, there+1
	values := make([]float32, len(t.classes)*rows*columns)
	for i, c := range t.classes {
		m := values[i*rows*columns:][:rows*columns]
		own := c.atoms(j)
		for k := range c.atoms(j - 1) {
			row := m[k*columns:][:columns]
			for l, p := range c.Transitions[j][k*own:][:own] {
				row[l] = float32(p)
			}
			row[columns-1] = 1
		}
		for l := range own {
			m[(rows-1)*columns+l] = 1
		}
	}
	return nn.Fixed(g, values, len(t.classes), rows, columns)
}

// massOf is the sum that a product with a matrix of step has last, [G,images,1].
func massOf(product *Node) *Node {
	return MaxScalar(SliceAxis(product, -1, AxisRange(-1)), leastMass)
}
