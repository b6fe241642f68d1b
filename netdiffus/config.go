// Package netdiffus describes a diffusion model of network traffic: a Config holds
// everything that sampling needs of a training run, is saved as JSON in the run
// directory, and makes the Model.
package netdiffus

import (
	"cmp"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/connections"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/diffusion"
	"github.com/netdiffus/netdiffus-go/netdiffus/imaging"
	"github.com/netdiffus/netdiffus-go/netdiffus/nn"
	"github.com/netdiffus/netdiffus-go/netdiffus/noise"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Config is a model, the data it is made for and how it is trained. Presets are
// where to begin; Fit fills in what follows from the data.
type Config struct {
	// Kind is the kind of model, with its settings; nil means Pixels{}. In JSON the
	// settings stand under the kind's name.
	Kind Kind `json:"-"`
	// UNet is the network of models that have a UNet. Its image size, channels and
	// classes are not set here: Network sets them.
	UNet unet.Config `json:"unet,omitzero"`
	// Image is the shape of the images; zero until Fit.
	Image Image `json:"image,omitzero"`
	// ClassCond conditions the model on the class.
	ClassCond bool `json:"class_cond"`
	// Classes are the names of the classes in the order of their numbers, and of
	// the data set's; empty until Fit.
	Classes []string `json:"classes,omitempty"`
	// Encoding is the data set's, with which samples are decoded into packets; nil
	// until Fit.
	Encoding *dataset.Encoding `json:"recipe,omitempty"`
	// Connections is what the data set knows of the connections that its flows were,
	// for captures of samples; nil until Fit, and where it knows nothing.
	Connections *connections.Statistics `json:"connections,omitempty"`
	// Diffusion is the noise process and what the network predicts of it.
	Diffusion Diffusion `json:"diffusion"`
	// Precision is the type that the network computes in, in training and sampling; ""
	// is float32.
	Precision nn.Precision `json:"precision,omitempty"`
	// Training is how the weights are found.
	Training Training `json:"training"`
}

// Image is the shape of a model's images.
type Image struct {
	Side     int `json:"side"` // width, and height unless Rows is set, pixels
	Channels int `json:"channels"`
	// Rows is the height where it is not Side: 1 where there is no image but the series
	// itself (imaging.Series).
	Rows int `json:"rows,omitempty"`
}

// Height is the number of rows.
func (im Image) Height() int { return cmp.Or(im.Rows, im.Side) }

// Pixels is the number of values of an image.
func (im Image) Pixels() int { return im.Height() * im.Side * im.Channels }

// shapeOf is the shape of images.
func shapeOf(m imaging.Images) Image {
	im := Image{Side: m.W, Channels: m.C}
	if m.H != m.W {
		im.Rows = m.H
	}
	return im
}

// Diffusion is the noise process.
type Diffusion struct {
	Steps    int               `json:"diffusion_steps"` // T
	Schedule Part[NewSchedule] `json:"noise_schedule"`
	// Respacing trains on some of the steps only (schedule.Respace); empty means all.
	Respacing string `json:"timestep_respacing,omitempty"`
	// Predict is what the network's output means; Variance where the variance of a
	// denoising step comes from; Loss what is minimised.
	Predict  Part[diffusion.Parameterization] `json:"predict"`
	Variance Part[diffusion.LogVariance]      `json:"variance"`
	Loss     Part[diffusion.Objective]        `json:"loss"`
	// SampleSteps is the respacing that samples are drawn with unless asked
	// otherwise; empty means all steps.
	SampleSteps string `json:"sample_steps,omitempty"`
	// Noise is the generator that the noise of samples is drawn by unless asked
	// otherwise; "" is noise.ChaCha8, as of runs of before there was another.
	Noise noise.Generator `json:"noise,omitempty"`
	// RescaleTimesteps shows the network times in [0,1000) whatever the number
	// of steps.
	RescaleTimesteps bool `json:"rescale_timesteps,omitempty"`
	// MinSNR is γ of the min-SNR weighting (Hang et al. 2023); 0 means none.
	MinSNR float64 `json:"min_snr,omitempty"`
}

// Training is how the weights are found: AdamW with PyTorch's betas (0.9,
// 0.999) and eps (1e-8), and moving averages of the weights.
type Training struct {
	Seed      uint64 `json:"seed"`
	BatchSize int    `json:"batch_size"` // samples a step
	// Microbatch cuts a batch into parts that fit the memory; 0 means no cut.
	// As in guided-diffusion each part's loss is averaged over the part and the
	// gradients are summed, so k parts give k times the gradient.
	Microbatch  int     `json:"microbatch,omitempty"`
	LR          float64 `json:"lr"`
	WeightDecay float64 `json:"weight_decay,omitempty"`
	// AnnealSteps lets the learning rate fall linearly to 0 at that step; 0
	// keeps it constant.
	AnnealSteps int `json:"lr_anneal_steps,omitempty"`
	// Steps is the number of steps that the run is planned for, where the
	// learning rate depends on it (Decay); 0 lets Fit work it out.
	Steps int `json:"steps,omitempty"`
	// Epochs and MaxSteps plan Steps: so many passes over the data, but not more
	// steps than MaxSteps, if that is not 0.
	Epochs   float64 `json:"epochs,omitempty"`
	MaxSteps int     `json:"max_steps,omitempty"`
	// Warmup is the number of steps over which the learning rate rises.
	Warmup int `json:"warmup_steps,omitempty"`
	// Decay lets the learning rate fall linearly from its full value after 30 %
	// of Steps to 1 % of it at the end.
	Decay bool `json:"lr_decay,omitempty"`
	// Clip is the largest norm of the whole gradient; 0 means none.
	Clip float64 `json:"clip_gradient,omitempty"`
	// Beta2 is AdamW's second coefficient; 0 means 0.999.
	Beta2 float64 `json:"adam_beta2,omitempty"`
	// EMAWarmup keeps the averages young at the start: the rate after k steps is
	// at most (1+k)/(10+k).
	EMAWarmup bool `json:"ema_warmup,omitempty"`
	// Balance draws class c in proportion to (its images)^Balance in every
	// batch, for models with grouped batches: 1 as often as it is, 0 all alike.
	Balance float64 `json:"class_balance,omitempty"`
	// EMA are the rates of the moving averages kept; samples are drawn with the
	// first.
	EMA []float64 `json:"ema_rate"`
	// RandomFlip mirrors half of the images from left to right, as
	// guided-diffusion's loader does to photographs. A mirrored GASF is the image of
	// no flow.
	RandomFlip bool `json:"random_flip,omitempty"`
	// Sampler draws the timesteps.
	Sampler Part[NewTimesteps] `json:"schedule_sampler"`
	// Validation is the share of the flows that is held out of training, to
	// measure the loss of; 0 means none. Every ValidateEvery steps the averaged
	// weights are measured (0 means 20 times over Steps, or every 500), and
	// where the measure has not got better Patience times in a row training
	// stops; 0 means never. LimitCopies, for models that draw lengths to the byte,
	// also counts how many of the flows drawn are copies of training flows: where
	// they are more than of the flows held out, the measure is no better, whatever
	// it is.
	Validation    float64 `json:"validation,omitempty"`
	ValidateEvery int     `json:"validate_every,omitempty"`
	Patience      int     `json:"patience,omitempty"`
	// KeepBest also measures the weights before the first step, which for models that
	// start from a base are the base, and draws samples with the best of all that were
	// measured.
	KeepBest    bool `json:"keep_best,omitempty"`
	LimitCopies bool `json:"limit_copies,omitempty"`
	// Choose chooses after training, by what was held out, how samples are drawn, of kinds of
	// model that can draw in several ways (Chooser): others have nothing to choose.
	Choose bool `json:"choose,omitempty"`
	// LabelDropout is the share of labels hidden from the network, which makes
	// classifier-free guidance possible; 0 means none and no null class.
	LabelDropout float64 `json:"label_dropout,omitempty"`
	// Stream is set for a model that is trained on images read from the disk as they are
	// needed (train.RunStored): they are shuffled in parts and not all at once, which is
	// another order than that of a set in memory.
	Stream bool `json:"stream,omitempty"`
}

// NumClasses is the number of classes that the model is conditioned on, 0 for an
// unconditional one.
func (c Config) NumClasses() int {
	if !c.ClassCond {
		return 0
	}
	return len(c.Classes)
}

// NullClass returns the class number that means any class, for classifier-free
// guidance, and whether the model has one.
func (c Config) NullClass() (class int, ok bool) {
	return c.NumClasses(), c.NumClasses() > 0 && c.Training.LabelDropout > 0
}

// Network returns UNet for images of the configuration's shape and classes.
func (c Config) Network() unet.Config {
	u := c.UNet
	u.ImageSize, u.InChannels = c.Image.Side, c.Image.Channels
	u.Classes = c.NumClasses()
	_, u.NullClass = c.NullClass()
	u.LearnSigma = c.Diffusion.Learned()
	return u
}

// Model returns the model that c describes. For most kinds c must be fitted.
func (c Config) Model() (Model, error) { return c.kind().New(c) }

// kind is Kind or its default.
func (c Config) kind() Kind {
	if c.Kind == nil {
		return Pixels{}
	}
	return c.Kind
}

// clone returns a copy that shares no slice with c.
func (c Config) clone() Config {
	c.UNet.ChannelMult = slices.Clone(c.UNet.ChannelMult)
	c.UNet.Attention = slices.Clone(c.UNet.Attention)
	c.Classes = slices.Clone(c.Classes)
	c.Training.EMA = slices.Clone(c.Training.EMA)
	return c
}
