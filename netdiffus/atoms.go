package netdiffus

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/categorical"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Atoms is the kind of model over the atoms of the data set's codec (package
// categorical). It predicts the clean image and has a loss of its own, so that
// Config.Diffusion's Predict, Variance and Loss do not matter.
type Atoms struct {
	// Base is what the probabilities start from.
	Base Part[categorical.Base] `json:"base"`
	// Trunk is the network that corrects them.
	Trunk Part[NewTrunk] `json:"trunk"`
	// Width and Blocks are the MLP's; 0 means 384 and 3.
	Width  int `json:"width,omitempty"`
	Blocks int `json:"blocks,omitempty"`
	// Patch is the side of the squares of pixels that the UNet takes as one pixel
	// (categorical.UNet); 0 means 2 where the image's side is even and not below 8,
	// else 1.
	Patch int `json:"patch,omitempty"`
	// Jump is the share of a step of the chain that does not depend on the atom
	// before; 0 means categorical.DefaultJump.
	Jump float64 `json:"jump,omitempty"`
	// SelfCondition shows the network its estimate of the clean image at the step
	// before (categorical.Model).
	SelfCondition bool `json:"self_condition,omitempty"`
	// CrossEntropy is the atoms' weight in the loss; 0 means 0.2.
	CrossEntropy float64 `json:"cross_entropy,omitempty"`
	// Grain is the standard deviation of the noise left on finished images, as
	// of a sampler that stops short of the clean image. It is far below the room
	// of any common atom, and mixes rare ones with their neighbours, so that
	// rare lengths are not copied one by one.
	Grain float64 `json:"grain,omitempty"`
}

// CodecError is the error of a model whose data set has an unsuitable codec.
type CodecError struct{ Want, Got string } // names of codecs

func (e *CodecError) Error() string {
	return fmt.Sprintf("netdiffus: the model needs a data set with the codec %s; this one has the codec %s", e.Want, e.Got)
}

// RecordError is the error of a model that is given the other kind of record.
type RecordError struct{ Want, Got dataset.Record }

func (e *RecordError) Error() string {
	return fmt.Sprintf("netdiffus: the model is one of %s, and the data set holds %s", e.Want, e.Got)
}

// checkRecord returns the error of a model of want for images that show another record.
func checkRecord(e *dataset.Encoding, want dataset.Record) error {
	if got := e.Record(); got != want {
		return &RecordError{want, got}
	}
	return nil
}

// Codec returns the codec "atoms".
func (Atoms) Codec() codec.Codec { return &codec.Atoms{} }

// Check returns what keeps c from being a model over atoms.
func (a Atoms) Check(c Config) error {
	t := c.Training
	var p problems
	p.add(Bases.check(a.Base))
	if err := Trunks.check(a.Trunk); err != nil {
		p.add(err)
	} else {
		p.add(a.trunk(c).Validate())
	}
	p.wrong(!(a.Jump >= 0 && a.Jump < 1), "jump is %v, want it in [0,1)", a.Jump)
	p.wrong(!(a.Grain >= 0 && a.Grain < 1), "grain is %v, want it in [0,1)", a.Grain)
	p.wrong(!c.ClassCond, "a model over atoms is class-conditional")
	p.wrong(t.Microbatch != 0 || t.LabelDropout != 0, "a model over atoms takes neither microbatches nor label dropout")
	if c.Encoding != nil {
		_, err := atomCodecs(c.Encoding)
		p.add(err)
		p.wrong(t.BatchSize < len(c.Classes), "batches of %d have no room for each of %d classes", t.BatchSize, len(c.Classes))
	}
	return p.err()
}

// atomCodecs returns the codecs of the channels, if a model over atoms can be made
// for them.
func atomCodecs(e *dataset.Encoding) ([]*codec.Atoms, error) {
	if err := checkRecord(e, dataset.Flows); err != nil {
		return nil, err
	}
	var all []*codec.Atoms
	for _, channel := range e.Channels() {
		a, ok := channel.Codec.(*codec.Atoms)
		if !ok {
			return nil, &CodecError{Want: a.Name(), Got: channel.Codec.Name()}
		}
		all = append(all, a)
	}
	if _, ok := e.Image().(imaging.GASF); !ok {
		return nil, fmt.Errorf("netdiffus: a model over atoms renders GASF images, the data set has %s", e.Image().Name())
	}
	return all, nil
}

// New returns the model.
func (a Atoms) New(c Config) (Model, error) {
	if c.Encoding == nil {
		return nil, errors.New("netdiffus: a model over atoms is made for a data set: fit the configuration to one first")
	}
	codecs, err := atomCodecs(c.Encoding)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(Bases.check(a.Base), Trunks.check(a.Trunk)); err != nil {
		return nil, err
	}
	m := atomModel{grain: a.Grain, Model: categorical.Model{
		Base: a.Base.Value, Trunk: a.trunk(c), CrossEntropy: a.CrossEntropy, SelfCondition: a.SelfCondition,
	}}
	m.Prior, err = categorical.NewPrior(codecs[0], c.Classes, cmp.Or(a.Jump, categorical.DefaultJump), codecs[1:]...)
	return m, err
}

// trunk makes the network, for c's images.
func (a Atoms) trunk(c Config) categorical.Trunk {
	shape := categorical.Shape{Places: c.Image.Side, Channels: c.Image.Channels, Classes: len(c.Classes), Images: 2}
	if a.SelfCondition {
		shape.Images = 3
	}
	return a.Trunk.Value(a, c.UNet, shape)
}

func newMLP(a Atoms, _ unet.Config, shape categorical.Shape) categorical.Trunk {
	return categorical.MLP{Shape: shape, Width: a.Width, Blocks: a.Blocks}
}

func newUNet(a Atoms, network unet.Config, shape categorical.Shape) categorical.Trunk {
	return categorical.UNet{Shape: shape, Config: network, Patch: a.Patch}
}

// atomModel is a categorical.Model with what sampling needs of it.
type atomModel struct {
	categorical.Model
	grain float64
}

func (m atomModel) Traits() Traits {
	return Traits{
		Grouped: true, Batch: 448, Reach: categorical.Reach, Grain: m.grain,
		Decodings: []string{"head", "argmax"},
	}
}

func (m atomModel) Bind(s schedule.Schedule, groups []int) Bound {
	m.Schedule, m.Groups = s, groups
	return m
}

func (m atomModel) Loss(scope *model.Scope, x0, t, y, noise, key *graph.Node) diffusion.Losses {
	if key == nil { // self-conditioning shows a half of the images, always the same
		key = graph.Const(x0.Graph(), []uint32{0, 0})
	}
	return m.Model.Loss(scope, x0, t, y, noise, key)
}

// Decoder returns "head", which draws an atom from each packet's distribution, or
// "argmax", which takes the most probable one.
func (m atomModel) Decoder(name string) Decoder {
	if name == "argmax" {
		return func(scope *model.Scope, x, previous, t, y, _ *graph.Node) *graph.Node {
			return m.Decide(scope, x, previous, t, y, nil)
		}
	}
	return m.Decide
}
