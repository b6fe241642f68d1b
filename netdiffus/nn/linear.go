package nn

import (
	"cmp"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Linear is x·W + b.
type Linear struct {
	In, Out int
	Zero    bool // starts at zero: the last layer of a residual branch
}

// Params lists weight and bias.
func (l Linear) Params(path string) []Param {
	init := fanIn(l.In)
	if l.Zero {
		init = zeros
	}
	return []Param{
		{Name: join(path, "weight"), Shape: []int{l.In, l.Out}, Kind: Matrix, Init: init},
		{Name: join(path, "bias"), Shape: []int{l.Out}, Init: init},
	}
}

// Graph takes x [B,In] and returns [B,Out].
func (l Linear) Graph(scope *model.Scope, x *Node) *Node {
	return affine(scope, x, l.In, l.Out)
}

// affine is x·weight + bias over the last axis of x.
func affine(scope *model.Scope, x *Node, in, out int) *Node {
	g := x.Graph()
	w, b := weight(scope, g, "weight", in, out), weight(scope, g, "bias", out)
	dims := x.Shape().Clone().Dimensions
	dims[len(dims)-1] = out
	flat := Dot(Reshape(x, -1, in), w).MatMul()
	return Add(Reshape(flat, dims...), ExpandLeftToRank(b, x.Rank()))
}

// Embedding is a table with a row for each class.
type Embedding struct {
	Rows, Channels int
	Std            float64 // of the normal that it starts from; 0 means 1, as PyTorch
}

// Params lists weight.
func (e Embedding) Params(path string) []Param {
	return []Param{{Name: join(path, "weight"), Shape: []int{e.Rows, e.Channels}, Kind: Table, Init: normal(cmp.Or(e.Std, 1))}}
}

// Graph takes y [B] integers in [0,Rows) and returns [B,Channels].
func (e Embedding) Graph(scope *model.Scope, y *Node) *Node {
	table := weight(scope, y.Graph(), "weight", e.Rows, e.Channels)
	return Gather(table, InsertAxes(y, -1))
}
