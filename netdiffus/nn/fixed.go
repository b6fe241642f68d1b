package nn

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// fixedScope is where Fixed keeps its numbers in a store: beside the weights, which
// alone are trained and saved.
const fixedScope = "/fixed"

// leastFixed is the number of values from which Fixed makes an argument of them.
const leastFixed = 256

// Fixed returns values, row-major, as a node of shape dims, for numbers that do not
// change. In graphs of a model.Exec large ones are an argument of the program, as
// weights are, in place of a constant in its text: XLA takes long to read megabytes of
// constants, and longer to compute with them in advance. Equal numbers are one
// argument.
func Fixed(g *graph.Graph, values []float32, dims ...int) *graph.Node {
	if store := model.GetStore(g); store != nil && len(values) >= leastFixed {
		path := fmt.Sprintf("%s/%x", fixedScope, fingerprint(values, dims))
		v := store.GetVariable(path)
		if v == nil {
			v = store.VariableWithValue(path, tensors.FromFlatDataAndDimensions(values, dims...)).SetTrainable(false)
		}
		return v.NodeValue(g)
	}
	return graph.Reshape(graph.Const(g, values), dims...)
}

// fingerprint tells numbers of other values or shapes apart.
func fingerprint(values []float32, dims []int) []byte {
	h := sha256.New()
	fmt.Fprint(h, dims)
	buffer := make([]byte, 0, 4096)
	for _, v := range values {
		if buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v)); len(buffer) == cap(buffer) {
			h.Write(buffer)
			buffer = buffer[:0]
		}
	}
	h.Write(buffer)
	return h.Sum(nil)[:16]
}
