// Package netdiffus describes a diffusion model of network traffic by names and
// numbers, as JSON in the run directory, and builds it: a Config holds
// everything that sampling needs to know about a training run.
package netdiffus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/codec"
	"github.com/netdiffus/netdiffus-go/netdiffus/dataset"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/unet"
)

// Config is a model, the data it is made for and how it is trained.
type Config struct {
	// UNet is the network. Its ImageSize, InChannels and Classes are those of
	// the data set: Fit fills them in where they are 0. LearnSigma and NullClass
	// follow from Diffusion.Variance and Training.LabelDropout.
	UNet unet.Config `json:"unet"`
	// ClassCond conditions the network on the class.
	ClassCond bool `json:"class_cond"`
	// Classes are the names of the classes in the order of their numbers, and of
	// the data set's; empty until Fit has seen one.
	Classes []string `json:"classes,omitempty"`
	// Encoding is the data set's, so that samples can be decoded into packets; nil
	// until Fit has seen a set.
	Encoding *dataset.Encoding `json:"recipe,omitempty"`
	// Atoms makes the model one over the atoms of the data set's codec (package
	// head), which sets what is predicted and the loss; nil is the reference's
	// way, over pixels.
	Atoms *Atoms `json:"atoms,omitempty"`
	// Diffusion is the noise process and what the network predicts of it.
	Diffusion Diffusion `json:"diffusion"`
	// Training is how the weights are found.
	Training Training `json:"training"`
}

// Diffusion names the parts of the noise process.
type Diffusion struct {
	Steps     int    `json:"diffusion_steps"` // T
	Schedule  string `json:"noise_schedule"`  // a name in Schedules
	Respacing string `json:"timestep_respacing,omitempty"`
	// Predict is what the network's output means, a name in Parameterizations; Variance
	// where the variance of a denoising step comes from, a name in Variances;
	// Loss what is minimised, a name in Losses.
	Predict  string `json:"predict"`
	Variance string `json:"variance"`
	Loss     string `json:"loss"`
	// SampleSteps is the respacing that samples are drawn with unless asked
	// otherwise; empty means all steps.
	SampleSteps string `json:"sample_steps,omitempty"`
	// RescaleTimesteps shows the network times in [0,1000) whatever the number
	// of steps.
	RescaleTimesteps bool `json:"rescale_timesteps,omitempty"`
	// MinSNR is γ of the min-SNR weighting (Hang et al. 2023); 0 means none.
	MinSNR float64 `json:"min_snr,omitempty"`
}

// Atoms is a categorical head over the data set's codec (package categorical).
type Atoms struct {
	Base  string `json:"base"`  // a name in Bases
	Trunk string `json:"trunk"` // "mlp", or "unet" (Config.UNet over the image)
	// Width and Blocks are the MLP's; 0 means 384 and 3.
	Width  int `json:"width,omitempty"`
	Blocks int `json:"blocks,omitempty"`
	// Patch is the side of the squares of pixels that the UNet takes as one pixel
	// (categorical.UNet); 0 means 2 where the image's side is even and not below 8, else 1.
	Patch int `json:"patch,omitempty"`
	// Jump is the share of a step of the chain that ignores what came before; 0
	// means categorical.DefaultJump.
	Jump float64 `json:"jump,omitempty"`
	// SelfCondition shows the network the clean image that it made a step before
	// (categorical.Model).
	SelfCondition bool `json:"self_condition,omitempty"`
	// CrossEntropy is the atoms' weight in the loss; 0 means 0.2.
	CrossEntropy float64 `json:"cross_entropy,omitempty"`
	// Grain is the standard deviation of the noise left on finished images, as
	// of a sampler that stops short of the clean image. It is far below the room
	// of any common atom, and mixes rare ones with their neighbours, so that
	// rare lengths are not copied one by one.
	Grain float64 `json:"grain,omitempty"`
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
	// batch, which needs Config.Atoms: 1 as often as it is, 0 all alike.
	Balance float64 `json:"class_balance,omitempty"`
	// EMA are the rates of the moving averages kept; samples are drawn with the
	// first.
	EMA []float64 `json:"ema_rate"`
	// RandomFlip mirrors half of the images from left to right, as
	// guided-diffusion's loader does to photographs. A mirrored GASF is none.
	RandomFlip bool `json:"random_flip,omitempty"`
	// Sampler draws the timesteps, a name in TimestepSamplers.
	Sampler string `json:"schedule_sampler"`
	// Validation is the share of the flows that is held out of training, to
	// measure the loss of; 0 means none. Every ValidateEvery steps the averaged
	// weights are measured (0 means 20 times over Steps, or every 500), and
	// where the measure has not got better Patience times in a row training
	// stops; 0 means never. LimitCopies, for a model over atoms, also counts how
	// many of the flows it draws are copies of training flows: where they are
	// more than of the flows held out, the measure is no better, whatever it is.
	Validation    float64 `json:"validation,omitempty"`
	ValidateEvery int     `json:"validate_every,omitempty"`
	Patience      int     `json:"patience,omitempty"`
	LimitCopies   bool    `json:"limit_copies,omitempty"`
	// LabelDropout is the share of labels hidden from the network, which makes
	// classifier-free guidance possible; 0 means none and no null class.
	LabelDropout float64 `json:"label_dropout,omitempty"`
}

// Default is a small class-conditional model for 10x10 images that trains in
// minutes on a CPU. Whatever the reference's command line leaves at its default
// is at that default here.
func Default() Config {
	return Config{
		UNet:      unet.Config{Channels: 64, ResBlocks: 1, Heads: 4, LearnSigma: true, Attention: []int{16, 8}},
		ClassCond: true,
		Diffusion: Diffusion{
			Steps: 100, Schedule: "cosine",
			Predict: "eps", Variance: "learned_range", Loss: "rescaled_mse",
		},
		Training: Training{BatchSize: 32, LR: 3e-4, EMA: []float64{0.999}, Sampler: "uniform"},
	}
}

// Categorical is a model over atoms with the multilayer trunk, for data sets made with
// the codec "atoms": it trains for epochs passes over the data, but no more than
// maxSteps steps. The settings are those found best in docs/lab-book.md.
func Categorical(epochs float64, maxSteps int) Config {
	return Config{
		ClassCond: true,
		Atoms:     &Atoms{Base: "chain", Trunk: "mlp", SelfCondition: true, Grain: 0.0035},
		Diffusion: Diffusion{
			Steps: 1000, Schedule: "angular", SampleSteps: "30",
			Predict: "x0", Variance: "fixed_small", Loss: "mse",
		},
		Training: Training{
			BatchSize: 128, LR: 2e-3, WeightDecay: 1e-4, Clip: 1, Beta2: 0.99,
			Epochs: epochs, MaxSteps: maxSteps, Warmup: 50, Decay: true,
			EMA: []float64{0.999}, EMAWarmup: true, Balance: 1, Sampler: "stratified",
		},
	}
}

// Reference is the reference's model: NetDiffus 2.0 with the flags of its README,
// trained with its training script's moving average.
func Reference() Config {
	c := Default()
	c.UNet.Channels, c.UNet.ResBlocks = 128, 3
	c.Diffusion.Loss = "mse"
	c.Training = Training{BatchSize: 4, LR: 1e-4, EMA: []float64{0.999}, Sampler: "uniform"}
	return c
}

// Presets are the configurations with names. Times are those of some 13,000
// flows on two cores.
var Presets = map[string]func() Config{
	"quick":     func() Config { return Categorical(25, 2500) },   // 2 minutes, samples included
	"default":   func() Config { return Categorical(44, 20_000) }, // 3 minutes
	"best":      bestPreset,                                       // some 20 minutes
	"classic":   Default,
	"reference": Reference,
}

// PresetFor is the name of the preset that suits a data set: "default" where its
// codec is of atoms, "classic" for others.
func PresetFor(set *dataset.Set) string {
	if _, ok := set.Encoding.Channels()[0].Codec.(*codec.Atoms); ok {
		return "default"
	}
	return "classic"
}

// bestPreset is the model over atoms with a UNet.
func bestPreset() Config {
	c := Categorical(90, 100_000)
	c.Atoms.Trunk, c.Atoms.Base, c.Atoms.SelfCondition = "unet", "field", false
	c.UNet = unet.Config{Channels: 48, ChannelMult: []float64{1}, ResBlocks: 1, Attention: []int{}, NormGroups: 8, Dense: 512}
	c.Training.LR, c.Training.Balance = 1.5e-3, 0.5
	return c
}

// Load reads the Config in the JSON file at path. A field it does not know is an
// error: a setting that is spelt wrong must not be ignored.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("netdiffus: config: %w", err)
	}
	c, err := Decode(data, Config{})
	if err != nil {
		return Config{}, fmt.Errorf("netdiffus: %s: %w", path, err)
	}
	return c, nil
}

// Decode reads JSON over base: a field that data lacks stays as it is in base.
func Decode(data []byte, base Config) (Config, error) {
	c := base.clone()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("config: more than one JSON value")
	}
	return c, nil
}

// JSON returns c as indented JSON with a line feed at the end.
func (c Config) JSON() []byte {
	data, err := plainjson.Marshal(c)
	if err != nil {
		panic(err) // only a recipe with parts that have no JSON form, which no data set has
	}
	return data
}

// clone returns a copy that shares no slice with c.
func (c Config) clone() Config {
	c.UNet.ChannelMult = slices.Clone(c.UNet.ChannelMult)
	c.UNet.Attention = slices.Clone(c.UNet.Attention)
	c.Classes = slices.Clone(c.Classes)
	c.Training.EMA = slices.Clone(c.Training.EMA)
	if c.Atoms != nil {
		atoms := *c.Atoms
		c.Atoms = &atoms
	}
	return c
}
