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
	n, width, classes := t.places(), t.width, len(t.classes)
	evidence = t.byClass(evidence)
	first := normalize(Mul(SliceAxis(t.shares, 1, AxisElem(0)), Squeeze(SliceAxis(evidence, 2, AxisElem(0)), 2))) // [G,images,K]
	zeros := Zeros(g, shapes.Make(dtypes.Float32, classes, t.images, n-1, width))
	forward := Concatenate([]*Node{InsertAxes(first, 2), zeros}, 2)

	whole := shapes.Make(dtypes.Float32, classes, t.images, n, width)
	place := shapes.Make(dtypes.Float32, classes, t.images, width)
	steps := t.paddedMatrices(g, width)
	state := func(g *Graph) (j, message, all, evidence, steps *Node) {
		return Parameter(g, "j", shapes.Make(dtypes.Int32)), Parameter(g, "message", place), Parameter(g, "all", whole),
			Parameter(g, "evidence", whole), Parameter(g, "steps", shapes.Make(dtypes.Float32, classes, n, width, width))
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
		message = normalizeInLoop(Mul(Einsum("gbi,gik->gbk", message, step(steps, j)), row(evidence, j)))
		return []*Node{Add(j, Const(g, int32(1))), message, setRow(all, message, j), evidence, steps}
	})
	out := While(until(func(j *Node) *Node { return LessThan(j, Const(j.Graph(), int32(n))) }), body,
		Const(g, int32(1)), first, forward, evidence, steps)
	forward = out[2]

	// ∝ P(evidence after j | atom at j), back again; both together replace the
	// forward message.
	body = NewClosure(g, func(g *Graph) []*Node {
		j, message, all, evidence, steps := state(g)
		ahead := Mul(row(evidence, j), message)
		message = normalizeInLoop(Einsum("gbk,gik->gbi", ahead, step(steps, j)))
		before := Add(j, Const(g, int32(-1)))
		both := normalizeInLoop(Mul(row(all, before), message))
		return []*Node{before, message, setRow(all, both, before), evidence, steps}
	})
	out = While(until(func(j *Node) *Node { return GreaterThan(j, Const(j.Graph(), int32(0))) }), body,
		Const(g, int32(n-1)), Ones(g, place), forward, evidence, steps)
	return together(out[2])
}

// normalizeInLoop is normalize of x [G,images,K] without what GoMLX 0.28 does not take inside a
// loop: reductions, and scalars that it keeps for the whole graph.
func normalizeInLoop(x *Node) *Node {
	g, dims := x.Graph(), x.Shape().Dimensions
	sum := Reshape(Dot(Reshape(x, dims[0]*dims[1], dims[2]), filled(g, 1, dims[2], 1)).MatMul(), dims[0], dims[1], 1)
	return Div(x, BroadcastToDims(Max(sum, filled(g, leastMass, dims[0], dims[1], 1)), dims...))
}

// filled is a constant of one number.
func filled(g *Graph, value float32, dims ...int) *Node {
	size := 1
	for _, n := range dims {
		size *= n
	}
	return Reshape(Const(g, slices.Repeat([]float32{value}, size)), dims...)
}

// step is the matrices [G,K,K] of place j of steps [G,n,K,K].
func step(steps, j *Node) *Node {
	zero := Const(j.Graph(), int32(0))
	d := steps.Shape().Dimensions
	return Reshape(DynamicSlice(steps, []*Node{zero, j, zero, zero}, []int{d[0], 1, d[2], d[3]}), d[0], d[2], d[3])
}

// row is place j of x [G,images,n,K]: [G,images,K].
func row(x, j *Node) *Node {
	zero := Const(j.Graph(), int32(0))
	d := x.Shape().Dimensions
	return Reshape(DynamicSlice(x, []*Node{zero, zero, j, zero}, []int{d[0], d[1], 1, d[3]}), d[0], d[1], d[3])
}

// setRow is x [G,images,n,K] with row [G,images,K] at place j.
func setRow(x, row, j *Node) *Node {
	zero := Const(j.Graph(), int32(0))
	return DynamicUpdateSlice(x, InsertAxes(row, 2), []*Node{zero, zero, j, zero})
}
