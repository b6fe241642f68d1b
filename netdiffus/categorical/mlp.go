package categorical

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// MLP is a trunk of residual blocks over all pixels at once (nn.MLP). A Gramian field
// of a few packets has no translation invariance, so that on small images it
// learns more per second than convolutions do.
type MLP struct {
	Shape
	Width  int // a multiple of 32, at least 64; 0 means 384
	Blocks int // 0 means 3
}

func (m MLP) withDefaults() MLP {
	m.Shape = m.Shape.withDefaults()
	m.Width = m.network().WithDefaults().Width
	return m
}

// network is the trunk but for its last layers.
func (m MLP) network() nn.MLP {
	return nn.MLP{In: m.Images * m.pixels(), Width: m.Width, Blocks: m.Blocks, Classes: m.Classes}
}

// Validate returns what keeps the network from being built.
func (m MLP) Validate() error {
	if err := m.network().Validate(); err != nil {
		return fmt.Errorf("categorical: %w", err)
	}
	return nil
}

// Params lists the parameters.
func (m MLP) Params(features int) []nn.Param {
	m = m.withDefaults()
	params := append(m.network().Params(), m.residual().Params("residual")...)
	return append(params, m.packets(features).Params("packets")...)
}

// The last layers start at zero, so that a new model predicts what its base does.
func (m MLP) residual() nn.Linear {
	return nn.Linear{In: m.Width, Out: m.pixels(), Zero: true}
}

// pixels is the number of values of an image.
func (m MLP) pixels() int { return m.Places * m.Places * m.Channels }

func (m MLP) packets(features int) nn.Linear {
	return nn.Linear{In: m.Width, Out: m.Places * features, Zero: true}
}

// Graph implements Trunk.
func (m MLP) Graph(scope *model.Scope, x, t, y *Node, features int) (residual, packets *Node) {
	m = m.withDefaults()
	n := m.Places
	x.AssertDims(-1, n, n, m.Images*m.Channels)
	batch := x.Shape().Dim(0)
	h := m.network().Graph(scope, Reshape(x, batch, m.Images*m.pixels()), t, y, nil)
	residual = Reshape(nn.Widen(m.residual().Graph(nn.At(scope, "residual"), h)), batch, n, n, m.Channels)
	packets = Reshape(nn.Widen(m.packets(features).Graph(nn.At(scope, "packets"), h)), batch, n, features)
	return residual, packets
}
