package categorical

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Decide chooses an atom for each channel and place of x [B,n,n,C] at step t, with last
// as Denoiser has it, and returns the atoms' middles u in [0,1], [B,n,C]. chance
// [B,n,C], uniform in [0,1), draws each atom from its distribution; nil takes the most
// probable ones.
func (m Model) Decide(scope *model.Scope, x, last, t, y, chance *Node) *Node {
	groups := m.groups(x)
	_, logits := m.estimate(scope, x, last, t, y, groups)
	var all []*Node
	for k, g := range groups {
		var channels []*Node
		for i, table := range g.tables.channels() {
			q := Softmax(logits[k][i], -1)
			at := ArgMax(q, -1)
			if chance != nil {
				if chance.Rank() != 3 {
					exceptions.Panicf("categorical: chances are %s, want [B,n,C]", chance.Shape())
				}
				drawn := Squeeze(SliceAxis(g.of(chance), -1, AxisElem(i)), -1)
				at = drawFrom(q, drawn)
			}
			channels = append(channels, table.middleOf(at))
		}
		all = append(all, Stack(channels, -1))
	}
	return joined(groups, all)
}

// drawFrom is the index [B,n] at which the sum of q [B,n,K] passes chance [B,n], or
// the most probable one where rounding keeps the sum below chance.
func drawFrom(q, chance *Node) *Node {
	sums := CumSum(q, -1)
	passed := ConvertDType(LessOrEqual(sums, InsertAxes(chance, -1)), q.DType())
	at := ConvertDType(ReduceSum(passed, -1), ArgMax(q, -1).DType())
	width := q.Shape().Dim(-1)
	beyond := GreaterOrEqual(at, AddScalar(ZerosLike(at), width))
	return Where(beyond, ArgMax(q, -1), at)
}

// middleOf is the middle of the atoms at [B,n]: [B,n].
func (t tables) middleOf(at *Node) *Node {
	hit := Equal(InsertAxes(ConvertDType(at, counting(at.Graph(), 1).DType()), -1), counting(at.Graph(), t.width))
	middles := t.each(t.middles)
	return ReduceSum(Where(hit, middles, ZerosLike(middles)), -1)
}
