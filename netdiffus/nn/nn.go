// Package nn has the layers of the networks: convolutions, linear maps, group
// norm, attention, timestep embeddings, resampling and dropout, equal in numbers
// to PyTorch's as guided-diffusion uses them.
//
// A layer is a plain value. Its Params method lists the names and shapes of its
// parameters without building anything; its Graph method builds XLA's graph from
// variables that must already exist (see Create). Images are [B,H,W,C] float32,
// channels last.
package nn

import (
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// At returns the scope at path below scope; path may have several parts, as in
// "input_blocks/0/0".
func At(scope *model.Scope, path string) *model.Scope {
	for part := range strings.SplitSeq(path, "/") {
		scope = scope.At("%s", part)
	}
	return scope
}

// weight returns the graph's node of the parameter called name in scope. It
// panics where the parameter is missing or has another shape than dims: a network
// that silently starts from new random weights is the worse failure.
func weight(scope *model.Scope, g *graph.Graph, name string, dims ...int) *graph.Node {
	v := scope.GetVariable(name)
	if v == nil {
		exceptions.Panicf("nn: no parameter %s: create the parameters or load a checkpoint before building the graph",
			model.JoinPath(scope.Scope(), name))
	}
	if err := v.Shape().CheckDims(dims...); err != nil {
		exceptions.Panicf("nn: parameter %s is %s, the network wants %v", v.Path(), v.Shape(), dims)
	}
	return v.NodeValue(g)
}
