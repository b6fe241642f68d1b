package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// Dropout sets a random fraction of the features to zero and scales the others up to
// keep the mean (Srivastava et al. 2014). A hash of Key, the layer's scope and the
// feature's index determines which, because the random generators of XLA and of the
// pure Go backend differ.
type Dropout struct {
	Rate float64 // fraction dropped, in [0,1)
	Key  *Node   // [2] uint32
}

// Graph returns x, of any shape, with features dropped. scope is the layer's scope.
func (d Dropout) Graph(scope *model.Scope, x *Node) *Node {
	if d.Rate == 0 {
		return x
	}
	g := x.Graph()
	d.Key.AssertDims(2)
	layer := uint32(noise.Key(scope.Scope()))
	key := func(i int) *Node { return Reshape(Slice(d.Key, AxisElem(i)), 1) }

	n := x.Shape().Size()
	bits := Iota(g, shapes.Make(dtypes.Uint32, n), 0)
	bits = mix32(Add(bits, AddScalar(key(0), layer)))
	bits = mix32(BitwiseXor(bits, key(1)))
	// The upper 24 bits convert to a float32 in [0,1) without rounding.
	uniform := MulScalar(ConvertDType(BitwiseShiftRightLogicalScalar(bits, uint32(8)), dtypes.Float32), 1.0/(1<<24))
	kept := Reshape(GreaterOrEqual(uniform, Scalar(g, dtypes.Float32, d.Rate)), x.Shape().Dimensions...)
	return Where(kept, MulScalar(x, 1/(1-d.Rate)), ZerosLike(x))
}

// mix32 is the finalizer of MurmurHash3: every bit of the result depends on every
// bit of x (Appleby 2011, public domain).
func mix32(x *Node) *Node {
	shift := func(x *Node, n uint32) *Node { return BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, n)) }
	x = MulScalar(shift(x, 16), uint32(0x85ebca6b))
	x = MulScalar(shift(x, 13), uint32(0xc2b2ae35))
	return shift(x, 16)
}
