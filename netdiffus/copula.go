package netdiffus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/copula"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// Copula is the kind of model of series of numbers without a network: its denoiser draws
// a series from the posterior of the class's Gaussian copula given the noisy image
// (package copula), so that samples follow the copula at any number of steps. It is
// estimated in seconds, and is what Numbers corrects.
type Copula struct {
	copula.Settings
	// Tables are the copula itself; nil until Estimate.
	Tables *copula.Tables `json:"tables,omitempty"`
}

// Codec returns the codec "quantiles".
func (Copula) Codec() codec.Codec { return &codec.Quantiles{} }

// Check returns what keeps c from being a copula.
func (k Copula) Check(c Config) error {
	t := c.Training
	var p problems
	p.add(k.Settings.Check())
	p.wrong(!c.ClassCond, "a copula is class-conditional")
	p.drawnByGo(c)
	p.wrong(t.Validation != 0 || t.LabelDropout != 0 || t.LimitCopies,
		"a copula is estimated, not trained: it takes neither validation nor label dropout nor limit_copies")
	if c.Encoding != nil {
		_, err := quantileCodecs(c.Encoding)
		p.add(err)
	}
	return p.err()
}

// quantileCodecs returns the codecs of the channels, if a model of numbers can be made
// for them.
func quantileCodecs(e *dataset.Encoding) ([]*codec.Quantiles, error) {
	if err := checkRecord(e, dataset.Series); err != nil {
		return nil, err
	}
	var all []*codec.Quantiles
	for _, channel := range e.Channels() {
		q, ok := channel.Codec.(*codec.Quantiles)
		if !ok {
			return nil, &CodecError{Want: q.Name(), Got: channel.Codec.Name()}
		}
		all = append(all, q)
	}
	if e.Rendering() != nil {
		return nil, errors.New("netdiffus: a model of numbers reads images of numbers, the data set has pictures of 8 bits")
	}
	switch e.Image().(type) {
	case imaging.GASF, imaging.Series:
		return all, nil
	}
	return nil, fmt.Errorf("netdiffus: a model of numbers is for GASF images, or for none; the data set has %s", e.Image().Name())
}

// fitCopula estimates the copula of set, which c is fitted to.
func fitCopula(c Config, set *dataset.Set, s copula.Settings) (*copula.Copula, error) {
	codecs, err := quantileCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	var codes [][][]float64
	r := newRenderer(set.Images)
	for i := range set.Len() {
		codes = append(codes, r.codesOf(set.Images.At(i)))
	}
	return copula.FitCodes(codecs, c.Classes, codes, set.Labels, s)
}

// Estimate estimates the copula.
func (k Copula) Estimate(_ context.Context, c Config, set *dataset.Set, status func(string)) (Kind, error) {
	if k.Tables != nil {
		return k, nil
	}
	fitted, err := fitCopula(c, set, k.Settings)
	if err != nil {
		return nil, err
	}
	k.Tables = fitted.Tables()
	status(fmt.Sprintf("estimated the copulas of %d classes, %d variants of them in all, from %d series", len(c.Classes), fitted.Variants(), set.Len()))
	return k, nil
}

// New returns the model; it cannot draw until the copula is estimated.
func (k Copula) New(c Config) (Model, error) {
	m := &copulaModel{}
	if k.Tables == nil {
		return m, nil
	}
	if c.Encoding == nil {
		return nil, errors.New("netdiffus: a copula is made for a data set: fit the configuration to one first")
	}
	codecs, err := quantileCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	if m.copula, err = k.Tables.Copula(codecs, c.Classes); err != nil {
		return nil, err
	}
	m.drawers = make([]sync.Pool, m.copula.Variants())
	return m, nil
}

// variants is the part of models that divide classes into their copula's variants.
type variants struct {
	copula *copula.Copula // nil before Estimate
}

// VariantsOf implements Divided.
func (v variants) VariantsOf(images imaging.Images, labels []int) []int32 {
	out := make([]int32, len(labels))
	for i, class := range labels {
		out[i] = int32(class)
	}
	if v.copula != nil {
		eachImage(images, func(r *renderer, i int) error {
			out[i] = int32(v.copula.VariantOf(labels[i], r.codesOf(images.At(i))))
			return nil
		})
	}
	return out
}

// DrawVariant implements Divided.
func (v variants) DrawVariant(class int, r *rand.Rand) int32 {
	if v.copula == nil {
		return int32(class)
	}
	return int32(v.copula.DrawVariant(class, r))
}

// copulaModel is the copula, and memory to draw with.
type copulaModel struct {
	variants
	drawers []sync.Pool // of *copula.Drawer, by variant
}

func (*copulaModel) Params() []nn.Param { return nil }

func (*copulaModel) Traits() Traits { return Traits{Batch: 512} }

func (m *copulaModel) Bind(s schedule.Schedule, _ []int) Bound { return copulaBound{onHost{}, m, s} }

// copulaBound is a copulaModel over the steps of a schedule.
type copulaBound struct {
	onHost
	*copulaModel
	schedule schedule.Schedule
}

func (copulaBound) Loss(*model.Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) diffusion.Losses {
	exceptions.Panicf("netdiffus: a copula has no loss to minimise")
	return diffusion.Losses{}
}

// EstimateX0 implements HostDenoiser: each image's x0 is a draw from its posterior,
// rendered.
func (b copulaBound) EstimateX0(x imaging.Images, t int, y []int32, sources []noise.Source, x0 imaging.Images) error {
	if b.copula == nil {
		return errors.New("netdiffus: the copula has not been estimated yet")
	}
	alphaBar := b.schedule.AlphaBar[t]
	signal, sigma := math.Sqrt(alphaBar), math.Sqrt(1-alphaBar)
	return eachImage(x, func(r *renderer, i int) error {
		d, ok := b.drawers[y[i]].Get().(*copula.Drawer)
		if !ok {
			d = b.copula.Drawer(int(y[i]))
		}
		var before [][]float64
		if slices.ContainsFunc(x0.At(i), func(v float64) bool { return v != 0 }) {
			before = r.codesOf(x0.At(i))
		}
		r.read(x.At(i))
		d.Draw(sources[i].Rand, r.diagonals, signal, sigma, before, r.codes)
		r.write(x0.At(i))
		b.drawers[y[i]].Put(d)
		return nil
	})
}
