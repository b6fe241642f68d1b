package categorical

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// longest is the number of places up to which smooth is unrolled, place by place,
// each with tables of its own size. XLA's time to compile grows with every
// place, so longer flows use a loop, whose tables are all as wide as the widest.
const longest = 16

// loops reports whether the backend has the operations of smoothLong.
func loops(g *Graph) bool {
	ops := g.Backend().Capabilities().Operations
	return ops[compute.OpTypeWhile] && ops[compute.OpTypeDynamicSlice] && ops[compute.OpTypeDynamicUpdateSlice]
}

// smoothLong is smooth as two loops over the places.
func (t tables) smoothLong(evidence *Node) *Node {
	g := evidence.Graph()
	batch, n, width := evidence.Shape().Dim(0), len(t.Middles), t.width
	first := normalize(Mul(InsertAxes(t.place(t.shares, 0), 0), t.at(evidence, 0))) // [B,K_0]
	first = t.widen(first)                                                          // [B,1,K]
	forward := Concatenate([]*Node{first, Zeros(g, shapes.Make(dtypes.Float32, batch, n-1, width))}, 1)

	whole := shapes.Make(dtypes.Float32, batch, n, width)
	place := shapes.Make(dtypes.Float32, batch, width)
	steps := paddedMatrices(g, t.Transitions, t.ClassPrior, width, width)
	state := func(g *Graph) (j, message, all, evidence, steps *Node) {
		return Parameter(g, "j", shapes.Make(dtypes.Int32)), Parameter(g, "message", place), Parameter(g, "all", whole),
			Parameter(g, "evidence", whole), Parameter(g, "steps", shapes.Make(dtypes.Float32, n, width, width))
	}
	until := func(stop func(j *Node) *Node) *Function {
		return NewClosure(g, func(g *Graph) []*Node {
			j, _, _, _, _ := state(g)
			return []*Node{stop(j)}
		})
	}

	// ∝ P(atom at j, evidence up to j), from the first place to the last.
	body := NewClosure(g, func(g *Graph) []*Node {
		j, message, all, evidence, steps := state(g)
		message = normalizeInLoop(Mul(Dot(message, step(steps, j)).MatMul(), row(evidence, j)))
		return []*Node{Add(j, Const(g, int32(1))), message, setRow(all, message, j), evidence, steps}
	})
	out := While(until(func(j *Node) *Node { return LessThan(j, Const(j.Graph(), int32(n))) }), body,
		Const(g, int32(1)), Squeeze(first, 1), forward, evidence, steps)
	forward = out[2]

	// ∝ P(evidence after j | atom at j), back again; both together replace the
	// forward message.
	body = NewClosure(g, func(g *Graph) []*Node {
		j, message, all, evidence, steps := state(g)
		ahead := Mul(row(evidence, j), message)
		message = normalizeInLoop(EinsumAxes(ahead, step(steps, j), [][2]int{{1, 1}}, nil))
		before := Add(j, Const(g, int32(-1)))
		both := normalizeInLoop(Mul(row(all, before), message))
		return []*Node{before, message, setRow(all, both, before), evidence, steps}
	})
	out = While(until(func(j *Node) *Node { return GreaterThan(j, Const(j.Graph(), int32(0))) }), body,
		Const(g, int32(n-1)), Ones(g, place), forward, evidence, steps)
	return out[2]
}

// place is place j of x [n,K] without what lies beyond its table: [K_j].
func (t tables) place(x *Node, j int) *Node {
	return Squeeze(Slice(x, AxisElem(j), AxisRange(0, t.atoms(j))), 0)
}

// normalizeInLoop is normalize of x [B,K] without what GoMLX 0.28 does not take inside a
// loop: reductions, and scalars that it keeps for the whole graph.
func normalizeInLoop(x *Node) *Node {
	g, batch := x.Graph(), x.Shape().Dim(0)
	sum := Dot(x, filled(g, 1, x.Shape().Dim(1), 1)).MatMul() // [B,1]
	return Div(x, BroadcastToDims(Max(sum, filled(g, leastMass, batch, 1)), x.Shape().Dimensions...))
}

// filled is a constant of one number.
func filled(g *Graph, value float32, dims ...int) *Node {
	size := 1
	for _, n := range dims {
		size *= n
	}
	return Reshape(Const(g, slices.Repeat([]float32{value}, size)), dims...)
}

// step is the matrix [K,K] of place j of steps [n,K,K].
func step(steps, j *Node) *Node {
	zero := Const(j.Graph(), int32(0))
	width := steps.Shape().Dim(1)
	return Reshape(DynamicSlice(steps, []*Node{j, zero, zero}, []int{1, width, width}), width, width)
}

// row is place j of x [B,n,K]: [B,K].
func row(x, j *Node) *Node {
	zero := Const(j.Graph(), int32(0))
	batch, width := x.Shape().Dim(0), x.Shape().Dim(2)
	return Reshape(DynamicSlice(x, []*Node{zero, j, zero}, []int{batch, 1, width}), batch, width)
}

// setRow is x [B,n,K] with row [B,K] at place j.
func setRow(x, row, j *Node) *Node {
	zero := Const(j.Graph(), int32(0))
	return DynamicUpdateSlice(x, InsertAxes(row, 1), []*Node{zero, j, zero})
}
