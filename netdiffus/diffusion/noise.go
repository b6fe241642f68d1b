package diffusion

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
)

// NormalNoise returns standard normal noise [B,dims…] float32 that depends on each image's
// counter and on draw alone, and so neither on the batch nor on the device: the numbers
// of noise.Counter.Normal, as far as the device rounds logarithms and cosines alike.
// counters [B,4] uint32 are noise.Counter.Words; draw is a scalar uint32.
func NormalNoise(counters, draw *Node, dims ...int) *Node {
	words, size := philox(counters, draw, dims)
	var parts []*Node
	for pair := range 2 {
		radius := Sqrt(MulScalar(Log(unitOpen(words[2*pair])), -2))
		angle := MulScalar(unit(words[2*pair+1]), 2*math.Pi)
		parts = append(parts, Mul(radius, Cos(angle)), Mul(radius, Sin(angle)))
	}
	return placed(parts, size, dims)
}

// UniformNoise returns numbers [B,dims…] float32 in [0,1), exactly the same on every device:
// noise.Unit of the counters' words, of which the first quarter of the numbers takes the
// first ones, and so on. Its arguments are NormalNoise's.
func UniformNoise(counters, draw *Node, dims ...int) *Node {
	words, size := philox(counters, draw, dims)
	var parts []*Node
	for _, w := range words {
		parts = append(parts, unit(w))
	}
	return placed(parts, size, dims)
}

// philox returns the four words [B,blocks] of as many blocks as numbers of so many
// dimensions take, size in all.
func philox(counters, draw *Node, dims []int) (words [4]*Node, size int) {
	g, batch := counters.Graph(), counters.Shape().Dim(0)
	counters.AssertDims(batch, 4)
	size = 1
	for _, d := range dims {
		size *= d
	}
	blocks := (size + 3) / 4
	of := func(i int) *Node { return SliceAxis(counters, 1, AxisRange(i, i+1)) } // [B,1]
	wide := func(x *Node) *Node { return BroadcastToDims(x, batch, blocks) }
	key0, key1 := of(0), of(1)
	c := [4]*Node{
		Iota(g, shapes.Make(dtypes.Uint32, batch, blocks), 1),
		wide(Reshape(draw, 1, 1)), wide(of(2)), wide(of(3)),
	}
	for range noise.PhiloxRounds {
		hi0, lo0 := multiply(c[0], noise.PhiloxM0)
		hi1, lo1 := multiply(c[2], noise.PhiloxM1)
		c = [4]*Node{BitwiseXor(BitwiseXor(hi1, c[1]), wide(key0)), lo1, BitwiseXor(BitwiseXor(hi0, c[3]), wide(key1)), lo0}
		key0, key1 = AddScalar(key0, noise.PhiloxW0), AddScalar(key1, noise.PhiloxW1)
	}
	return c, size
}

// multiply returns the upper and the lower half of the product of x, uint32, and factor.
func multiply(x *Node, factor uint32) (hi, lo *Node) {
	product := MulScalar(ConvertDType(x, dtypes.Uint64), uint64(factor))
	hi = ConvertDType(BitwiseShiftRightLogicalScalar(product, uint64(32)), dtypes.Uint32)
	return hi, MulScalar(x, factor)
}

// unitOpen is noise.UnitOpen.
func unitOpen(word *Node) *Node {
	return AddScalar(MulScalar(ConvertDType(word, dtypes.Float32), 0x1p-32), 0x1p-33)
}

// unit is noise.Unit.
func unit(word *Node) *Node {
	return MulScalar(ConvertDType(BitwiseShiftRightLogicalScalar(word, uint32(8)), dtypes.Float32), 0x1p-24)
}

// placed puts the four parts of the numbers one behind the other.
func placed(parts []*Node, size int, dims []int) *Node {
	all := SliceAxis(Concatenate(parts, 1), 1, AxisRange(0, size))
	return Reshape(all, append([]int{all.Shape().Dim(0)}, dims...)...)
}
