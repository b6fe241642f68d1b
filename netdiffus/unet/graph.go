package unet

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Graph is the network without dropout, for sampling and evaluation: x [B,H,W,C]
// float32, t [B] float32, y [B] int32 class numbers, nil if and only if the network
// is unconditional; the output is [B,H,W,OutChannels] float32. The parameters are
// taken from scope (see Params and Create). It panics where c cannot be built or
// the arguments do not fit.
func (c Config) Graph(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
	return c.graph(scope, x, t, y, nil)
}

// Dropped is the network with dropout, for training: a function like Graph. key
// [2] uint32 decides which features are dropped, the same on every backend; give
// each step and microbatch a new one.
func (c Config) Dropped(key *graph.Node) func(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
	return func(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
		return c.graph(scope, x, t, y, &nn.Dropout{Rate: c.Dropout, Key: key})
	}
}

func (c Config) graph(scope *model.Scope, x, t, y *graph.Node, drop *nn.Dropout) *graph.Node {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	c = c.filled()
	x.AssertRank(4)
	batch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	x.AssertDims(batch, h, w, c.InChannels)
	t.AssertDims(batch)
	if err := c.checkSize(h, w); err != nil {
		panic(err)
	}
	if (y != nil) != (c.Classes > 0) {
		exceptions.Panicf("unet: a network of %d classes got y = %v", c.Classes, y)
	}
	return c.network().graph(scope, x, t, y, drop)
}

// Params lists the parameters in the order of guided-diffusion's state dict. It
// needs no device.
func (c Config) Params() []nn.Param { return c.filled().network().params() }

// Create makes the parameters below scope with initial values distributed as
// guided-diffusion's, the same for the same seed on every backend.
func (c Config) Create(scope *model.Scope, seed uint64) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return nn.Create(scope, c.Params(), seed)
}
