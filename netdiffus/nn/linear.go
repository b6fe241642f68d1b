package nn

import (
	"cmp"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Linear is the linear map x·W + b.
type Linear struct {
	In, Out int
	Zero    bool // initial values are zero, as in the last layer of a residual branch
}

// Params returns weight and bias.
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

// Graph returns x·W + b, [B,Out], for x [B,In], in its type.
func (l Linear) Graph(scope *model.Scope, x *Node) *Node {
	return affine(scope, x, l.In, l.Out)
}

// affine returns x·weight + bias over the last axis of x [B,…,in]: [B,…,out].
func affine(scope *model.Scope, x *Node, in, out int) *Node {
	g := x.Graph()
	w, b := weight(scope, g, "weight", in, out), weight(scope, g, "bias", out)
	dims := x.Shape().Clone().Dimensions
	dims[len(dims)-1] = out
	flat := Dot(Reshape(x, -1, in), like(w, x)).MatMul()
	return addBias(Reshape(flat, dims...), b)
}

// Embedding is a trainable table with one row for each class.
type Embedding struct {
	Rows, Channels int
	Std            float64 // standard deviation of the initial values; 0 means 1, as in PyTorch
}

// Params returns weight.
func (e Embedding) Params(path string) []Param {
	return []Param{{Name: join(path, "weight"), Shape: []int{e.Rows, e.Channels}, Kind: Table, Init: normal(cmp.Or(e.Std, 1))}}
}

// Graph returns the rows [B,Channels] float32 of y [B], integers in [0,Rows).
func (e Embedding) Graph(scope *model.Scope, y *Node) *Node {
	table := weight(scope, y.Graph(), "weight", e.Rows, e.Channels)
	return Gather(table, InsertAxes(y, -1))
}
