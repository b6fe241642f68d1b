package nn

import (
	"cmp"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// MLP is a network of residual blocks over vectors, each scaled and shifted by the time
// and the class: the inner part of the trunks that see a sample as a whole.
type MLP struct {
	In      int // numbers of a sample
	Width   int // a multiple of 32, at least 64; 0 means 384
	Blocks  int // 0 means 3
	Classes int
	Dropout float64 // share of a block's inner features that training drops, in [0,1)
}

const timeChannels = 128 // of the timestep embedding

// WithDefaults fills in what zeros mean.
func (m MLP) WithDefaults() MLP {
	m.Width = cmp.Or(m.Width, 384)
	m.Blocks = cmp.Or(m.Blocks, 3)
	return m
}

// Validate returns what keeps the network from being built.
func (m MLP) Validate() error {
	if m.Width%DefaultGroups != 0 || m.Width == DefaultGroups || m.Width < 0 {
		return fmt.Errorf("nn: the MLP's width is %d, want a multiple of %d from %d up, or 0", m.Width, DefaultGroups, 2*DefaultGroups)
	}
	if m.Blocks < 0 {
		return fmt.Errorf("nn: the MLP has %d blocks, want 0 or more", m.Blocks)
	}
	if !(m.Dropout >= 0 && m.Dropout < 1) {
		return fmt.Errorf("nn: the MLP's dropout is %v, want it in [0,1)", m.Dropout)
	}
	return nil
}

// Params lists the parameters.
func (m MLP) Params() []Param {
	m = m.WithDefaults()
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
	return append(params, m.norm().Params("norm")...)
}

func (m MLP) in() Linear       { return Linear{In: m.In, Out: m.Width} }
func (m MLP) time() Linear     { return Linear{In: timeChannels, Out: m.Width} }
func (m MLP) norm() GroupNorm  { return GroupNorm{Channels: m.Width} }
func (m MLP) class() Embedding { return Embedding{Rows: m.Classes, Channels: m.Width} }

// mlpBlock is one residual block.
type mlpBlock struct {
	norm               GroupNorm
	condition, in, out Linear
	dropout            Dropout
}

func (m MLP) block() mlpBlock {
	return mlpBlock{
		norm:      m.norm(),
		condition: Linear{In: m.Width, Out: 2 * m.Width},
		in:        Linear{In: m.Width, Out: m.Width},
		out:       Linear{In: m.Width, Out: m.Width, Zero: true},
	}
}

// Graph returns features [B,Width] of x [B,In] at the times t [B] float32 and of the
// classes y [B] int32, in the type that the network computes in (Narrow). key [2] uint32 decides what is dropped; nil drops nothing.
func (m MLP) Graph(scope *model.Scope, x, t, y, key *Node) *Node {
	m = m.WithDefaults()
	condition := SiLU(Add(
		m.time().Graph(At(scope, "time"), Narrow(scope, Timestep(t, timeChannels))),
		Narrow(scope, m.class().Graph(At(scope, "class"), y))))
	h := m.in().Graph(At(scope, "in"), Narrow(scope, x))
	for i := range m.Blocks {
		b := m.block()
		if key != nil {
			b.dropout = Dropout{Rate: m.Dropout, Key: key}
		}
		h = Add(h, b.graph(At(scope, fmt.Sprintf("blocks/%d", i)), h, condition))
	}
	return SiLU(m.norm().Graph(At(scope, "norm"), h))
}

func (b mlpBlock) graph(scope *model.Scope, h, condition *Node) *Node {
	width := h.Shape().Dim(1)
	both := b.condition.Graph(At(scope, "condition"), condition)
	scale, shift := Slice(both, AxisRange(), AxisRange(0, width)), Slice(both, AxisRange(), AxisRange(width))
	h = b.norm.Graph(At(scope, "norm"), h)
	h = Add(Mul(h, OnePlus(scale)), shift)
	h = SiLU(b.in.Graph(At(scope, "in"), SiLU(h)))
	return b.out.Graph(At(scope, "out"), b.dropout.Graph(At(scope, "dropout"), h))
}
