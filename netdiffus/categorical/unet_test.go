package categorical

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
)

func TestPatchesByHand(t *testing.T) {
	x := []float32{ // one image of 4x4 of one channel
		0, 1, 2, 3,
		4, 5, 6, 7,
		8, 9, 10, 11,
		12, 13, 14, 15,
	}
	got := run(t, func(in []*Node) []*Node {
		image := Reshape(in[0], 1, 4, 4, 1)
		patches := toPatches(image, 2)
		return []*Node{patches, fromPatches(patches, 2), SliceAxis(toPatches(Concatenate([]*Node{image, Neg(image)}, -1), 2), 1, AxisRange(0, 1))}
	}, x)
	for i, want := range []float32{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15} {
		if got[0][i] != want {
			t.Fatalf("patches %v, want the squares' pixels side by side", got[0])
		}
	}
	for i, want := range x {
		if got[1][i] != want {
			t.Fatalf("%v came back from patches, want %v", got[1], x)
		}
	}
	for i, want := range []float32{0, 0, 1, -1, 4, -4, 5, -5, 2, -2, 3, -3, 6, -6, 7, -7} {
		if got[2][i] != want {
			t.Fatalf("first patches of two channels: %v, want pixels with their channels", got[2])
		}
	}
}
