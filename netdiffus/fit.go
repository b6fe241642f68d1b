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
// channels, the classes, the encoding. It fails where c already has another shape or
// other classes.
func (c Config) Fit(set *dataset.Set) (Config, error) {
	if err := checkSet(set); err != nil {
		return c, err
	}
	if c.Training.Stream {
		return c, errors.New("netdiffus: the model is to be trained on images that are read from the disk (stream), and this data set is in memory")
	}
	return c.fit(set, set.Images.N)
}

// ErrWholeSet is the error of a kind of model that has to see all records at once, and is
// to be trained on a set that stays on the disk.
var ErrWholeSet = errors.New("this kind of model is made from all records at once, which must fit into memory; " +
	"models over pixels, and those over atoms with a network, are trained on more than that")

// FitStored is Fit of a set that stays on the disk, and sets Training.Stream. It fails with
// ErrWholeSet for kinds that are estimated.
func (c Config) FitStored(s *dataset.Stored) (Config, error) {
	if _, is := c.Kind.(Estimator); is {
		return c, fmt.Errorf("netdiffus: %w", ErrWholeSet)
	}
	head := s.Head()
	if s.Len() == 0 {
		return c, errNoImages
	}
	if err := checkShape(head); err != nil {
		return c, err
	}
	if c.Training.Validation > 0 && head.Encoding.Record() == dataset.Series {
		return c, errors.New("netdiffus: what is held out of series is held out by trace, and which trace a window is of is not read from the disk: train with validation 0, or in memory")
	}
	c.Training.Stream = true
	return c.fit(head, s.Len())
}

// fit is Fit to n images of the shape of set's.
func (c Config) fit(set *dataset.Set, n int) (Config, error) {
	if c.Encoding != nil {
		if err := checkRecord(set.Encoding, c.Encoding.Record()); err != nil {
			return c, err
		}
	}
	c = c.clone()
	im := set.Images
	shape := shapeOf(im)
	if c.Image.Side == 0 {
		c.Image.Side, c.Image.Rows = shape.Side, shape.Rows
	}
	if c.Image.Channels == 0 {
		c.Image.Channels = im.C
	}
	if c.Image != shape {
		return c, fmt.Errorf("netdiffus: the model is for images of %dx%dx%d, the data set has %dx%dx%d (height, width, channels)",
			c.Image.Height(), c.Image.Side, c.Image.Channels, im.H, im.W, im.C)
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
	c.Encoding, c.Connections = set.Encoding, set.Connections
	if t := &c.Training; t.Steps == 0 && t.Epochs > 0 {
		t.Steps = int(math.Ceil(t.Epochs * float64(n) / float64(max(t.BatchSize, 1))))
		if t.MaxSteps > 0 {
			t.Steps = min(t.Steps, t.MaxSteps)
		}
	}
	return c, c.Validate()
}

// checkSet returns what keeps any model from being trained on set.
func checkSet(set *dataset.Set) error {
	im := set.Images
	if im.N == 0 {
		return errNoImages
	}
	if err := checkShape(set); err != nil {
		return err
	}
	if len(set.Labels) != im.N {
		return fmt.Errorf("netdiffus: %d labels for %d images", len(set.Labels), im.N)
	}
	for i, label := range set.Labels {
		if label < 0 || label >= len(set.Classes) {
			return fmt.Errorf("netdiffus: image %d has class number %d, but there are %d classes", i, label, len(set.Classes))
		}
	}
	if at := slices.IndexFunc(im.Data, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }); at >= 0 {
		pixels := im.H * im.W * im.C
		return fmt.Errorf("netdiffus: image %d, of class %s, has the value %v at %d", at/pixels, set.Classes[set.Labels[at/pixels]], im.Data[at], at%pixels)
	}
	return nil
}

var errNoImages = errors.New("netdiffus: the data set has no images")

func checkShape(set *dataset.Set) error {
	if im := set.Images; im.H != im.W && im.H != 1 {
		return fmt.Errorf("netdiffus: images are %dx%d, want squares, or rows of a series", im.H, im.W)
	}
	return nil
}

// Validate returns everything that is wrong with c, joined; nil if it can be
// built and trained.
func (c Config) Validate() error {
	var p problems
	p.add(c.kind().Check(c))
	_, err := c.Diffusion.Process()
	p.add(err)
	if err == nil {
		_, err = c.Diffusion.NewSchedule(c.Diffusion.SampleSteps)
		p.add(err)
	}
	for _, err := range []error{c.Diffusion.Noise.Check(), c.Precision.Check()} {
		if err != nil {
			p.add(fmt.Errorf("netdiffus: %w", err))
		}
	}
	t := c.Training
	p.add(TimestepSamplers.check(t.Sampler))
	p.wrong(c.UNet.ImageSize != 0 || c.UNet.InChannels != 0 || c.UNet.Classes != 0,
		"the UNet's image size, channels and classes are those of Image and Classes: leave them 0")
	p.wrong(t.BatchSize < 1, "batch_size is %d, want at least 1", t.BatchSize)
	p.wrong(!(t.Validation >= 0 && t.Validation < 0.5), "validation is %v, want a share in [0,0.5)", t.Validation)
	p.wrong(t.ValidateEvery < 0 || t.Patience < 0, "validate_every is %d and patience %d, want 0 or more", t.ValidateEvery, t.Patience)
	p.wrong(t.Patience > 0 && t.Validation == 0, "patience needs flows held out: give validation a share, as 0.1")
	p.wrong(t.KeepBest && t.Validation == 0, "keep_best needs samples held out: give validation a share, as 0.1")
	p.wrong(t.Choose && t.Validation == 0, "choose needs samples held out: give validation a share, as 0.1")
	p.wrong(t.LimitCopies && t.Validation == 0, "limit_copies needs flows held out: give validation a share, as 0.1")
	p.wrong(t.Microbatch < 0, "microbatch is %d, want 0 (no cut) or more", t.Microbatch)
	p.wrong(!(t.LR > 0), "lr is %v, want it above 0", t.LR)
	p.wrong(!(t.WeightDecay >= 0), "weight_decay is %v, want 0 or more", t.WeightDecay)
	p.wrong(t.AnnealSteps < 0, "lr_anneal_steps is %d, want 0 (constant) or more", t.AnnealSteps)
	p.wrong(!(t.LabelDropout >= 0 && t.LabelDropout < 1), "label_dropout is %v, want it in [0,1)", t.LabelDropout)
	p.wrong(t.LabelDropout > 0 && !c.ClassCond, "label_dropout needs a class-conditional model")
	p.wrong(t.Decay && c.Encoding != nil && t.Steps < 1, "lr_decay needs the number of steps")
	for i, rate := range t.EMA {
		p.wrong(!(rate >= 0 && rate < 1), "ema_rate is %v, want it in [0,1)", rate)
		p.wrong(slices.Contains(t.EMA[:i], rate), "duplicate ema_rate %v", rate)
	}
	return p.err()
}

// problems gathers what is wrong.
type problems []error

func (p *problems) add(err error) { *p = append(*p, err) }

func (p *problems) wrong(bad bool, format string, args ...any) {
	if bad {
		p.add(fmt.Errorf("netdiffus: "+format, args...))
	}
}

func (p problems) err() error { return errors.Join(p...) }

// Learned reports whether the network predicts part of the variance.
func (d Diffusion) Learned() bool { return d.Variance.IsSet() && d.Variance.Value.Learned() }

// NewSchedule returns the noise schedule, of the steps that respacing names
// (schedule.Respace); empty means those of training, d.Respacing.
func (d Diffusion) NewSchedule(respacing string) (schedule.Schedule, error) {
	if err := Schedules.check(d.Schedule); err != nil {
		return schedule.Schedule{}, err
	}
	s, err := d.Schedule.Value(d.Steps)
	if err != nil {
		return s, err
	}
	if respacing == "" {
		respacing = d.Respacing
	}
	return s.Respace(respacing)
}

// Process returns the diffusion model but for its network, on the steps of
// training.
func (d Diffusion) Process() (diffusion.Model, error) {
	s, err := d.NewSchedule("")
	m := diffusion.Model{
		Schedule: s, Parameterization: d.Predict.Value, Variance: d.Variance.Value, Objective: d.Loss.Value,
		RescaleTimesteps: d.RescaleTimesteps,
	}
	if d.MinSNR > 0 {
		m.Weight = diffusion.MinSNR(d.MinSNR)
	}
	var p problems
	p.add(err)
	p.add(Parameterizations.check(d.Predict))
	p.add(Variances.check(d.Variance))
	p.add(Losses.check(d.Loss))
	p.wrong(d.MinSNR < 0, "min_snr is %v, want 0 (none) or more", d.MinSNR)
	return m, p.err()
}
