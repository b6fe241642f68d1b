package netdiffus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/joint"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Chain is the kind of model without a network: its denoiser draws a whole flow from
// the exact posterior of a Markov chain given the noisy image (package joint), so that
// samples follow the chain exactly, as images. It is counted in seconds, and is what a
// network has to be better than.
type Chain struct {
	// Settings are the chain's. Order 0 chooses them on a part of the data that is held
	// out (joint.Choose).
	joint.Settings
	// Chosen are the settings that were chosen where none were given.
	Chosen *joint.Settings `json:"chosen,omitempty"`
	// Tables are the chain itself; nil until Estimate.
	Tables *ChainTables `json:"tables,omitempty"`
}

// ChainTables are what a chain has learned.
type ChainTables struct {
	*joint.Tables
	// Choice is what was measured to choose the settings; nil where they were given.
	Choice *joint.Choice `json:"choice,omitempty"`
}

// Codec returns the codec "atoms", with new values beside the rare ones.
func (Chain) Codec() codec.Codec { return &codec.Atoms{Novel: joint.Novel} }

// Check returns what keeps c from being a chain.
func (k Chain) Check(c Config) error {
	t := c.Training
	var p problems
	p.wrong(k.Order < 0 || k.Whole < 0 || k.Rare < 0 || k.Group < 0, "order is %d, whole %d, rare %d and group %d, want 0 or more", k.Order, k.Whole, k.Rare, k.Group)
	p.wrong(k.Order == 0 && k.Settings != joint.Settings{}, "whole, rare, group and thin are chosen together with the order: give an order, or none of them")
	p.wrong(!c.ClassCond, "a chain is class-conditional")
	p.drawnByGo(c)
	p.wrong(t.Validation != 0 || t.LabelDropout != 0 || t.LimitCopies,
		"a chain is counted, not trained: it takes neither validation nor label dropout nor limit_copies")
	if c.Encoding != nil {
		_, err := atomCodecs(c.Encoding)
		p.add(err)
	}
	return p.err()
}

// Estimate counts the chain, after it has chosen how, where the settings are not given.
func (k Chain) Estimate(ctx context.Context, c Config, set *dataset.Set, status func(string)) (Kind, error) {
	if k.Tables != nil {
		return k, nil
	}
	codecs, err := atomCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	series := joint.Read(codecs, c.Classes, set.Images, set.Labels)
	settings, tables := k.Settings, &ChainTables{}
	if settings.Order == 0 {
		status("choosing the chain's settings on flows held out")
		choice, err := joint.Choose(ctx, codecs[0], c.Classes, joint.Values(codecs[0], c.Classes, series), c.Training.Seed)
		if err != nil {
			return nil, err
		}
		status("chosen: " + choice.String())
		settings, tables.Choice, k.Chosen = choice.Settings, &choice, &choice.Settings
	}
	prior, err := joint.Fit(codecs, c.Classes, series, settings)
	if err != nil {
		return nil, err
	}
	tables.Tables, k.Tables = prior.Tables(), tables
	status(fmt.Sprintf("counted %d flows by a chain of %s", set.Len(), settings))
	return k, nil
}

// New returns the model; it cannot draw until the chain is estimated.
func (k Chain) New(c Config) (Model, error) {
	if k.Tables == nil || k.Tables.Tables == nil {
		return &chainModel{}, nil
	}
	if c.Encoding == nil {
		return nil, errors.New("netdiffus: a chain is made for a data set: fit the configuration to one first")
	}
	codecs, err := atomCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	prior, err := k.Tables.Prior(codecs, c.Classes)
	if err != nil {
		return nil, err
	}
	return newChainModel(prior, len(c.Classes)), nil
}

// chainModel is the prior, and memory to draw with.
type chainModel struct {
	prior   *joint.Prior // nil before Estimate
	evenly  *joint.Evenly
	drawers []sync.Pool // of *joint.Drawer, by class
}

func newChainModel(prior *joint.Prior, classes int) *chainModel {
	return &chainModel{prior, prior.Evenly(), make([]sync.Pool, classes)}
}

func (*chainModel) Params() []nn.Param { return nil }

func (*chainModel) Traits() Traits { return Traits{Batch: 512, Chain: true, Even: true} }

func (m *chainModel) Bind(s schedule.Schedule, _ []int) Bound { return chainBound{onHost{}, m, s} }

// chainBound is a chainModel over the steps of a schedule.
type chainBound struct {
	onHost
	*chainModel
	schedule schedule.Schedule
}

func (chainBound) Loss(*model.Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) diffusion.Losses {
	exceptions.Panicf("netdiffus: a chain has no loss to minimise")
	return diffusion.Losses{}
}

// EstimateX0 implements HostDenoiser: each image's x0 is a draw from its posterior,
// rendered. Where samples are drawn evenly it is that of the step before, if there was one.
func (b chainBound) EstimateX0(x imaging.Images, t int, y []int32, sources []noise.Source, x0 imaging.Images) error {
	if b.prior == nil {
		return errors.New("netdiffus: the chain has not been counted yet")
	}
	alphaBar := b.schedule.AlphaBar[t]
	signal, sigma := math.Sqrt(alphaBar), math.Sqrt(1-alphaBar)
	return eachImage(x, func(r *renderer, i int) error {
		even := sources[i].Even != nil
		if even && isDrawn(x0.At(i)) {
			return nil
		}
		if even && isFaint(signal, sigma) {
			series, err := b.evenly.Draw(int(y[i]), *sources[i].Even)
			if err != nil {
				return fmt.Errorf("netdiffus: %w", err)
			}
			b.prior.Encode(int(y[i]), series, r.codes)
			r.write(x0.At(i))
			return nil
		}
		d, ok := b.drawers[y[i]].Get().(*joint.Drawer)
		if !ok {
			d = b.prior.Drawer(int(y[i]))
		}
		r.read(x.At(i))
		d.Draw(sources[i].Rand, r.diagonals, signal, sigma, r.codes)
		r.write(x0.At(i))
		b.drawers[y[i]].Put(d)
		return nil
	})
}

// isFaint reports whether an image shows nothing: its clean pixels count so little beside its noise.
func isFaint(signal, noise float64) bool { return signal < 0.01*noise }

// isDrawn reports whether a clean image was drawn at a step before.
func isDrawn(x0 []float64) bool {
	return slices.ContainsFunc(x0, func(v float64) bool { return v != 0 })
}
