package netdiffus

import (
	"context"
	"encoding/json"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
)

// A Kind is a kind of model with its settings, which Config.Kind holds: Pixels,
// Atoms, or another package's. It is a plain value whose JSON is its settings. To
// add a kind is to write one and to register its zero value in Kinds: a struct, no
// pointer, under one name only, which no other setting of a Config has. A setting called
// "tables" is kept in a file of its own beside config.json.
type Kind interface {
	// Codec returns the codec, not fitted, that the data sets of such models are
	// made with; nil where any will do.
	Codec() codec.Codec
	// Check returns what keeps c, whose Kind this is, from being trained. What
	// depends on the data is checked where c is fitted (c.Encoding is not nil).
	Check(c Config) error
	// New returns the model of c, which is fitted.
	New(c Config) (Model, error)
}

// An Estimator is a Kind with tables that are estimated from the data, at once, before
// training. Where its models have no weights beside them, there is nothing to train.
type Estimator interface {
	Kind
	// Estimate returns the kind with what it has learned from set, which c, whose kind
	// it is, is fitted to. Where it has learned from a set before it stays as it is.
	// status is called with a few words about what is being done.
	Estimate(ctx context.Context, c Config, set *dataset.Set, status func(message string)) (Kind, error)
}

// A Chooser is a Kind that can draw in several ways with the same weights and tables. Which
// is best is chosen after training, on samples that are held out. Among them is the base that
// the network has to be better than, so that a run draws no worse samples than its base, as
// far as those held out can tell.
type Chooser interface {
	Kind
	// Ways returns the ways to choose from, the base first. set is what c, whose kind it is,
	// is fitted to.
	Ways(ctx context.Context, c Config, set *dataset.Set) ([]Way, error)
	// Thinned returns a way as it leaves out samples so that those drawn repeat the ones fitted to as
	// often as these repeat each other; drawn are some that the way drew. It returns the way as it is where
	// that cannot be. c is as for Ways.
	Thinned(c Config, way Way, drawn *dataset.Set) (Way, error)
	// Drawing returns the kind as it draws in a way with these settings.
	Drawing(settings json.RawMessage) (Kind, error)
}

// Way is one of a Chooser's ways to draw.
type Way struct {
	Name     string          `json:"name"` // for people
	Settings json.RawMessage `json:"settings"`
}

// A Model is a model of any kind, made for the data that its Config was fitted to.
// Its weights are not in it: they are variables of the scopes that the graphs are
// built with.
type Model interface {
	// Params lists the weights.
	Params() []nn.Param
	// Traits returns what sampling and training must know of the model.
	Traits() Traits
	// Bind returns the model for the steps of s and for batches that hold groups[c]
	// images of class c; groups is nil for a model that is not Traits.Grouped.
	Bind(s schedule.Schedule, groups []int) Bound
}

// Traits are a model's properties that do not depend on a batch.
type Traits struct {
	// Grouped batches hold a number of images of each class that is known when the
	// graph is built, sorted by class. Others hold any images in any order.
	Grouped bool
	// Batch is how many images sampling computes at once; 0 means 64.
	Batch int
	// HeldOut is how many images held out training measures at most; 0 means 1536.
	HeldOut int
	// Sampler is the name of the sampler that samples are drawn by unless the caller says
	// otherwise; "" means "ancestral".
	Sampler string
	// Reach is how far from 0 sampling lets a clean image go; 0 means 1.
	Reach float64
	// Grain is the standard deviation of the noise left on finished images.
	Grain float64
	// Decodings are the names that Bound.Decoder takes, for GASF images.
	Decodings []string
	// Chain is whether what the model draws are flows of a chain.
	Chain bool
	// Even is whether it draws evenly where a noise.Source says so.
	Even bool
	// GuidedDiffusion is whether the weights are those of guided-diffusion's network.
	GuidedDiffusion bool
}

// An Extractor is a Model that is trained on numbers that Go computes of the images, in place
// of the images themselves.
type Extractor interface {
	Model
	// Extract returns these numbers, as many of each image: Bound.Loss is given them as x0,
	// [B,F]. labels are the images' classes. counted is whether Estimate learned from the
	// images.
	Extract(images imaging.Images, labels []int, counted bool) [][]float32
}

// A Divided model divides classes into variants: its Bounds are given an image's variant, by
// a number among those of all classes, where others are given its class.
type Divided interface {
	Model
	// VariantsOf returns the variants of images of the classes labels.
	VariantsOf(images imaging.Images, labels []int) []int32
	// DrawVariant draws the variant of an image of a class.
	DrawVariant(class int, r *rand.Rand) int32
}

// Bound is a model bound to a schedule and to the composition of its batches. It
// builds graphs, over images [B,H,W,C] float32 in [-1,1], steps t [B] int32 and
// classes y [B] int32, nil for an unconditional model.
type Bound interface {
	// Loss returns the losses of clean images x0 with standard normal noise of their
	// shape. key [2] uint32 decides about everything else that is random, dropout
	// included; nil is for measuring, without dropout.
	Loss(scope *model.Scope, x0, t, y, noise, key *graph.Node) diffusion.Losses
	// Denoiser returns the denoiser, unguided and unclipped. previous is the estimate
	// of the clean images at the step before, zeros at the first one, for models that
	// condition on it; nil is none.
	Denoiser(previous *graph.Node) diffusion.Denoiser
	// Decoder returns the decoding of that name, one of Traits.Decodings.
	Decoder(name string) Decoder
}

// A HostDenoiser is a Bound whose clean images are computed by Go in place of a graph;
// its Denoiser is not called. It may draw them at random: where they follow the
// posterior given the noisy images, so do the samples, at any number of steps.
type HostDenoiser interface {
	Bound
	// EstimateX0 writes the clean images of x, at step t and of the classes y, into x0,
	// of the same shape, which holds those of the step before, zeros at the first one.
	// sources[i] is image i's own randomness. Where it is even, the clean image has to stay as it is
	// from step to step, or the evenness is lost; that leaves the posterior given the image as
	// it is.
	EstimateX0(x imaging.Images, t int, y []int32, sources []noise.Source, x0 imaging.Images) error
}

// A HostBound is a Bound with a HostDenoiser that computes with the weights.
type HostBound interface {
	Bound
	// HostDenoiser returns it, for the weights below scope.
	HostDenoiser(b compute.Backend, scope *model.Scope) (HostDenoiser, error)
}

// onHost is part of Bounds whose clean images Go computes: they build no graph for that.
type onHost struct{}

// Denoiser is not called: see HostDenoiser.
func (onHost) Denoiser(*graph.Node) diffusion.Denoiser {
	exceptions.Panicf("netdiffus: the clean images of this model are computed by Go: it builds no graph for its denoiser")
	return nil
}

// Decoder returns nil: these models have no decodings (Traits).
func (onHost) Decoder(string) Decoder { return nil }

// drawnByGo adds what keeps c from being a model whose clean images are computed by Go.
func (p *problems) drawnByGo(c Config) {
	p.wrong(c.Precision == nn.BF16, "precision is %s, which is for networks over pixels, atoms and numbers: leave it empty", nn.BF16)
	p.wrong(c.Diffusion.Noise == noise.Philox, "noise is %s, with which the device draws: the clean images of this kind of model are computed by Go, and the noise is drawn there too: leave it empty", noise.Philox)
}

// HostDenoiserOf returns b's HostDenoiser, with the weights below scope: nil where b builds
// graphs for its denoiser.
func HostDenoiserOf(b Bound, backend compute.Backend, scope *model.Scope) (HostDenoiser, error) {
	switch b := b.(type) {
	case HostDenoiser:
		return b, nil
	case HostBound:
		return b.HostDenoiser(backend, scope)
	}
	return nil, nil
}

// A Decoder decides what finished images are to show. It is given the images x
// before the last step t and the estimate of the clean ones a step before that, and
// returns for each place of a series (its diagonal pixel) u in [0,1], [B,n,C], whose
// root is the code there. chance [B,n,C] is uniform in [0,1), for decoders that draw.
type Decoder func(scope *model.Scope, x, previous, t, y, chance *graph.Node) *graph.Node
