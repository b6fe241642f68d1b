package nn

import . "github.com/gomlx/gomlx/core/graph"

// MeanPool2 returns the means of 2x2 pixels of x [B,H,W,C]: [B,⌊H/2⌋,⌊W/2⌋,C]. The
// last row or column of an odd size is dropped.
func MeanPool2(x *Node) *Node {
	x.AssertRank(4)
	d := x.Shape().Dimensions
	b, h, w, c := d[0], d[1]/2, d[2]/2, d[3]
	x = Slice(x, AxisRange(), AxisRange(0, 2*h), AxisRange(0, 2*w))
	return ReduceMean(Reshape(x, b, h, 2, w, 2, c), 2, 4)
}

// Nearest2 returns x [B,H,W,C] with each pixel repeated 2x2: [B,2H,2W,C].
func Nearest2(x *Node) *Node {
	x.AssertRank(4)
	d := x.Shape().Dimensions
	b, h, w, c := d[0], d[1], d[2], d[3]
	x = BroadcastToDims(Reshape(x, b, h, 1, w, 1, c), b, h, 2, w, 2, c)
	return Reshape(x, b, 2*h, 2*w, c)
}
