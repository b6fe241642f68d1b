package categorical

import (
	"cmp"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// MLP is a trunk of residual blocks over all pixels at once. A Gramian field of
// a few packets has no translation invariance, so that on small images it
// learns more per second than convolutions do.
type MLP struct {
	Shape
	Width  int // a multiple of 32, at least 64; 0 means 384
	Blocks int // 0 means 3
}

const timeChannels = 128 // of the timestep embedding

func (m MLP) withDefaults() MLP {
	m.Shape = m.Shape.withDefaults()
	m.Width = cmp.Or(m.Width, 384)
	m.Blocks = cmp.Or(m.Blocks, 3)
	return m
}

// Validate returns what keeps the network from being built.
func (m MLP) Validate() error {
	if m.Width%nn.DefaultGroups != 0 || m.Width == nn.DefaultGroups || m.Width < 0 {
		return fmt.Errorf("categorical: the MLP's width is %d, want a multiple of %d from %d up, or 0", m.Width, nn.DefaultGroups, 2*nn.DefaultGroups)
	}
	if m.Blocks < 0 {
		return fmt.Errorf("categorical: the MLP has %d blocks, want 0 or more", m.Blocks)
	}
	return nil
}

// Params lists the parameters.
func (m MLP) Params(features int) []nn.Param {
	m = m.withDefaults()
	params := m.in().Params("in")
	params = append(params, m.time().Params("time")...)
	params = append(params, m.class().Params("class")...)
	for i := range m.Blocks {
		b := m.block()
		path := fmt.Sprintf("blocks/%d/", i)
		params = append(params, b.norm.Params(path+"norm")...)
		params = append(params, b.condition.Params(path+"condition")...)
		params = append(params, b.in.Params(path+"in")...)
		params = append(params, b.out.Params(path+"out")...)
	}
	params = append(params, m.norm().Params("norm")...)
	params = append(params, m.residual().Params("residual")...)
	return append(params, m.packets(features).Params("packets")...)
}

func (m MLP) in() nn.Linear      { return nn.Linear{In: m.Images * m.pixels(), Out: m.Width} }
func (m MLP) time() nn.Linear    { return nn.Linear{In: timeChannels, Out: m.Width} }
func (m MLP) norm() nn.GroupNorm { return nn.GroupNorm{Channels: m.Width} }
func (m MLP) class() nn.Embedding {
	return nn.Embedding{Rows: m.Classes, Channels: m.Width}
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

// block is one residual block.
type block struct {
	norm               nn.GroupNorm
	condition, in, out nn.Linear
}

func (m MLP) block() block {
	return block{
		norm:      m.norm(),
		condition: nn.Linear{In: m.Width, Out: 2 * m.Width},
		in:        nn.Linear{In: m.Width, Out: m.Width},
		out:       nn.Linear{In: m.Width, Out: m.Width, Zero: true},
	}
}

// Graph implements Trunk.
func (m MLP) Graph(scope *model.Scope, x, t, y *Node, features int) (residual, packets *Node) {
	m = m.withDefaults()
	n := m.Places
	x.AssertDims(-1, n, n, m.Images*m.Channels)
	batch := x.Shape().Dim(0)
	condition := nn.SiLU(Add(
		m.time().Graph(nn.At(scope, "time"), nn.Timestep(t, timeChannels)),
		m.class().Graph(nn.At(scope, "class"), y)))
	h := m.in().Graph(nn.At(scope, "in"), Reshape(x, batch, m.Images*m.pixels()))
	for i := range m.Blocks {
		h = Add(h, m.block().graph(nn.At(scope, fmt.Sprintf("blocks/%d", i)), h, condition))
	}
	h = nn.SiLU(m.norm().Graph(nn.At(scope, "norm"), h))
	residual = Reshape(m.residual().Graph(nn.At(scope, "residual"), h), batch, n, n, m.Channels)
	packets = Reshape(m.packets(features).Graph(nn.At(scope, "packets"), h), batch, n, features)
	return residual, packets
}

func (b block) graph(scope *model.Scope, h, condition *Node) *Node {
	width := h.Shape().Dim(1)
	both := b.condition.Graph(nn.At(scope, "condition"), condition)
	scale, shift := Slice(both, AxisRange(), AxisRange(0, width)), Slice(both, AxisRange(), AxisRange(width))
	h = b.norm.Graph(nn.At(scope, "norm"), h)
	h = Add(Mul(h, OnePlus(scale)), shift)
	h = nn.SiLU(b.in.Graph(nn.At(scope, "in"), nn.SiLU(h)))
	return b.out.Graph(nn.At(scope, "out"), h)
}
