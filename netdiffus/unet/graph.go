package unet

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// Graph returns the network's output [B,H,W,C] float32, without dropout, for images x
// [B,H,W,InChannels] float32, times t [B] float32 and classes y [B] int32, which are nil
// if and only if the network is unconditional. C is Outputs, or what follows from
// InChannels and LearnSigma. The parameters are variables below scope (see Params and
// Create). It panics where c is invalid, a parameter is missing or an argument has the
// wrong shape.
func (c Config) Graph(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
	return c.graph(scope, x, t, y, nil)
}

// GraphWithDropout returns a function like Graph that drops features at the rate
// Dropout, for training. key [2] uint32 determines which, equally on every backend;
// use a new one for each step and microbatch.
func (c Config) GraphWithDropout(key *graph.Node) func(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
	return func(scope *model.Scope, x, t, y *graph.Node) *graph.Node {
		return c.graph(scope, x, t, y, &nn.Dropout{Rate: c.Dropout, Key: key})
	}
}

func (c Config) graph(scope *model.Scope, x, t, y *graph.Node, drop *nn.Dropout) *graph.Node {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	c = c.withDefaults()
	x.AssertRank(4)
	batch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	x.AssertDims(batch, h, w, c.InChannels)
	t.AssertDims(batch)
	if err := c.checkSize(h, w); err != nil {
		panic(err)
	}
	if (y != nil) != (c.Classes > 0) {
		exceptions.Panicf("unet: the network has %d classes, but y is %v", c.Classes, y)
	}
	return c.network().graph(scope, x, t, y, drop)
}

// Params returns the parameters in the order of guided-diffusion's state dict. It
// needs no device.
func (c Config) Params() []nn.Param { return c.withDefaults().network().params() }

// Create creates the parameters as variables below scope. Their initial values are
// distributed as guided-diffusion's and equal for equal seeds on every backend. It
// fails where c is invalid or a parameter exists already.
func (c Config) Create(scope *model.Scope, seed uint64) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return nn.Create(scope, c.Params(), seed)
}
