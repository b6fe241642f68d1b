package categorical

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// UNet is a trunk of the UNet over the image. A Gramian field has no
// translation invariance, so a learned map of the places is an input too.
// The features of packet j are a linear map of the network's at pixel (j,j) and of
// their mean over row j.
type UNet struct {
	Shape
	Config unet.Config // its image size, channels in and out and classes are those of Shape
	// Patch is the side of the squares of pixels that the network takes as one
	// pixel of many channels, and returns as squares: with 2 a map of 10x10
	// costs a quarter. It must divide Places. 0 means 2 where
	// Places is even and not below 8, else 1.
	Patch int
}

const (
	placeChannels = 8  // depth of the learned map of the places
	mapChannels   = 64 // features in the output of each of the network's pixels, for each of the images' channels
)

func (u UNet) channels() int { return u.Shape.withDefaults().Channels }

// seen is the number of values of each pixel in the input.
func (u UNet) seen() int { return u.Shape.withDefaults().Images * u.channels() }

// features is the depth of the network's output besides the residuals.
func (u UNet) features() int { return mapChannels * u.channels() }

// residuals is the number of residuals in the output of each of the network's
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

// Validate returns what keeps the network from being built.
func (u UNet) Validate() error {
	if u.Patch < 0 {
		return fmt.Errorf("categorical: patch is %d, want 1 or more, or 0", u.Patch)
	}
	if u.Places%u.patch() != 0 {
		return fmt.Errorf("categorical: patches of %d do not divide images of %d", u.Patch, u.Places)
	}
	return u.network().Validate()
}

// Params lists the parameters. The network's last layer starts at zero, as
// guided-diffusion's does, so that a new model predicts what its
// base does.
func (u UNet) Params(features int) []nn.Param {
	ps := append(u.places().Params("places"), u.network().Params()...)
	return append(ps, u.packets(features).Params("packets")...)
}

// Graph implements Trunk.
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
	packets = u.packets(features).Graph(nn.At(scope, "packets"), Reshape(both, batch*side, -1))
	return residual, Reshape(packets, batch, n, features)
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
