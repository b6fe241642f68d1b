package netdiffus

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/schedule"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Fit returns c with what it leaves open taken from set: the images' size and
// channels, the classes, the recipe. It fails where c, or the set it was fitted
// to before, says otherwise.
func (c Config) Fit(set *dataset.Set) (Config, error) {
	c = c.clone()
	im := set.Images
	if im.N == 0 {
		return c, errors.New("netdiffus: the data set has no images")
	}
	if im.H != im.W {
		return c, fmt.Errorf("netdiffus: images are %dx%d, want squares", im.H, im.W)
	}
	if len(set.Labels) != im.N {
		return c, fmt.Errorf("netdiffus: %d labels for %d images", len(set.Labels), im.N)
	}
	if c.UNet.ImageSize == 0 {
		c.UNet.ImageSize = im.H
	}
	if c.UNet.InChannels == 0 {
		c.UNet.InChannels = im.C
	}
	if c.UNet.ImageSize != im.H || c.UNet.InChannels != im.C {
		return c, fmt.Errorf("netdiffus: the model is for images of %dx%dx%d, the data set has %dx%dx%d (height, width, channels)",
			c.UNet.ImageSize, c.UNet.ImageSize, c.UNet.InChannels, im.H, im.W, im.C)
	}
	if len(c.UNet.ChannelMult) == 0 {
		c.UNet.ChannelMult = unet.DefaultChannelMult(im.H)
	}
	if len(c.Classes) == 0 {
		c.Classes = slices.Clone(set.Classes)
	}
	if !slices.Equal(c.Classes, set.Classes) {
		return c, fmt.Errorf("netdiffus: the model is for the classes %s; the data set has %s",
			strings.Join(c.Classes, ", "), strings.Join(set.Classes, ", "))
	}
	for i, label := range set.Labels {
		if label < 0 || label >= len(set.Classes) {
			return c, fmt.Errorf("netdiffus: image %d has class number %d, but there are %d classes", i, label, len(set.Classes))
		}
	}
	if at := slices.IndexFunc(im.Data, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }); at >= 0 {
		pixels := im.H * im.W * im.C
		return c, fmt.Errorf("netdiffus: image %d, of class %s, has the value %v at %d", at/pixels, set.Classes[set.Labels[at/pixels]], im.Data[at], at%pixels)
	}
	c.Encoding = set.Encoding
	if t := &c.Training; t.Steps == 0 && t.Epochs > 0 {
		t.Steps = int(math.Ceil(t.Epochs * float64(im.N) / float64(max(t.BatchSize, 1))))
		if t.MaxSteps > 0 {
			t.Steps = min(t.Steps, t.MaxSteps)
		}
	}
	c.derive()
	return c, c.Validate()
}

// derive sets the network's fields that follow from others.
func (c *Config) derive() {
	if c.ClassCond && c.UNet.Classes == 0 {
		c.UNet.Classes = len(c.Classes)
	}
	if !c.ClassCond {
		c.UNet.Classes = 0
	}
	c.UNet.NullClass = c.UNet.Classes > 0 && c.Training.LabelDropout > 0
	c.UNet.LearnSigma = c.Diffusion.Learned()
}

// Validate says what is wrong with c, everything at once; nil if it can be
// built and trained.
func (c Config) Validate() error {
	c.derive()
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("netdiffus: "+format, args...))
		}
	}
	if c.Atoms == nil || c.Atoms.Trunk == "unet" {
		errs = append(errs, c.UNet.Validate())
	}
	_, err := c.Diffusion.process()
	errs = append(errs, err)
	_, err = TimestepSamplers.Get(c.Training.Sampler)
	errs = append(errs, err)
	t := c.Training
	wrong(c.ClassCond && len(c.Classes) > 0 && c.UNet.Classes != len(c.Classes),
		"the network is for %d classes, but %d are named", c.UNet.Classes, len(c.Classes))
	wrong(t.BatchSize < 1, "batch_size is %d, want at least 1", t.BatchSize)
	wrong(!(t.Validation >= 0 && t.Validation < 0.5), "validation is %v, want a share in [0,0.5)", t.Validation)
	wrong(t.ValidateEvery < 0 || t.Patience < 0, "validate_every is %d and patience %d, want 0 or more", t.ValidateEvery, t.Patience)
	wrong(t.Patience > 0 && t.Validation == 0, "patience needs flows held out: give validation a share, as 0.1")
	wrong(t.LimitCopies && t.Validation == 0, "limit_copies needs flows held out: give validation a share, as 0.1")
	wrong(t.LimitCopies && c.Atoms == nil, "limit_copies is for a model over atoms: others do not draw lengths to the byte")
	wrong(t.Microbatch < 0, "microbatch is %d, want 0 (no cut) or more", t.Microbatch)
	wrong(!(t.LR > 0), "lr is %v, want it above 0", t.LR)
	wrong(!(t.WeightDecay >= 0), "weight_decay is %v, want 0 or more", t.WeightDecay)
	wrong(t.AnnealSteps < 0, "lr_anneal_steps is %d, want 0 (constant) or more", t.AnnealSteps)
	wrong(!(t.LabelDropout >= 0 && t.LabelDropout < 1), "label_dropout is %v, want it in [0,1)", t.LabelDropout)
	wrong(t.LabelDropout > 0 && !c.ClassCond, "label_dropout needs a class-conditional model")
	wrong(t.Decay && c.Encoding != nil && t.Steps < 1, "lr_decay needs the number of steps")
	wrong(t.Balance != 0 && c.Atoms == nil, "class_balance needs a model over atoms")
	if c.Atoms != nil {
		errs = append(errs, c.checkAtoms()...)
	}
	for i, rate := range t.EMA {
		wrong(!(rate >= 0 && rate < 1), "ema_rate is %v, want it in [0,1)", rate)
		wrong(slices.Contains(t.EMA[:i], rate), "ema_rate %v is given twice", rate)
	}
	return errors.Join(errs...)
}

// Model returns the diffusion model, with its network's weights to be found in
// the scope that it is run in.
func (c Config) Model() (diffusion.Model, error) {
	c = c.clone()
	c.derive()
	if err := c.UNet.Validate(); err != nil {
		return diffusion.Model{}, err
	}
	m, err := c.Diffusion.process()
	m.Network = c.UNet.Graph
	return m, err
}

// Learned tells whether the network has a say in the variance.
func (d Diffusion) Learned() bool {
	v, err := Variances.Get(d.Variance)
	return err == nil && v.Learned()
}

// process is the model but for its network.
func (d Diffusion) process() (diffusion.Model, error) {
	var s schedule.Schedule
	newSchedule, err := Schedules.Get(d.Schedule)
	if err == nil {
		s, err = newSchedule(d.Steps)
	}
	if err == nil {
		s, err = s.Respace(d.Respacing)
	}
	parameterization, errParameterization := Parameterizations.Get(d.Predict)
	variance, errVariance := Variances.Get(d.Variance)
	objective, errLoss := Losses.Get(d.Loss)
	m := diffusion.Model{
		Schedule: s, Parameterization: parameterization, Variance: variance, Objective: objective,
		RescaleTimesteps: d.RescaleTimesteps,
	}
	if d.MinSNR > 0 {
		m.Weight = diffusion.MinSNR(d.MinSNR)
	}
	var errSNR error
	if d.MinSNR < 0 {
		errSNR = fmt.Errorf("netdiffus: min_snr is %v, want 0 (none) or more", d.MinSNR)
	}
	return m, errors.Join(err, errParameterization, errVariance, errLoss, errSNR)
}
