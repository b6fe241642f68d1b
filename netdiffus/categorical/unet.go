package categorical

import (
	"cmp"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// UNet is a trunk of the UNet over the image. A Gramian field has no
// translation invariance, so a learned map of the places comes in beside the
// image. What the network says of packet j is a linear map of its features at
// pixel (j,j) and of their mean over row j.
type UNet struct {
	Places int
	Config unet.Config // its image size, channels in and out and classes are set by the model
	// Classes is the number of classes.
	Classes int
	// Channels is that of the images; 0 means 1.
	Channels int
	// Images is how many it sees side by side; 0 means 2.
	Images int
	// Patch is the side of the squares of pixels that the network takes as one
	// pixel of many channels, and gives back as squares: with 2 a map of 10x10
	// costs a quarter. It must divide Places. 0 means 2 where
	// Places is even and not below 8, else 1.
	Patch int
}

const (
	placeChannels = 8  // depth of the learned map of the places
	mapChannels   = 64 // features that the network gives of each of its pixels, for each of the images' channels
)

func (u UNet) channels() int { return cmp.Or(u.Channels, 1) }

// seen is the number of values that it sees of each pixel.
func (u UNet) seen() int { return cmp.Or(u.Images, 2) * u.channels() }

// features is the depth of what the network gives beside the residuals.
func (u UNet) features() int { return mapChannels * u.channels() }

// residuals is the number of residuals that the network gives of each of its
// pixels.
func (u UNet) residuals() int { return u.patch() * u.patch() * u.channels() }

func (u UNet) patch() int {
	if u.Patch == 0 && u.Places >= 8 && u.Places%2 == 0 {
		return 2
	}
	return max(u.Patch, 1)
}

// side is that of the network's maps.
func (u UNet) side() int { return u.Places / u.patch() }

func (u UNet) network() unet.Config {
	c := u.Config
	c.ImageSize = u.side()
	c.InChannels = u.patch() * u.patch() * (u.seen() + placeChannels)
	c.Outputs = u.residuals() + u.features()
	c.Classes = u.Classes
	return c
}

// places is the learned map: an embedding with a row for each pixel.
func (u UNet) places() nn.Embedding {
	return nn.Embedding{Rows: u.Places * u.Places, Channels: placeChannels}
}

// packets is the map from a patch on the diagonal and its row to the features of
// its packets. It need not start at zero, since the network's last layer does.
func (u UNet) packets(features int) nn.Linear {
	return nn.Linear{In: 2 * u.features(), Out: u.patch() * features}
}

// Params lists the parameters. The network's last layer starts at zero, as
// guided-diffusion's does, so that a new model says what its base says.
func (u UNet) Params(features int) []nn.Param {
	ps := append(u.places().Params("places"), u.network().Params()...)
	return append(ps, u.packets(features).Params("packets")...)
}

// Graph is a Trunk's.
func (u UNet) Graph(scope *model.Scope, x, t, y *Node, features int) (residual, packets *Node) {
	n, batch, patch, side := u.Places, x.Shape().Dim(0), u.patch(), u.side()
	x.AssertDims(batch, n, n, u.seen())
	pixels := make([]int32, n*n)
	for i := range pixels {
		pixels[i] = int32(i)
	}
	places := u.places().Graph(nn.At(scope, "places"), Const(x.Graph(), pixels))
	places = BroadcastToDims(Reshape(places, 1, n, n, placeChannels), batch, n, n, placeChannels)
	in := toPatches(Concatenate([]*Node{x, places}, -1), patch)
	out := u.network().Graph(scope, in, t, y) // [B,side,side,residuals+features]

	residual = Reshape(fromPatches(SliceAxis(out, -1, AxisRange(0, u.residuals())), patch), batch, n, n, u.channels())
	seen := nn.SiLU(SliceAxis(out, -1, AxisRange(u.residuals())))
	eye := Reshape(diagonalMask(x.Graph(), side), 1, side, side, 1)
	own := ReduceSum(Mul(seen, eye), 2) // [B,side,features]
	both := Concatenate([]*Node{own, ReduceMean(seen, 2)}, -1)
	said := u.packets(features).Graph(nn.At(scope, "packets"), Reshape(both, batch*side, -1))
	return residual, Reshape(said, batch, n, features)
}

// toPatches makes one pixel of every square of patch by patch pixels of x
// [B,H,W,C]: [B,H/patch,W/patch,patch²·C].
func toPatches(x *Node, patch int) *Node {
	d := x.Shape().Dimensions
	x = Reshape(x, d[0], d[1]/patch, patch, d[2]/patch, patch, d[3])
	return Reshape(TransposeAllAxes(x, 0, 1, 3, 2, 4, 5), d[0], d[1]/patch, d[2]/patch, patch*patch*d[3])
}

// fromPatches is the inverse of toPatches.
func fromPatches(x *Node, patch int) *Node {
	d := x.Shape().Dimensions
	channels := d[3] / (patch * patch)
	x = Reshape(x, d[0], d[1], d[2], patch, patch, channels)
	return Reshape(TransposeAllAxes(x, 0, 1, 3, 2, 4, 5), d[0], d[1]*patch, d[2]*patch, channels)
}
