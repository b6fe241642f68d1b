package head

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// UNet is a trunk of the UNet over the image. A Gramian field has no
// translation invariance, so a learned map of the places comes in beside the
// image; what it says of packet j is read off pixel (j,j) and the mean of row
// j.
type UNet struct {
	Places int
	Config unet.Config // its image size, channels in and out and classes are set by the head
	// Classes is the number of classes.
	Classes int
}

// placeChannels is the depth of the learned map of the places.
const placeChannels = 8

func (u UNet) network(features int) unet.Config {
	c := u.Config
	c.ImageSize = u.Places
	c.InChannels = 2 + placeChannels
	c.Outputs = 1 + 2*features
	c.Classes = u.Classes
	return c
}

// places is the learned map: an embedding with a row for each pixel.
func (u UNet) places() nn.Embedding {
	return nn.Embedding{Rows: u.Places * u.Places, Channels: placeChannels}
}

// Params lists the parameters. The network's last layer starts at zero, as
// guided-diffusion's does, so that a new model says what its base says.
func (u UNet) Params(features int) []nn.Param {
	return append(u.places().Params("places"), u.network(features).Params()...)
}

// Graph is a Trunk's.
func (u UNet) Graph(scope *model.Scope, x, t, y *Node, features int) (residual, packets *Node) {
	n, batch := u.Places, x.Shape().Dim(0)
	x.AssertDims(batch, n, n, 2)
	pixels := make([]int32, n*n)
	for i := range pixels {
		pixels[i] = int32(i)
	}
	places := u.places().Graph(nn.At(scope, "places"), Const(x.Graph(), pixels))
	places = BroadcastToDims(Reshape(places, 1, n, n, placeChannels), batch, n, n, placeChannels)
	out := u.network(features).Graph(scope, Concatenate([]*Node{x, places}, -1), t, y) // [B,n,n,1+2F]

	residual = Reshape(SliceAxis(out, -1, AxisRange(0, 1)), batch, n, n)
	own := SliceAxis(out, -1, AxisRange(1, 1+features))
	row := SliceAxis(out, -1, AxisRange(1+features))
	eye := Reshape(diagonalMask(x.Graph(), n), 1, n, n, 1)
	packets = Add(ReduceSum(Mul(own, eye), 2), ReduceMean(row, 2))
	return residual, packets
}
