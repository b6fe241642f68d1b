package categorical

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// moments are what the image needs to know of each packet's distribution over
// the atoms, each [B,n]: the expected cosine and sine of its angle φ, where
// cos φ = √u, and the expected diagonal 2u-1.
type moments struct{ cos, sin, diagonal *Node }

// moments of probabilities [B,n,K].
func (t tables) moments(probabilities *Node) moments {
	expect := func(f func(u float64) float64) *Node {
		values := t.of(probabilities.Graph(), f)
		return ReduceSum(Mul(probabilities, t.each(values)), -1)
	}
	return moments{
		cos:      expect(math.Sqrt),
		sin:      expect(func(u float64) float64 { return math.Sqrt(1 - u) }),
		diagonal: expect(func(u float64) float64 { return 2*u - 1 }),
	}
}

// of is f of the middle of every atom: [G,n,K], 0 beyond a table's end.
func (t tables) of(g *Graph, f func(u float64) float64) *Node {
	return t.padded(g, func(c ClassPrior) [][]float64 {
		rows := make([][]float64, len(c.Middles))
		for j, middles := range c.Middles {
			for _, u := range middles {
				rows[j] = append(rows[j], f(u))
			}
		}
		return rows
	})
}

// render is the expected image [B,n,n,C] of the channels' probabilities.
func (t tables) render(q []*Node) *Node {
	var planes []*Node
	for i, channel := range t.channels() {
		planes = append(planes, channel.moments(q[i]).render())
	}
	return Stack(planes, -1)
}

// render is the expected Gramian field if packets are independent given their
// distributions, [B,n,n]: C_i C_j - S_i S_j off the diagonal, where cos(φ_i+φ_j)
// splits into expectations, and the exact E[2u-1] on it.
func (m moments) render() *Node {
	n := m.cos.Shape().Dim(1)
	outer := func(x *Node) *Node { return Mul(InsertAxes(x, 2), InsertAxes(x, 1)) }
	eye := diagonalMask(m.cos.Graph(), n)
	off := Mul(Sub(outer(m.cos), outer(m.sin)), OneMinus(eye))
	return Add(off, Mul(InsertAxes(m.diagonal, 2), eye))
}
