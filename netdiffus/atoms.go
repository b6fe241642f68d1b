package netdiffus

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/netdiffus/netdiffus-go/netdiffus/categorical"
	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
)

// checkAtoms says what keeps c from being a model over atoms.
func (c Config) checkAtoms() (errs []error) {
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("netdiffus: "+format, args...))
		}
	}
	a, t := c.Atoms, c.Training
	_, err := Bases.Get(a.Base)
	errs = append(errs, err)
	wrong(a.Trunk != "mlp" && a.Trunk != "unet", "no trunk %q: want mlp or unet", a.Trunk)
	wrong(a.Width%nn.DefaultGroups != 0 || a.Width == nn.DefaultGroups || a.Width < 0, "the MLP's width is %d, want a multiple of %d from %d up, or 0", a.Width, nn.DefaultGroups, 2*nn.DefaultGroups)
	wrong(a.Blocks < 0, "the MLP has %d blocks, want 0 or more", a.Blocks)
	wrong(a.Patch < 0, "patch is %d, want 1 or more, or 0", a.Patch)
	wrong(a.Patch > 1 && c.UNet.ImageSize%a.Patch != 0, "patches of %d do not divide images of %d", a.Patch, c.UNet.ImageSize)
	wrong(!(a.Jump >= 0 && a.Jump < 1), "jump is %v, want it in [0,1)", a.Jump)
	wrong(!(a.Grain >= 0 && a.Grain < 1), "grain is %v, want it in [0,1)", a.Grain)
	wrong(!c.ClassCond, "a model over atoms is class-conditional")
	wrong(t.Microbatch != 0 || t.LabelDropout != 0, "a model over atoms takes neither microbatches nor label dropout")
	if c.Encoding == nil {
		return errs
	}
	_, err = c.atomCodecs()
	errs = append(errs, err)
	wrong(t.BatchSize < len(c.Classes), "batches of %d have no room for each of %d classes", t.BatchSize, len(c.Classes))
	return errs
}

// atomCodecs are the codecs of the data set's channels, if a model over atoms
// can be made for it.
func (c Config) atomCodecs() ([]*codec.Atoms, error) {
	var all []*codec.Atoms
	for _, channel := range c.Encoding.Channels() {
		a, ok := channel.Codec.(*codec.Atoms)
		if !ok {
			return nil, fmt.Errorf("netdiffus: a model over atoms needs a data set converted with --codec atoms; this one has the codec %s (for a model over its pixels take --preset classic or reference)", channel.Codec.Name())
		}
		all = append(all, a)
	}
	if _, ok := c.Encoding.Image().(imaging.GASF); !ok {
		return nil, fmt.Errorf("netdiffus: a model over atoms renders GASF images, the data set has %s", c.Encoding.Image().Name())
	}
	return all, nil
}

// Head returns the model over atoms for batches of groups[c] images of class c,
// sorted by class, with its weights to be found in the scope that it is run in.
func (c Config) Head(groups []int) (categorical.Model, error) {
	if c.Atoms == nil || c.Encoding == nil {
		return categorical.Model{}, errors.New("netdiffus: not a model over atoms, or not fitted to a data set")
	}
	atoms, err := c.atomCodecs()
	if err != nil {
		return categorical.Model{}, err
	}
	h := categorical.Model{Groups: groups, CrossEntropy: c.Atoms.CrossEntropy, SelfCondition: c.Atoms.SelfCondition}
	if h.Base, err = Bases.Get(c.Atoms.Base); err != nil {
		return h, err
	}
	if h.Prior, err = categorical.NewPrior(atoms[0], c.Classes, cmp.Or(c.Atoms.Jump, categorical.DefaultJump), atoms[1:]...); err != nil {
		return h, err
	}
	m, err := c.Diffusion.process()
	h.Schedule = m.Schedule
	h.Trunk = c.trunk(h.Prior.Places, h.Prior.Channels())
	return h, err
}

func (c Config) trunk(places, channels int) categorical.Trunk {
	images := 2
	if c.Atoms.SelfCondition {
		images = 3
	}
	if c.Atoms.Trunk == "unet" {
		return categorical.UNet{Places: places, Channels: channels, Images: images, Classes: len(c.Classes), Config: c.UNet, Patch: c.Atoms.Patch}
	}
	return categorical.MLP{Places: places, Channels: channels, Images: images, Classes: len(c.Classes), Width: c.Atoms.Width, Blocks: c.Atoms.Blocks}
}

// Params lists the model's weights. For a model over atoms c must be fitted.
func (c Config) Params() ([]nn.Param, error) {
	if c.Atoms == nil {
		c = c.clone()
		c.derive()
		return c.UNet.Params(), c.UNet.Validate()
	}
	h, err := c.Head(make([]int, len(c.Classes)))
	if err != nil {
		return nil, err
	}
	return h.Params(), nil
}

// Create makes the model's weights below scope, new ones by seed.
func (c Config) Create(scope *model.Scope, seed uint64) error {
	params, err := c.Params()
	if err != nil {
		return err
	}
	return nn.Create(scope, params, seed)
}
