// Package nn provides the layers of the networks: convolutions, linear maps, group
// norm, attention, timestep embeddings, resampling and dropout. Their results equal
// those of PyTorch's layers as guided-diffusion uses them.
//
// A layer is a plain value. Its Params method returns the names and shapes of its
// parameters without building anything; its Graph method builds the computation
// graph from variables that must already exist (see Create). Images are [B,H,W,C]
// float32 or, inside a network, bfloat16, channels last. Graph methods panic where a parameter is missing or an
// argument has the wrong shape. Layers compute in the type of what they are given; a network
// chooses it (Narrow).
package nn

import (
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// At returns the scope at path below scope. path may have several elements, as in
// "input_blocks/0/0".
func At(scope *model.Scope, path string) *model.Scope {
	for element := range strings.SplitSeq(path, "/") {
		scope = scope.At("%s", element)
	}
	return scope
}

// weight returns the node of the parameter called name in scope. It panics where the
// parameter is missing or has another shape than dims: silently creating it with
// random values would hide the mistake.
func weight(scope *model.Scope, g *graph.Graph, name string, dims ...int) *graph.Node {
	v := scope.GetVariable(name)
	if v == nil {
		exceptions.Panicf("nn: no parameter %s: create the parameters or load a checkpoint before building the graph",
			model.JoinPath(scope.Scope(), name))
	}
	if err := v.Shape().CheckDims(dims...); err != nil {
		exceptions.Panicf("nn: parameter %s is %s, the network needs %v", v.Path(), v.Shape(), dims)
	}
	return v.NodeValue(g)
}
